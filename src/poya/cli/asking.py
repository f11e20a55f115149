# SPDX-License-Identifier: Apache-2.0
"""Every question that poya asks, and the flag that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import click

from poya.cli.session import can_ask
from poya.cli.text import printable, wrapped
from poya.errors import Cancelled, Conflict, FindingsRefuse, StalePlan, UsageError
from poya.migration.prepare import Prepared
from poya.model.finding import Finding
from poya.model.intent import POLICIES, Intent, Policy
from poya.model.plan import Plan
from poya.model.records import KIND_TITLES
from poya.planning.staleness import what_moved

_MOST_FIELDS = 4
_MOST_MOVED = 12
_DANGERS = {
    "configuration": "It can be replaced, but that is dangerous: CFS may reconfigure nodes.",
    "template": "It can be replaced, but that is dangerous.",
    "group": "Its members and description can be changed to those planned.",
    "image": "The new one can be put beside it, under the same name.",
}


def parse_policies(values: tuple[str, ...]) -> dict[str, Policy]:
    """Read `--on-conflict overwrite` (all kinds) and `--on-conflict template=rename`.

    Raises:
        UsageError: An unknown kind or policy.
    """
    policies: dict[str, Policy] = {}
    for value in values:
        kind, found, policy = value.rpartition("=")
        kinds = [kind] if found else list(KIND_TITLES)
        chosen = next((p for p in POLICIES if p == policy), None)
        if chosen is None or any(k not in KIND_TITLES for k in kinds):
            raise UsageError(
                f"--on-conflict {value}: unknown.",
                todo=f"Use {', '.join(POLICIES)}, for all kinds or as KIND=POLICY with a KIND of "
                f"{', '.join(KIND_TITLES)}.",
            )
        policies.update(dict.fromkeys(kinds, chosen))
    return policies


def settle_conflicts(prepared: Prepared, intent: Intent, *, yes: bool) -> tuple[Plan, Intent]:
    """Plan, and ask per kind what to do with names that the target uses for something else.

    Kinds for which a policy was given are not asked about.

    Raises:
        Cancelled: The operator does not want something overwritten.
    """
    plan = prepared.plan(intent)
    for kind in KIND_TITLES:
        names = [name for name in _refused(plan, kind) if kind not in intent.policies]
        if names and (yes or (can_ask() and _overwrites(kind, names, plan))):
            policies: Mapping[str, Policy] = {**intent.policies, kind: "overwrite"}
            intent = replace(intent, policies=policies)
            plan = prepared.plan(intent)
    return plan, intent


def _refused(plan: Plan, kind: str) -> list[str]:
    if kind == "image":
        return [image.name for image in plan.images if image.action == "refuse"]
    return [e.name for e in plan.entities if e.kind == kind and e.action == "refuse"]


def _overwrites(kind: str, names: list[str], plan: Plan) -> bool:
    listed = ", ".join(printable(name) for name in names)
    fields = [c.pointer for e in plan.entities if e.kind == kind for c in e.changes]
    differing = f" It differs in {', '.join(fields[:_MOST_FIELDS])}." if fields else ""
    text = (
        f"There already exists at {plan.target} another {KIND_TITLES[kind]} with name {listed}."
        f"{printable(differing)} {_DANGERS[kind]}"
    )
    click.echo(wrapped(text), err=True)
    if not click.confirm("Do you want to overwrite it?", err=True):
        raise Cancelled(
            f"The {KIND_TITLES[kind]} {listed} stays as it is; nothing was written.",
            todo=f"--on-conflict {kind}=rename brings this one under another name.",
        )
    return True


def refuse_if_critical(plan: Plan) -> None:
    """Stop before the first write where a finding says so.

    Raises:
        Conflict: All that refuses are names already taken.
        FindingsRefuse: Something else refuses.
    """
    blocking = plan.blocking()
    if not blocking:
        return
    listed = "\n".join(_one_line(finding) for finding in blocking)
    remedies = "\n".join(dict.fromkeys(f.remedy for f in blocking if f.remedy))
    only_names = all(finding.id == "name-taken" for finding in blocking)
    kind = Conflict if only_names else FindingsRefuse
    noun = "finding refuses" if len(blocking) == 1 else "findings refuse"
    raise kind(
        f"{len(blocking)} {noun} this plan; nothing was written.", why=listed, todo=remedies
    )


def refuse_if_not_told(plan: Plan) -> None:
    """Stop where a kept plan lacks what only the operator knows.

    Raises:
        UsageError: A wish that it was made with holds a secret, which no plan keeps.
    """
    untold = [w.pointer for w in plan.withheld if w.pointer.startswith("/intent/")]
    if untold:
        raise UsageError(
            "The plan was made with options that hold a secret, which no plan keeps.",
            why=", ".join(untold[:_MOST_FIELDS]),
            todo="Take the secret out of them, or carry them out at once: poya migrate run …",
        )


def refuse_if_stale(plan: Plan, fresh: Plan) -> None:
    """Stop where the plan that would be made now is another one.

    Raises:
        StalePlan: What moved since is named.
    """
    moved = what_moved(plan, fresh)
    if not moved:
        return
    listed = [f"{one}" for one in moved[:_MOST_MOVED]]
    more = len(moved) - len(listed)
    done = " Everything that it plans is there already." if fresh.is_empty() else ""
    raise StalePlan(
        f"The plan for {plan.vcluster} is stale; nothing was written.{done}",
        why="\n".join([*listed, *([f"and {more} more"] if more > 0 else [])]),
        todo=f"Make it anew: poya migrate plan {plan.selector.name or '…'} "
        f"--from {plan.source} --to {plan.target} -o FILE",
    )


def _one_line(finding: Finding) -> str:
    evidence = f" ({finding.evidence})" if finding.evidence else ""
    return f"{finding.id}: {finding.subject}: {finding.message}{evidence}"


def confirm_plan(plan: Plan, *, yes: bool, accepted: frozenset[str], strict: bool) -> None:
    """Ask once whether to go on, warnings included.

    `--yes` answers yes; with `--strict` warnings must be accepted one by one with `--accept`.

    Raises:
        FindingsRefuse: A warning is not accepted and nobody can be asked.
        Cancelled: The operator says no, or nobody can be asked.
    """
    open_warnings = [f for f in plan.warnings() if f.id not in accepted and "all" not in accepted]
    if open_warnings and (strict or not (yes or can_ask())):
        ids = " ".join(f"--accept {i}" for i in dict.fromkeys(f.id for f in open_warnings))
        raise FindingsRefuse(
            f"{len(open_warnings)} warnings are not accepted; nothing was written.",
            why="\n".join(_one_line(finding) for finding in open_warnings),
            todo=f"Accept them with {ids}",
        )
    if yes:
        return
    if not can_ask():
        raise Cancelled(
            "Nobody is there to confirm the plan; nothing was written.",
            todo="Add --yes to apply it without asking.",
        )
    count = len(open_warnings)
    extra = f" and accept {count} warning{'s' if count > 1 else ''}" if count else ""
    if not click.confirm(f"Apply this plan to {plan.target}{extra}?", err=True):
        raise Cancelled("Nothing was written.")
