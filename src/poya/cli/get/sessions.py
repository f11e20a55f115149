# SPDX-License-Identifier: Apache-2.0
"""The sessions of a site: CFS's, which configure, and BOS's, which boot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poya.cli.get.listing import Item, Listing, Query, words
from poya.cli.get.scope import Scope, scope_of
from poya.cli.text import minute
from poya.concurrency import both
from poya.documents import JsonObject

if TYPE_CHECKING:
    from poya.csm import BosSession, CfsSession, Site


async def sessions(site: Site, query: Query) -> Listing:
    """Sessions; with a group, those on it, its nodes, its templates or its configurations."""
    scope, (configuring, booting) = await both(
        scope_of(site, query.group), both(site.cfs.sessions.list(), site.bos.sessions.list())
    )
    items = [
        *(_cfs(one) for one in configuring if scope is None or _concerns(one, scope)),
        *(_bos(one) for one in booting if scope is None or _boots(one, scope)),
    ]
    header = ("NAME", "KIND", "STATUS", "START", "OF")
    return Listing("session", site.config.name, header, items, wide=("LIMIT", "MADE"))


def _cfs(session: CfsSession) -> Item:
    progress, value = session.status.session, session.v3_document.value
    outcome = {"true": "succeeded", "false": "failed"}.get(progress.succeeded or "", "")
    target = _object(value, "target")
    kind = f"CFS {target.get('definition') or ''}".strip()
    made = (artifact.result_id for artifact in session.status.artifacts or ())
    limit = _object(value, "ansible").get("limit") or _object(value, "configuration").get("limit")
    return Item(
        session.name,
        (
            kind,
            words((progress.status, outcome)),
            minute(progress.start_time),
            str(_object(value, "configuration").get("name") or ""),
        ),
        session.raw,
        wide=(str(limit or ""), words(made)),
        time=progress.start_time or "",
    )


def _bos(session: BosSession) -> Item:
    state = session.status
    start = (state.start_time or "") if state else ""
    status = words((state.status, "failed" * bool(state.error))) if state else ""
    return Item(
        session.name,
        (f"BOS {session.operation}", status, minute(start), session.template_name),
        session.raw,
        wide=(session.limit or "", ""),
        time=start,
    )


def _concerns(session: CfsSession, scope: Scope) -> bool:
    """Whether it names the group, a node of it, or an image or configuration of its templates."""
    value = session.v3_document.value
    groups = _object(value, "target").get("groups")
    named: set[str] = set()
    for group in groups if isinstance(groups, list) else ():
        if isinstance(group, dict):
            members = group.get("members")
            named |= {str(group.get("name") or "").lower()}
            named |= {str(member) for member in (members if isinstance(members, list) else ())}
    limit = str(_object(value, "ansible").get("limit") or "")
    named |= {part.strip().lower() for part in limit.split(",")}
    if named & ({scope.label} | scope.xnames | scope.image_ids):
        return True
    return _object(value, "configuration").get("name") in scope.configurations


def _boots(session: BosSession, scope: Scope) -> bool:
    components = {part.strip() for part in (session.components or "").split(",")}
    names = {template.name for template in scope.templates}
    return session.template_name in names or bool(components & scope.xnames)


def _object(value: JsonObject, key: str) -> JsonObject:
    found = value.get(key)
    return found if isinstance(found, dict) else {}
