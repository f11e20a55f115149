# SPDX-License-Identifier: Apache-2.0
"""Records in shapes that manta 1.x (from 1.20, January 2024) and 2.x both decode. Pure.

manta decodes into typed structures: a member that it wants and does not find ends the restore,
one that it does not know is passed over. So one file serves all its generations: the members of
BOS v2 and CFS v3 as the site served them, and those of BOS v1 and CFS v2 that older ones want.
Each function answers the record, and in words what it changed.
"""

from __future__ import annotations

import copy

from poya.documents import Json, JsonObject
from poya.model.records import Configuration, Group, SessionTemplate

# BOS v1 (CSM 1.3 SessionTemplate); absent members would be fine for manta from 1.32 on.
_BOS_V1: JsonObject = {"templateUrl": "", "cfs_url": "", "cfs_branch": "", "partition": ""}
_BOS_V1_CFS: JsonObject = {"clone_url": "", "branch": "", "commit": "", "playbook": ""}
_BOS_V1_BOOT_SET: JsonObject = {"boot_ordinal": 2, "shutdown_ordinal": None, "network": "nmn"}

# HSM takes each of these, empty, for its absence.
_GROUP_MEMBERS: tuple[tuple[str, type, Json], ...] = (
    ("description", str, ""),
    ("tags", list, []),
    ("exclusiveGroup", str, ""),
)


def template_for_manta(template: SessionTemplate) -> tuple[JsonObject, list[str]]:
    """A session template; BOS v2's members are as they were."""
    value = template.document.editable()
    cfs = value.get("cfs")
    if isinstance(cfs, dict):
        value["cfs"] = {**_BOS_V1_CFS, **cfs}
    boot_sets = value.get("boot_sets")
    if isinstance(boot_sets, dict):
        value["boot_sets"] = {name: _boot_set(item) for name, item in boot_sets.items()}
    if not isinstance(value.get("links"), list):
        value["links"] = []
    return {**value, **{k: v for k, v in _BOS_V1.items() if k not in value}}, []


def _boot_set(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    missing = {"type": "s3", **_BOS_V1_BOOT_SET}
    if not value.get("type"):
        value = {**value, "type": "s3"}
    return {**value, **{k: v for k, v in missing.items() if k not in value}}


def groups_for_manta(groups: list[Group]) -> tuple[list[Json], list[str]]:
    """HSM groups as a list, with all that one of manta's generations cannot do without.

    Until 1.31 it wants a description and a list of members; from csm-rs 0.3 (2025) tags and an
    exclusive group too, which HSM leaves out of its answers where there are none.
    """
    changes: list[str] = []
    values: list[Json] = []
    for group in groups:
        value = group.document.editable()
        for key, kind, empty in _GROUP_MEMBERS:
            if not isinstance(value.get(key), kind):
                value[key] = copy.copy(empty)
                changes.append(f"HSM group {group.label}: an empty {key} was added")
        members = value.get("members")
        ids = members.get("ids") if isinstance(members, dict) else None
        value["members"] = {
            **(members if isinstance(members, dict) else {}),
            "ids": ids if isinstance(ids, list) else [],
        }
        values.append(value)
    return values, changes


def configuration_for_manta(configuration: Configuration) -> tuple[JsonObject | None, list[str]]:
    """A CFS configuration; None where manta could read none of it.

    A layer that has both is left its commit: CFS refuses a PUT with both. A layer that names a
    `source` of CFS (CSM 1.6) has no clone URL, which manta must have.
    """
    subject = f"CFS configuration {configuration.name}"
    if any(not layer.clone_url for layer in configuration.layers):
        return None, [f"{subject}: not written, a layer has a source and no clone URL"]
    value = configuration.document.editable()
    changes: list[str] = []
    layers = value.get("layers")
    items = layers if isinstance(layers, list) else []
    value["layers"] = [
        _layer(item, f"{subject}: layer {n}", changes) for n, item in enumerate(items)
    ]
    if not isinstance(value.get("last_updated"), str):
        value["last_updated"] = ""
        changes.append(f"{subject}: an empty last_updated was added")
    value["lastUpdated"] = value["last_updated"]
    _take_inventory(value, subject, changes)
    return value, changes


def _layer(value: Json, subject: str, changes: list[str]) -> Json:
    if not isinstance(value, dict):
        return value
    layer: JsonObject = dict(value)
    url = layer.get("clone_url")
    if not isinstance(layer.get("name"), str) or not layer["name"]:
        layer["name"] = str(url).rpartition("/")[2].removesuffix(".git") or "layer"
        changes.append(f"{subject}: called {layer['name']} after its repository")
    if not isinstance(layer.get("playbook"), str):
        layer["playbook"] = ""
        changes.append(f"{subject}: an empty playbook was added, which means the site's default")
    if layer.get("commit") and layer.get("branch"):
        changes.append(f"{subject}: commit kept, branch '{layer['branch']}' left out")
        del layer["branch"]
    if layer.pop("special_parameters", None):
        # manta of 2025 decodes a list there, and CFS has an object.
        changes.append(f"{subject}: special_parameters left out")
    return {**layer, "cloneUrl": url}


def _take_inventory(value: JsonObject, subject: str, changes: list[str]) -> None:
    """An additional inventory as manta decodes it: with `cloneUrl` and a name."""
    inventory = value.get("additional_inventory")
    if not isinstance(inventory, dict):
        return
    if not inventory.get("clone_url"):
        del value["additional_inventory"]
        changes.append(f"{subject}: additional_inventory left out, it has no clone URL")
        return
    taken: JsonObject = {**inventory, "cloneUrl": inventory["clone_url"]}
    if not isinstance(taken.get("name"), str):
        taken["name"] = "additional_inventory"
        changes.append(f"{subject}: additional_inventory was given a name")
    if taken.get("commit") and taken.get("branch"):
        changes.append(f"{subject}: additional_inventory: branch '{taken['branch']}' left out")
        del taken["branch"]
    value["additional_inventory"] = taken
