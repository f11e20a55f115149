# SPDX-License-Identifier: Apache-2.0
"""Records as manta's generations wrote them, brought to the spelling of BOS v2 and CFS v3. Pure.

BOS v1 and CFS v2 are described by the specifications of CSM 1.3; groups were kept in four shapes
between November 2023 and today. What is in today's spelling already is returned as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from poya.documents import Document, Json, JsonObject

Content: TypeAlias = Literal["template", "configuration", "groups", "image", "other"]

_BOS_V1_KEYS = frozenset({"templateUrl", "cfs_url", "cfs_branch", "partition", "links"})
_BOS_V1_BOOT_SET_KEYS = frozenset({"boot_ordinal", "shutdown_ordinal", "network"})
_CFS_V2_KEYS: Mapping[str, str] = {
    "lastUpdated": "last_updated",
    "cloneUrl": "clone_url",
    "specialParameters": "special_parameters",
    "imsRequireDkms": "ims_require_dkms",
}


def content_of(value: Json) -> Content:
    """What a JSON file of a bundle holds, seen by its members."""
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, dict):
        if "boot_sets" in first:
            return "template"
        if "layers" in first:
            return "configuration"
        if "id" in first and "name" in first:
            return "image"
    return "groups" if groups_of(value) is not None else "other"


def groups_of(value: Json) -> list[Document] | None:
    """The HSM groups in any shape that manta wrote; None if it is none of them."""
    items = value if isinstance(value, list) else [value]
    found = [group for item in items for group in _groups_in(item)]
    is_known = all(isinstance(item, dict) and item and any(_groups_in(item)) for item in items)
    return [Document.of(group) for group in found] if is_known else None


def template_of(value: JsonObject) -> Document:
    """A session template without what only BOS v1 had; `cfs` reduced to its configuration."""
    kept = {key: item for key, item in value.items() if key not in _BOS_V1_KEYS}
    _reduce_cfs(kept)
    boot_sets = kept.get("boot_sets")
    if isinstance(boot_sets, dict):
        kept["boot_sets"] = {name: _boot_set(boot_set) for name, boot_set in boot_sets.items()}
    return Document.of(kept)


def names_inline_repository(value: JsonObject) -> bool:
    """Say whether a BOS v1 template names a git repository instead of a CFS configuration."""
    cfs = value.get("cfs")
    return isinstance(cfs, dict) and bool(cfs.get("clone_url")) and not cfs.get("configuration")


def configuration_of(value: JsonObject) -> Document:
    """A CFS configuration in the v3 spelling; a key that has both keeps the v3 one."""
    renamed = _renamed(value)
    layers = renamed.get("layers")
    if isinstance(layers, list):
        renamed["layers"] = [_layer(layer) for layer in layers]
    if "additional_inventory" in renamed:
        renamed["additional_inventory"] = _layer(renamed["additional_inventory"])
    return Document.of(renamed)


def image_of(value: Json) -> Document | None:
    """The IMS record, alone or in a list of one; None if it is something else."""
    record = value[0] if isinstance(value, list) and len(value) == 1 else value
    is_record = isinstance(record, dict) and all(
        isinstance(record.get(key), str) and record[key] for key in ("id", "name")
    )
    return Document.of(record) if isinstance(record, dict) and is_record else None


def _groups_in(item: Json) -> Iterator[JsonObject]:
    """`{"label":…, "members":…}`, or `{"gele": ["x…"], …}`."""
    if not isinstance(item, dict):
        return
    if "label" in item:
        if isinstance(item["label"], str) and isinstance(item.get("members") or {}, dict):
            yield item
    elif all(isinstance(members, list) for members in item.values()):
        for label, members in item.items():
            yield {"label": label, "members": {"ids": members}}


def _boot_set(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    kept = {key: item for key, item in value.items() if key not in _BOS_V1_BOOT_SET_KEYS}
    _reduce_cfs(kept)
    return kept


def _reduce_cfs(value: JsonObject) -> None:
    """BOS v2's `cfs` has nothing but the configuration's name."""
    cfs = value.get("cfs")
    if isinstance(cfs, dict) and cfs.keys() - {"configuration"}:
        value["cfs"] = {"configuration": cfs.get("configuration") or ""}


def _layer(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    layer = _renamed(value)
    special = layer.get("special_parameters")
    if isinstance(special, dict):
        layer["special_parameters"] = _renamed(special)
    return layer


def _renamed(value: JsonObject) -> JsonObject:
    """The object under today's keys, in its order; of two spellings the v3 one counts."""
    renamed: JsonObject = {}
    for key, item in value.items():
        new = _CFS_V2_KEYS.get(key, key)
        if new == key or (new not in value and new not in renamed):
            renamed[new] = item
    return renamed
