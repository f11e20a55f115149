# SPDX-License-Identifier: Apache-2.0
"""A plan as an operator reads it: what is created, changed, found there, refused."""

from __future__ import annotations

from collections.abc import Iterator

import click

from poya.cli.text import count, printable, size, wrapped
from poya.cli.views.findings import told_once
from poya.model.plan import GLYPHS, EntityPlan, ImagePlan, Plan
from poya.model.records import KIND_TITLES, KINDS

_COLOURS = {"create": "green", "change": "yellow", "reuse": "", "refuse": "red"}
_MOST_NODES = 6
_MOST_CHANGES = 12
_MOST_NAMES = 4
_NAME_WIDTH = 31


def render_plan(plan: Plan) -> str:
    """The whole plan, at most 80 columns wide where names allow."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    yield _bold(printable(f"Plan for vCluster {plan.vcluster}"))
    yield printable(f"  from {plan.source} ({plan.source_release})")
    yield printable(f"  to   {plan.target} ({plan.target_release})")
    if plan.intent.policies:
        policies = ", ".join(f"{kind} {p}" for kind, p in sorted(plan.intent.policies.items()))
        yield f"  where a name is taken: {policies}"
    if plan.images:
        yield ""
        yield "  IMS images"
        for image in plan.images:
            yield from _image(image)
    for kind in KINDS:
        entities = plan.of_kind(kind)
        if entities:
            yield ""
            yield f"  {KIND_TITLES[kind]}s"
            for entity in entities:
                yield from _entity(entity)
    yield from _nodes(plan)
    if plan.findings:
        yield ""
        yield "  Findings"
        for lines in told_once(plan.findings):
            yield from lines
    yield ""
    yield totals(plan)


def _nodes(plan: Plan) -> Iterator[str]:
    if not plan.nodes:
        return
    yield ""
    yield f"  Nodes: {len(plan.nodes)} get other names"
    for pair in plan.nodes[:_MOST_NODES]:
        yield f"      {pair.source} → {pair.target}"
    if len(plan.nodes) > _MOST_NODES:
        yield f"      … and {len(plan.nodes) - _MOST_NODES} more"


def _image(image: ImagePlan) -> Iterator[str]:
    where = {"create": "to bring", "reuse": "already there", "refuse": "refused"}
    facts = (
        f"{image.arch or '':8} {count(len(image.artifacts), 'file'):8} "
        f"{size(image.size_bytes):>10}  {where.get(image.action, '')}"
    )
    yield _row(image.action, image.name, facts)
    if image.action == "reuse":
        yield f"      as {image.target_id}"
    copied = [artifact.name for artifact in image.artifacts if artifact.twin]
    if copied:
        names = printable(", ".join(copied))
        yield f"      {size(image.copied_bytes)} copied at the target: {names}"


def _entity(entity: EntityPlan) -> Iterator[str]:
    yield _row(entity.action, entity.name, _gist(entity))
    for edit in entity.edits if entity.action != "reuse" else ():
        yield wrapped(printable(edit), "      ", "        ")
    if entity.action in ("change", "refuse"):
        for change in entity.changes[:_MOST_CHANGES]:
            before, after = change.before or "(absent)", change.after or "(removed)"
            change_text = f"{change.pointer}: {before} → {after}"
            yield wrapped(printable(change_text), "      ", "        ")
        if len(entity.changes) > _MOST_CHANGES:
            yield f"      … and {len(entity.changes) - _MOST_CHANGES} more fields"


def _gist(entity: EntityPlan) -> str:
    body = entity.body
    if entity.kind == "group":
        return count(len((body.get("members") or {}).get("ids") or ()), "member")
    if entity.kind == "configuration":
        return count(len(body.get("layers") or ()), "layer")
    names = sorted(body.get("boot_sets") or {})
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"boot set{'s' if names[1:] else ''} {', '.join(names[:_MOST_NAMES])}{more}"


def _row(action: str, name: str, facts: str) -> str:
    glyph = click.style(GLYPHS[action], fg=_COLOURS[action] or None)  # type: ignore[index]
    return f"  {glyph} {printable(name):{_NAME_WIDTH}} {printable(facts)}".rstrip()


def totals(plan: Plan) -> str:
    """Two lines: records by action; bytes to bring, bytes there."""
    actions = [e.action for e in plan.entities] + [i.action for i in plan.images]
    parts = [
        f"{actions.count('create')} to create",
        f"{actions.count('change')} to change",
        f"{actions.count('reuse')} as planned already",
    ]
    if actions.count("refuse"):
        parts.append(f"{actions.count('refuse')} refused")
    moved = f"{size(plan.bytes_to_move)} to bring, {size(plan.bytes_there)} there already"
    return f"{', '.join(parts)}.\n{moved}."


def _bold(text: str) -> str:
    return click.style(text, bold=True)
