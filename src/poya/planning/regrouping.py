# SPDX-License-Identifier: Apache-2.0
"""A plan that changes who is in HSM groups of one site, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from poya.documents import Document, JsonObject
from poya.model.finding import Finding, by_severity
from poya.model.names import sorted_xnames
from poya.model.plan import EntityPlan, Plan
from poya.model.records import Group
from poya.planning.canonical import canonical_digest, canonical_form
from poya.planning.diff import changes


@dataclass(frozen=True, slots=True)
class Regrouping:
    """What becomes of one group.

    Attributes:
        present: The group as the site holds it; None where it is made.
        joining: Nodes that are added.
        leaving: Nodes that are removed.
        description: Of a group that is made.
        exclusive_group: Of a group that is made; empty for none.
    """

    label: str
    present: Document | None
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    description: str = ""
    exclusive_group: str = ""

    @property
    def excludes(self) -> str:
        """The word that excludes its members from other groups; empty for none."""
        return Group.of(self.present).exclusive_group if self.present else self.exclusive_group


def plan_regrouping(
    site: tuple[str, str],
    first: Regrouping,
    others: Sequence[Regrouping],
    holds: Iterable[str],
    findings: Iterable[Finding],
) -> Plan:
    """Plan the change of a group, and of the groups that nodes come from or go to.

    A node is added where it goes before it is removed where it comes from, so it is never in
    neither; only where the two exclude each other HSM wants it the other way round.

    Args:
        site: Its name and its release.
        first: The group that it is about.
        others: Groups that give nodes to it or take nodes from it.
        holds: Nodes to lock while they change hands.
    """
    givers = [other for other in others if other.leaving]
    takers = [other for other in others if not other.leaving]
    excluding = [o for o in givers if o.excludes and o.excludes == first.excludes]
    kind = [o for o in givers if o not in excluding]
    ordered = [*excluding, *_before(takers, first), first, *_after(takers, first), *kind]
    return Plan(
        vcluster=first.label,
        source=site[0],
        source_release=site[1],
        target=site[0],
        target_release=site[1],
        images=(),
        entities=tuple(_entity(each) for each in ordered),
        findings=by_severity(tuple(findings)),
        holds=sorted_xnames(set(holds)),
    )


def _before(takers: Sequence[Regrouping], first: Regrouping) -> list[Regrouping]:
    return [t for t in takers if not (t.excludes and t.excludes == first.excludes)]


def _after(takers: Sequence[Regrouping], first: Regrouping) -> list[Regrouping]:
    return [t for t in takers if t.excludes and t.excludes == first.excludes]


def _entity(change: Regrouping) -> EntityPlan:
    present = change.present
    before = Group.of(present).members if present else ()
    members = sorted_xnames({*before, *change.joining} - set(change.leaving))
    body = _body(change, members)
    same = present is not None and set(members) == set(before)
    return EntityPlan(
        action="reuse" if same else "change" if present else "create",
        kind="group",
        name=change.label,
        source_name=change.label,
        body=body,
        expected=canonical_digest("group", present.value) if present else "",
        changes=changes(canonical_form("group", present.value), canonical_form("group", body))
        if present
        else (),
        edits=tuple(_edits(change)),
    )


def _body(change: Regrouping, members: Sequence[str]) -> JsonObject:
    body: JsonObject = (
        change.present.editable()
        if change.present
        else {"label": change.label, "description": change.description}
    )
    if change.exclusive_group and not change.present:
        body["exclusiveGroup"] = change.exclusive_group
    body["members"] = {"ids": [*members]}
    return body


def _edits(change: Regrouping) -> Iterable[str]:
    if change.joining:
        yield f"{_nodes(change.joining)} join{'s' if len(change.joining) == 1 else ''}"
    if change.leaving:
        yield f"{_nodes(change.leaving)} leave{'s' if len(change.leaving) == 1 else ''}"


def _nodes(xnames: Sequence[str]) -> str:
    return f"{len(xnames)} node{'' if len(xnames) == 1 else 's'}"
