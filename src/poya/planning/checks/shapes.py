# SPDX-License-Identifier: Apache-2.0
"""Values that a service refuses by their form, after the bytes were moved if nobody looks before.

CFS v3 1.31 and BOS v2 2.50 (their OpenAPI specifications), SMD 2.45 (pkg/sm/groups.go).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from poya.model.finding import Finding
from poya.model.plan import EntityPlan
from poya.planning.checks import Case

_LABEL = re.compile(r"[-a-z0-9:._]+")
_BOS_NAME = re.compile(r"[a-zA-Z0-9](?:[-._a-zA-Z0-9]{0,125}[a-zA-Z0-9])?")
_COMMIT = re.compile(r"[a-f0-9]{40}")
_MOST_PARAMETERS = 4096
_MOST_DESCRIPTION = 1023
_MOST_LAYER_NAME = 45
_MOST_INVENTORY_URL = 240


# CFS and BOS refuse what they do not know; a newer release may know more than these.
_KNOWN_TEMPLATE = frozenset("description enable_cfs cfs boot_sets".split())
_KNOWN_BOOT_SET = frozenset(
    "path type etag kernel_parameters node_list node_groups node_roles_groups arch cfs "
    "rootfs_provider rootfs_provider_passthrough".split()
)
_KNOWN_CONFIGURATION = frozenset("description layers additional_inventory tenant_name".split())
_KNOWN_LAYER = frozenset("name clone_url source playbook commit branch special_parameters".split())


def check(case: Case) -> Iterator[Finding]:
    """Judge what would be sent."""
    if case.inventory.capabilities.is_verbatim:
        return
    yield from _unknown_fields(case)
    for image in case.images:
        if image.action == "create" and not image.name.strip():
            yield Finding(
                "value-refused",
                "critical",
                f"IMS image {image.source_id}",
                f"{case.inventory.label} refuses it: an image must have a name.",
                remedy="Give it one in a mapping: [rename.images].",
            )
    for entity in case.entities:
        if entity.action != "reuse":
            for place, problem in _PROBLEMS[entity.kind](entity):
                yield Finding(
                    "value-refused",
                    "critical",
                    str(entity.ref),
                    f"{case.inventory.label} refuses it: {problem}.",
                    evidence=place,
                    remedy="Correct it at the source, or in a mapping ([rename.…], [[patch]]).",
                )


def _unknown_fields(case: Case) -> Iterator[Finding]:
    if case.vcluster.release == case.inventory.capabilities.release:
        return
    for entity in (*case.of_kind("configuration"), *case.of_kind("template")):
        fields = sorted(set(_fields(entity))) if entity.action != "reuse" else []
        if fields:
            yield Finding(
                "field-unknown",
                "warning",
                str(entity.ref),
                f"It has fields that {case.inventory.capabilities.release} may not know; CFS and "
                "BOS refuse a record for one that they do not.",
                evidence=", ".join(fields),
                remedy='Take them out in a mapping ([[patch]], op = "remove"), or accept it.',
            )


def _fields(entity: EntityPlan) -> Iterator[str]:
    body = entity.body
    if entity.kind == "configuration":
        yield from body.keys() - _KNOWN_CONFIGURATION
        for layer in (*(body.get("layers") or ()), body.get("additional_inventory") or {}):
            yield from layer.keys() - _KNOWN_LAYER if isinstance(layer, dict) else ()
        return
    yield from body.keys() - _KNOWN_TEMPLATE
    for boot_set in (body.get("boot_sets") or {}).values():
        yield from boot_set.keys() - _KNOWN_BOOT_SET if isinstance(boot_set, dict) else ()


def _group(entity: EntityPlan) -> Iterator[tuple[str, str]]:
    texts = {"label": entity.name, "exclusiveGroup": _text(entity.body, "exclusiveGroup")}
    for key, text in texts.items():
        if text and not _LABEL.fullmatch(text.lower()):
            yield key, "HSM takes letters, digits and -:._ only"


def _configuration(entity: EntityPlan) -> Iterator[tuple[str, str]]:
    layers = [layer for layer in entity.body.get("layers") or () if isinstance(layer, dict)]
    inventory = entity.body.get("additional_inventory") or {}
    for number, layer in enumerate(layers):
        yield from _layer(f"/layers/{number}", layer)
    yield from _layer("/additional_inventory", inventory)
    if len(_text(inventory, "clone_url")) > _MOST_INVENTORY_URL:
        yield "/additional_inventory", f"CFS takes URLs of {_MOST_INVENTORY_URL} characters"
    places = [(_text(la, "source") or _text(la, "clone_url"), la.get("playbook")) for la in layers]
    for (repository, playbook), number in Counter(places).items():
        if number > 1:
            yield (
                f"{repository}, {playbook}",
                "two layers play the same playbook of one repository",
            )


def _layer(place: str, layer: dict[str, Any]) -> Iterator[tuple[str, str]]:
    commit = _text(layer, "commit")
    if commit and not _COMMIT.fullmatch(commit):
        yield f"{place}/commit {commit[:60]}", "a commit has 40 hexadecimal digits"
    if len(_text(layer, "name")) > _MOST_LAYER_NAME:
        yield f"{place}/name", f"CFS takes names of layers of {_MOST_LAYER_NAME} characters"
    if layer and bool(layer.get("clone_url")) == bool(layer.get("source")):
        yield place, "a layer has either a clone URL or a source"


def _template(entity: EntityPlan) -> Iterator[tuple[str, str]]:
    if not _BOS_NAME.fullmatch(entity.name):
        yield entity.name, "BOS takes names of letters, digits and -._ only"
    if len(_text(entity.body, "description")) > _MOST_DESCRIPTION:
        yield "/description", f"BOS takes {_MOST_DESCRIPTION} characters"
    for name, boot_set in (entity.body.get("boot_sets") or {}).items():
        if not _BOS_NAME.fullmatch(name):
            yield f"/boot_sets/{name}", "BOS takes names of letters, digits and -._ only"
        if len(_text(boot_set, "kernel_parameters")) > _MOST_PARAMETERS:
            place = f"/boot_sets/{name}/kernel_parameters"
            yield place, f"BOS takes {_MOST_PARAMETERS} characters"


def _text(value: object, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


_PROBLEMS = {"group": _group, "configuration": _configuration, "template": _template}
