# SPDX-License-Identifier: Apache-2.0
"""The readers of manta's `restore`, stated anew from what they decode; no code of poya's.

serde's rules: a member of a plain type that is missing, null or of another type is an error; one of
an Option may be missing or null; members that a structure does not know are passed over.

`restore_2` is manta 2.x with csm-rs 1.0 (the line of 1.71 is the same), `restore_2025` manta with the
csm-rs of that year, `restore_1` is manta 1.21 to 1.31 of 2024 (BOS v1, CFS v2). They answer the requests that they would send, after the rules of
the services that answer them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias


class DecodeError(Exception):
    """serde gives up."""


class Refused(Exception):
    """The service answers 4xx."""


Decoder: TypeAlias = Callable[[Any], Any]


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise DecodeError(f"expected a string, found {value!r}")
    return value


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise DecodeError(f"expected a boolean, found {value!r}")
    return value


def number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DecodeError(f"expected u64, found {value!r}")
    return value


def option(decoder: Decoder) -> Decoder:
    def decode(value: Any) -> Any:
        return None if value is None else decoder(value)

    decode.is_option = True  # type: ignore[attr-defined]
    return decode


def vec(decoder: Decoder) -> Decoder:
    def decode(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise DecodeError(f"expected a sequence, found {value!r}")
        return [decoder(item) for item in value]

    return decode


def table(decoder: Decoder) -> Decoder:
    def decode(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise DecodeError(f"expected a map, found {value!r}")
        return {key: decoder(item) for key, item in value.items()}

    return decode


def struct(**members: Decoder) -> Decoder:
    def decode(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise DecodeError(f"expected a structure, found {value!r}")
        found = {}
        for name, decoder in members.items():
            name = name.rstrip("_")
            if name not in value and not getattr(decoder, "is_option", False):
                raise DecodeError(f"missing field `{name}`")
            found[name] = decoder(value.get(name))
        return found

    return decode


GROUP = struct(
    label=text,
    description=option(text),
    tags=option(vec(text)),
    exclusiveGroup=option(text),
    members=option(struct(ids=option(vec(text)))),
)
CFS_3 = struct(
    name=text,
    last_updated=text,
    layers=vec(
        struct(
            name=option(text),
            clone_url=text,
            source=option(text),
            commit=option(text),
            playbook=text,
            branch=option(text),
        )
    ),
    additional_inventory=option(
        struct(cloneUrl=text, name=text, commit=option(text), branch=option(text))
    ),
)
BOS_2 = struct(
    name=text,
    tenant=option(text),
    description=option(text),
    enable_cfs=option(boolean),
    cfs=option(struct(configuration=option(text))),
    boot_sets=option(
        table(
            struct(
                name=option(text),
                path=option(text),
                cfs=option(struct(configuration=option(text))),
                type_=option(text),
                etag=option(text),
                kernel_parameters=option(text),
                node_list=option(vec(text)),
                node_roles_groups=option(vec(text)),
                node_groups=option(vec(text)),
                arch=option(text),
                rootfs_provider=option(text),
                rootfs_provider_passthrough=option(text),
            )
        )
    ),
    links=option(vec(struct(rel=option(text), href=option(text)))),
)
# What manta of 2025 decodes the same file into a second time, to send it.
CFS_3_REQUEST = struct(
    description=option(text),
    layers=option(
        vec(
            struct(
                name=option(text),
                clone_url=option(text),
                source=option(text),
                playbook=text,
                commit=option(text),
                branch=option(text),
                special_parameters=option(vec(struct(ims_required_dkms=option(boolean)))),
            )
        )
    ),
    additional_inventory=option(
        struct(
            name=option(text),
            clone_url=text,
            source=option(text),
            commit=option(text),
            branch=option(text),
        )
    ),
)
CFS_2 = struct(
    name=text,
    lastUpdated=text,
    layers=vec(
        struct(cloneUrl=text, commit=option(text), name=text, playbook=text, branch=option(text))
    ),
    additional_inventory=option(
        struct(cloneUrl=text, name=text, commit=option(text), branch=option(text))
    ),
)
BOS_1 = struct(
    name=text,
    templateUrl=option(text),
    description=option(text),
    cfs_url=option(text),
    cfs_branch=option(text),
    enable_cfs=option(boolean),
    cfs=option(
        struct(
            clone_url=option(text),
            branch=option(text),
            commit=option(text),
            playbook=option(text),
            configuration=option(text),
        )
    ),
    partition=option(text),
    boot_sets=option(
        table(
            struct(
                name=option(text),
                boot_ordinal=option(number),
                shutdown_ordinal=option(number),
                path=option(text),
                type_=option(text),
                etag=option(text),
                kernel_parameters=option(text),
                network=option(text),
                node_list=option(vec(text)),
                node_roles_groups=option(vec(text)),
                node_groups=option(vec(text)),
                rootfs_provider=option(text),
                rootfs_provider_passthrough=option(text),
            )
        )
    ),
)


@dataclass
class Restored:
    """What the restore would have sent."""

    image: str
    artifacts: dict[str, bytes]
    groups: list[dict[str, Any]]
    configuration: dict[str, Any]
    template: dict[str, Any]
    written_into_bundle: list[str] = field(default_factory=list)


def read(path: str) -> Any:
    return json.loads(Path(path).read_bytes())


def restore_2(options: Mapping[str, str]) -> Restored:
    """manta 2.x: `restore vcluster -b -c -j -m -i`."""
    template = BOS_2(read(options["--bos-file"]))
    configuration = CFS_3(read(options["--cfs-file"]))
    groups = vec(GROUP)(read(options["--hsm-file"]))
    image = text(read(options["--ims-file"])[0]["name"])
    artifacts = _artifacts(options["--image-dir"])
    if template["boot_sets"] is None or "compute" not in template["boot_sets"]:
        raise DecodeError("no boot set compute")
    for group in groups:
        _smd_takes(group)
    body = {"layers": [_without_nulls(layer) for layer in configuration["layers"]]}
    _cfs_takes(body, "clone_url")
    return Restored(image, artifacts, groups, body, _without_nulls(template))


def restore_2025(options: Mapping[str, str]) -> Restored:
    """manta 1.5x with csm-rs 0.3x: the file is decoded twice, groups are unwrapped member by member."""
    restored = restore_2(options)
    for group in restored.groups:
        for member in ("exclusiveGroup", "description", "tags"):
            if group[member] is None:
                raise DecodeError(f"called `Option::unwrap()` on a `None` value: {member}")
    request = CFS_3_REQUEST(read(options["--cfs-file"]))
    body = {"layers": [_without_nulls(layer) for layer in request["layers"]]}
    _cfs_takes(body, "clone_url")
    restored.configuration = body
    return restored


def restore_1(options: Mapping[str, str]) -> Restored:
    """manta 1.21 to 1.31: groups as values that are unwrapped, BOS v1, CFS v2."""
    template = BOS_1(read(options["--bos-file"]))
    configuration = CFS_2(read(options["--cfs-file"]))
    groups = []
    for value in vec(lambda item: item)(read(options["--hsm-file"])):
        # .as_str().unwrap(), .as_array().unwrap(): anything else panics.
        ids = [text(item) for item in vec(text)(value["members"]["ids"])]
        label, description = text(value["label"]), text(value["description"])
        groups.append({"label": label, "description": description, "members": {"ids": ids}})
    image = text(read(options["--ims-file"])[0]["name"])
    artifacts = _artifacts(options["--image-dir"])
    boot_set = template["boot_sets"]["compute"]
    if boot_set["path"] is None:
        raise DecodeError("no path")
    body = {"layers": [_without_nulls(layer) for layer in configuration["layers"]]}
    _cfs_takes(body, "cloneUrl")
    return Restored(image, artifacts, groups, body, _without_nulls(template))


def _artifacts(directory: str) -> dict[str, bytes]:
    """Three fixed names; each is what its whole path tells, tried in this order."""
    found: dict[str, bytes] = {}
    for name in ("initrd", "kernel", "rootfs"):
        path = f"{directory}/{name}"
        told = [word for word in ("kernel", "initrd", "rootfs") if word in path]
        if told != [name]:
            raise DecodeError(f"{path} is taken for {told}")
        found[name] = Path(path).read_bytes()
    return found


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


def _cfs_takes(body: dict[str, Any], url: str) -> None:
    """CFS: 'Only branch or commit should be specified for each layer, not both.'"""
    for layer in body["layers"]:
        if layer.get("branch") and layer.get("commit"):
            raise Refused("400 both branch and commit")
        if not layer.get("branch") and not layer.get("commit"):
            raise Refused("400 neither branch nor commit")
        if layer.get("source") and layer.get(url):
            raise Refused("400 both source and clone_url")


def _smd_takes(group: dict[str, Any]) -> None:
    if not group["label"]:
        raise Refused("400 Invalid group label.")
