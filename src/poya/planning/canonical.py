# SPDX-License-Identifier: Apache-2.0
"""When are two documents the same thing? Their canonical forms are equal.

The services reorder, fold and fill in what they store, and add dates. None of that makes two
configurations different; an etag, a commit or a member does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from poya.documents import Json, JsonObject, canonical
from poya.model.names import normalise_xname, sorted_xnames
from poya.model.records import Kind

# What a service sets by itself and refuses in a request.
READ_ONLY: Mapping[Kind, frozenset[str]] = {
    "group": frozenset(),
    "configuration": frozenset({"name", "last_updated", "lastUpdated"}),
    "template": frozenset({"name", "tenant", "links"}),
}


def canonical_form(kind: Kind, value: JsonObject) -> JsonObject:
    """Reduce a document, or a request's body, to what distinguishes it."""
    return _FORMS[kind](value)


def canonical_digest(kind: Kind, value: JsonObject) -> str:
    """Sha256 of the canonical form."""
    return hashlib.sha256(canonical(canonical_form(kind, value))).hexdigest()


def are_equal(kind: Kind, one: JsonObject, other: JsonObject) -> bool:
    """Say whether two documents mean the same."""
    return canonical_form(kind, one) == canonical_form(kind, other)


def _group(value: JsonObject) -> JsonObject:
    members = value.get("members")
    ids = members.get("ids") if isinstance(members, dict) else None
    tags = value.get("tags")
    folded: list[Json] = [str(tag).lower() for tag in tags] if isinstance(tags, list) else []
    return {
        "label": str(value.get("label") or "").lower(),
        "description": value.get("description") or "",
        "exclusiveGroup": str(value.get("exclusiveGroup") or "").lower(),
        "tags": sorted(folded, key=str),
        "members": list(_node_names(ids)),
    }


def _configuration(value: JsonObject) -> JsonObject:
    form = _filled(value, READ_ONLY["configuration"])
    layers = value.get("layers")
    form["layers"] = [_layer(layer) for layer in layers] if isinstance(layers, list) else []
    if "additional_inventory" in form:
        form["additional_inventory"] = _layer(form["additional_inventory"])
    return form


def _layer(layer: Json) -> Json:
    if not isinstance(layer, dict):
        return layer
    # CFS stores the commit that a branch stood at; the commit is what runs.
    unwanted = {"branch"} if layer.get("commit") else set()
    return _filled(layer, unwanted)


def _template(value: JsonObject) -> JsonObject:
    form = _filled(value, READ_ONLY["template"])
    form.setdefault("enable_cfs", True)
    boot_sets = value.get("boot_sets")
    items = boot_sets.items() if isinstance(boot_sets, dict) else ()
    form["boot_sets"] = {name: _boot_set(boot_set) for name, boot_set in items}
    return form


def _boot_set(boot_set: Json) -> Json:
    if not isinstance(boot_set, dict):
        return boot_set
    form = _filled(boot_set, {"name"})
    form["arch"] = form.get("arch") or "X86"
    if "node_list" in form:
        form["node_list"] = list(_node_names(form["node_list"]))
    return form


def _filled(value: JsonObject, unwanted: set[str] | frozenset[str]) -> JsonObject:
    """The keys that say something: null, empty text, list and object say nothing."""
    empty: tuple[Json, ...] = (None, "", [], {})
    return {k: v for k, v in value.items() if k not in unwanted and v not in empty}


def _node_names(names: Json) -> tuple[str, ...]:
    if not isinstance(names, list):
        return ()
    return sorted_xnames({normalise_xname(str(name)) for name in names})


_FORMS: Mapping[Kind, Callable[[JsonObject], JsonObject]] = {
    "group": _group,
    "configuration": _configuration,
    "template": _template,
}
