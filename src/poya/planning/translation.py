# SPDX-License-Identifier: Apache-2.0
"""From a source's document to a body that the target accepts; every alteration is said.

A document as CSM serves it cannot be sent back: BOS and CFS refuse their read-only properties,
CFS refuses a layer with both branch and commit although it serves both, and older releases
refuse fields that they do not know. An empty value and a null say nothing and are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from poya.documents import Document, Json, JsonObject
from poya.model.inventory import Capabilities
from poya.model.records import Kind, SessionTemplate
from poya.model.secrets import has_login, without_login
from poya.planning.canonical import DEFAULT_PLAYBOOK, READ_ONLY, spoken

# Manta writes this word where it means "not exclusive"; to HSM it is an exclusive group's name,
# and the members of any two such groups exclude each other.
NOT_EXCLUSIVE = "false"

# What BOS v1 knew (to CSM 1.5, which dropped it from what was stored).
_BOS_V1 = frozenset({"templateUrl", "cfs_url", "cfs_branch", "partition"})
_BOS_V1_CFS = frozenset({"clone_url", "branch", "commit", "playbook"})
_BOS_V1_BOOT_SET = frozenset({"boot_ordinal", "shutdown_ordinal", "network"})

Body: TypeAlias = tuple[JsonObject, tuple[str, ...]]


def to_body(kind: Kind, document: Document, capabilities: Capabilities) -> Body:
    """Make the body that the target accepts, and say what was altered.

    Names, node lists and image paths are the caller's. A verbatim target gets the document as is.
    """
    value = document.editable()
    edits = _clean_urls(value) if kind == "configuration" else ()
    if capabilities.is_verbatim:
        return value, edits
    body, others = _MAKERS[kind](value, capabilities)
    return body, (*edits, *others)


def _clean_urls(value: JsonObject) -> tuple[str, ...]:
    """Take passwords out of clone URLs: no plan and no bundle carries one."""
    layers = value.get("layers")
    every = [*(layers if isinstance(layers, list) else ()), value.get("additional_inventory")]
    cleaned = 0
    for layer in every:
        url = layer.get("clone_url") if isinstance(layer, dict) else None
        if isinstance(layer, dict) and isinstance(url, str) and has_login(url):
            layer["clone_url"] = without_login(url)
            cleaned += 1
    return (f"passwords left out of {cleaned} clone URLs",) if cleaned else ()


def tenant_at(template: SessionTemplate, capabilities: Capabilities) -> str:
    """Whose the template becomes at the target: its own tenant's, else the one we act as."""
    if capabilities.is_verbatim or not capabilities.has_template_tenants:
        return ""
    return template.tenant or capabilities.own_tenant


def _group(value: JsonObject, _: Capabilities) -> Body:
    known = ("label", "description", "tags", "exclusiveGroup", "members")
    body = {key: value[key] for key in known if value.get(key)}
    if str(body.get("exclusiveGroup", "")).lower() == NOT_EXCLUSIVE:
        del body["exclusiveGroup"]
        return body, (f"exclusiveGroup '{NOT_EXCLUSIVE}' left out: it is no group's name",)
    return body, ()


def _configuration(value: JsonObject, capabilities: Capabilities) -> Body:
    edits: list[str] = []
    body = spoken(value, READ_ONLY["configuration"])
    if "description" in body and not capabilities.has_configuration_description:
        edits.append(f"description left out: {capabilities.release} does not keep it")
        del body["description"]
    if "tenant_name" in body and not capabilities.has_configuration_tenants:
        edits.append(f"tenant_name left out: {capabilities.release} does not keep it")
        del body["tenant_name"]
    layers = value.get("layers")
    body["layers"] = (
        [_played(layer, edits) for layer in layers] if isinstance(layers, list) else []
    )
    if "additional_inventory" in body:
        body["additional_inventory"] = _layer(body["additional_inventory"], edits)
    return body, tuple(edits)


def _played(layer: Json, edits: list[str]) -> Json:
    body = _layer(layer, edits)
    if isinstance(body, dict) and "playbook" not in body:
        body["playbook"] = DEFAULT_PLAYBOOK
        edits.append(
            f"layer '{body.get('name') or 'without a name'}': playbook {DEFAULT_PLAYBOOK}"
        )
    return body


def _layer(layer: Json, edits: list[str]) -> Json:
    if not isinstance(layer, dict):
        return layer
    body = spoken(layer)
    if body.get("commit") and body.pop("branch", None):
        name = body.get("name") or body.get("playbook") or "additional inventory"
        edits.append(f"layer '{name}': commit kept, branch '{layer['branch']}' left out")
    return body


def old_fields(value: JsonObject) -> dict[str, tuple[str, ...]]:
    """The fields of BOS v1 in a template, by the place that they stand in; BOS v2 refuses them."""
    boot_sets = value.get("boot_sets")
    named = boot_sets.items() if isinstance(boot_sets, dict) else ()
    places: dict[str, tuple[Json, frozenset[str]]] = {
        "the template": (value, _BOS_V1),
        "its cfs": (value.get("cfs"), _BOS_V1_CFS),
        **{f"boot set '{name}'": (boot_set, _BOS_V1_BOOT_SET) for name, boot_set in named},
    }
    found = {
        place: tuple(sorted(holder.keys() & old))
        for place, (holder, old) in places.items()
        if isinstance(holder, dict)
    }
    return {place: names for place, names in found.items() if names}


def _template(value: JsonObject, capabilities: Capabilities) -> Body:
    edits = [
        f"{place}: {', '.join(names)} left out: of BOS v1"
        for place, names in old_fields(value).items()
    ]
    body = spoken(value, READ_ONLY["template"] | _BOS_V1)
    if isinstance(body.get("cfs"), dict):
        body["cfs"] = spoken(body["cfs"], _BOS_V1_CFS)  # type: ignore[arg-type]
        body = spoken(body)
    boot_sets = value.get("boot_sets")
    items = boot_sets.items() if isinstance(boot_sets, dict) else ()
    body["boot_sets"] = {name: _boot_set(name, b, capabilities, edits) for name, b in items}
    return body, tuple(edits)


def _boot_set(name: str, boot_set: Json, capabilities: Capabilities, edits: list[str]) -> Json:
    if not isinstance(boot_set, dict):
        return boot_set
    body = spoken(boot_set, {"name", *_BOS_V1_BOOT_SET})
    body.setdefault("type", "s3")
    if "arch" in body and not capabilities.has_boot_set_arch:
        edits.append(f"boot set '{name}': arch left out: {capabilities.release} has none")
        del body["arch"]
    return body


_MAKERS: Mapping[Kind, Callable[[JsonObject, Capabilities], Body]] = {
    "group": _group,
    "configuration": _configuration,
    "template": _template,
}
