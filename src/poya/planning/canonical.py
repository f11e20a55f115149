# SPDX-License-Identifier: Apache-2.0
"""When are two documents the same thing? Their canonical forms are equal.

The services reorder, fold and fill in what they store, and add dates. None of that makes two
configurations different; an etag, a commit or a member does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Set
from itertools import zip_longest

from poya.documents import Json, JsonObject, canonical
from poya.model.names import normalise_xname, sorted_xnames
from poya.model.records import Kind
from poya.model.secrets import without_login
from poya.model.withholding import slow_digest, withhold

# What a service sets by itself and refuses in a request.
READ_ONLY: Mapping[Kind, frozenset[str]] = {
    "group": frozenset(),
    "configuration": frozenset({"name", "last_updated", "lastUpdated"}),
    "template": frozenset({"name", "tenant", "links"}),
}

# CFS v2 plays this (its option default_playbook) where a layer names none; v3 insists on a name.
DEFAULT_PLAYBOOK = "site.yml"


def canonical_form(kind: Kind, value: JsonObject) -> JsonObject:
    """Reduce a document, or a request's body, to what distinguishes it."""
    return _FORMS[kind](value)


def canonical_digest(kind: Kind, value: JsonObject) -> str:
    """Sha256 of the canonical form; secrets in it count by digests that are slow to guess by.

    Plans, journals and receipts hold these digests, beside all that is no secret.
    """
    form: Json = canonical_form(kind, value)
    parted = withhold(form)
    if parted.taken:
        digests = {at: slow_digest(canonical(secret)) for at, secret in parted.taken.items()}
        form = {"form": parted.clean, "withheld": {**digests}}
    return hashlib.sha256(canonical(form)).hexdigest()


def are_equal(kind: Kind, one: JsonObject, other: JsonObject) -> bool:
    """Say whether two documents mean the same.

    CFS stores the commit of a layer that was sent with a branch only; so such a layer equals one
    that stands at any commit of that branch.
    """
    if kind == "configuration":
        one, other = _as_pinned_as(one, other), _as_pinned_as(other, one)
    return canonical(canonical_form(kind, one)) == canonical(canonical_form(kind, other))


def _group(value: JsonObject) -> JsonObject:
    members = value.get("members")
    ids = members.get("ids") if isinstance(members, dict) else None
    tags = value.get("tags")
    return {
        "label": str(value.get("label") or "").lower(),
        "description": value.get("description") or "",
        "exclusiveGroup": str(value.get("exclusiveGroup") or "").lower(),
        "tags": _name_set(tags, str.lower),
        "members": [*_node_names(ids)],
    }


def _configuration(value: JsonObject) -> JsonObject:
    form = spoken(value, READ_ONLY["configuration"])
    layers = value.get("layers")
    form["layers"] = [_played(layer) for layer in layers] if isinstance(layers, list) else []
    if "additional_inventory" in form:
        form["additional_inventory"] = _layer(form["additional_inventory"])
    return form


def _played(layer: Json) -> Json:
    form = _layer(layer)
    return {"playbook": DEFAULT_PLAYBOOK, **form} if isinstance(form, dict) else form


def _layer(layer: Json) -> Json:
    if not isinstance(layer, dict):
        return layer
    # CFS stores the commit that a branch stood at; the commit is what runs.
    unwanted = {"branch"} if layer.get("commit") else set()
    form = spoken(layer, unwanted)
    url = form.get("clone_url")
    if isinstance(url, str):
        form["clone_url"] = without_login(url)  # it says who clones, not what
    return form


def _as_pinned_as(value: JsonObject, other: JsonObject) -> JsonObject:
    """The configuration less the commits of those layers that `other` names by branch only."""
    result = dict(value)
    mine, theirs = value.get("layers"), other.get("layers")
    if isinstance(mine, list) and isinstance(theirs, list):
        pairs = zip_longest(mine, theirs[: len(mine)])
        result["layers"] = [_layer_as_pinned_as(layer, beside) for layer, beside in pairs]
    if "additional_inventory" in value:
        inventory, beside = value["additional_inventory"], other.get("additional_inventory")
        result["additional_inventory"] = _layer_as_pinned_as(inventory, beside)
    return result


def _layer_as_pinned_as(layer: Json, beside: Json) -> Json:
    if not isinstance(layer, dict) or not isinstance(beside, dict):
        return layer
    by_branch = beside.get("branch") and not beside.get("commit") and layer.get("branch")
    return {k: v for k, v in layer.items() if k != "commit"} if by_branch else layer


def _template(value: JsonObject) -> JsonObject:
    form = spoken(value, READ_ONLY["template"])
    form.setdefault("enable_cfs", True)
    boot_sets = value.get("boot_sets")
    items = boot_sets.items() if isinstance(boot_sets, dict) else ()
    form["boot_sets"] = {name: _boot_set(boot_set) for name, boot_set in items}
    return form


def _boot_set(boot_set: Json) -> Json:
    if not isinstance(boot_set, dict):
        return boot_set
    form = spoken(boot_set, {"name"})
    form.setdefault("arch", "X86")
    form.setdefault("type", "s3")
    if "node_list" in form:
        form["node_list"] = list(_node_names(form["node_list"]))
    # BOS boots the union of these: neither order nor repetition says anything.
    for key in ("node_groups", "node_roles_groups"):
        if key in form:
            form[key] = _name_set(form[key])
    return form


def spoken(value: JsonObject, unwanted: Set[str] = frozenset()) -> JsonObject:
    """The keys that say something: null, empty text, list and object say nothing.

    Nor does a `cfs` that names no configuration.
    """
    empty: tuple[Json, ...] = (None, "", [], {})
    kept = {k: v for k, v in value.items() if k not in unwanted and v not in empty}
    cfs = kept.get("cfs")
    if isinstance(cfs, dict):
        kept["cfs"] = spoken(cfs)
        return kept if kept["cfs"] else spoken(kept, {"cfs"})
    return kept


def _name_set(names: Json, fold: Callable[[str], str] = str) -> Json:
    if not isinstance(names, list):
        return []
    return [*sorted({fold(str(name)) for name in names})]


def _node_names(names: Json) -> tuple[str, ...]:
    if not isinstance(names, list):
        return ()
    return sorted_xnames({normalise_xname(str(name)) for name in names})


_FORMS: Mapping[Kind, Callable[[JsonObject], JsonObject]] = {
    "group": _group,
    "configuration": _configuration,
    "template": _template,
}
