# SPDX-License-Identifier: Apache-2.0
"""Small vClusters and targets for tests, from compact text."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from poya.documents import Document, JsonObject, encode
from poya.model.image import INITRD, KERNEL, ROOTFS, Image, Manifest
from poya.model.inventory import Capabilities, Inventory
from poya.model.records import Configuration, EntityRef, Group, Kind, Node, SessionTemplate
from poya.model.vcluster import VCluster

BUCKET = "boot-images"
CSM_1_4 = Capabilities(
    release="CSM 1.4",
    has_image_arch=False,
    has_image_metadata=False,
    has_sources=False,
    has_boot_set_arch=False,
    checks_arch=False,
    rootfs_providers=("cpss3",),
)
CSM_1_6 = Capabilities(release="CSM 1.6", rootfs_providers=("cpss3", "sbps"))
CSM_1_7 = Capabilities(
    release="CSM 1.7", has_configuration_tenants=True, rootfs_providers=("sbps",)
)
BUNDLE = Capabilities(release="bundle", is_verbatim=True)

_SIZE_BYTES = 4096
_IMS_ARCH = {"X86": "x86_64", "ARM": "aarch64"}


def xnames(count: int, cabinet: int = 1000) -> tuple[str, ...]:
    """Node names in the order of the machine, 512 to a cabinet."""
    return tuple(
        f"x{cabinet + i // 512}c{i // 64 % 8}s{i // 8 % 8}b{i // 4 % 2}n{i % 4}"
        for i in range(count)
    )


def nodes(text: str, cabinet: int = 1000) -> dict[str, Node]:
    """Make nodes: `4x ARM, 2x X86` is six, named in the order of the machine."""
    archs = [
        arch
        for piece in text.split(",")
        for count, _, arch in [piece.strip().partition("x ")]
        for arch in [arch.strip()] * int(count)
    ]
    names = xnames(len(archs), cabinet)
    return {
        x: Node(x, nid=1 + i, arch=a) for i, (x, a) in enumerate(zip(names, archs, strict=True))
    }


def group(label: str, members: Iterable[str], **extra: object) -> Group:
    """An HSM group as `GET /groups/{label}` answers it."""
    value = {"label": label, "description": "", "members": {"ids": list(members)}, **extra}
    return Group.of(Document(encode(value)))  # type: ignore[arg-type]


def layer(name: str, **extra: object) -> JsonObject:
    """A layer as CFS answers it: the branch that was asked for and the commit it stood at."""
    value = {
        "name": name,
        "clone_url": f"https://api-gw-service-nmn.local/vcs/cray/{name}.git",
        "playbook": "site.yml",
        "branch": "integration",
        "commit": hashlib.sha1(name.encode()).hexdigest(),
    }
    return {k: v for k, v in {**value, **extra}.items() if v is not None}  # type: ignore[misc]


def configuration(name: str, *layers: JsonObject, **extra: object) -> Configuration:
    """A CFS configuration as `GET /v3/configurations/{name}` answers it."""
    value = {
        "name": name,
        "last_updated": "2024-05-06T11:22:33Z",
        "layers": list(layers or (layer("base"),)),
        **extra,
    }
    return Configuration.of(Document(encode(value)))  # type: ignore[arg-type]


def template(name: str, boot_sets: Mapping[str, JsonObject], **extra: object) -> SessionTemplate:
    """A BOS session template as `GET /v2/sessiontemplates/{name}` answers it."""
    value = {
        "name": name,
        "tenant": "",
        "enable_cfs": True,
        "boot_sets": dict(boot_sets),
        **extra,
    }
    return SessionTemplate.of(Document(encode(value)))  # type: ignore[arg-type]


def boot_set(image_id: str, **fields: object) -> JsonObject:
    """A boot set of an IMS image."""
    path = manifest_path(image_id)
    value = {"path": path, "type": "s3", "etag": etag_of(path), **fields}
    return {k: v for k, v in value.items() if v is not None}  # type: ignore[misc]


def with_objects(manifest: Manifest) -> Manifest:
    """The manifest with the objects that it names in place, each with the etag it says."""
    return dataclasses.replace(
        manifest,
        artifacts=tuple(
            dataclasses.replace(a, size_bytes=_SIZE_BYTES, stored_etag=a.etag)
            for a in manifest.artifacts
        ),
    )


def manifest_path(image_id: str) -> str:
    """Where the manifest of an image is."""
    return f"s3://{BUCKET}/{image_id}/manifest.json"


def etag_of(text: str) -> str:
    """An etag that belongs to a text."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def artifact(image_id: str, media_type: str, content: str, **extra: object) -> JsonObject:
    """An artifact of a manifest; what it contains is named by a text."""
    name = str(extra.pop("name", media_type.rpartition(".")[2]))
    value = {
        "type": media_type,
        "md5": etag_of(content),
        "link": {
            "path": f"s3://{BUCKET}/{image_id}/{name}",
            "etag": etag_of(content),
            "type": "s3",
        },
        **extra,
    }
    return {k: v for k, v in value.items() if v is not None}  # type: ignore[misc]


def image(
    image_id: str,
    name: str = "",
    arch: str = "x86_64",
    content: str = "",
    artifacts: Iterable[JsonObject] = (),
    metadata: Mapping[str, str] | None = None,
) -> Image:
    """An IMS image with its three usual artifacts, or with those given."""
    content = content or image_id
    entries = list(artifacts) or [
        artifact(image_id, kind, f"{content} {kind}") for kind in (ROOTFS, KERNEL, INITRD)
    ]
    raw = encode({"version": "1.0", "created": "2024-05-06 11:22:33", "artifacts": [*entries]})
    path = manifest_path(image_id)
    record = {"id": image_id, "name": name or image_id, "link": {"path": path}, "arch": arch}
    return Image(
        id=image_id,
        name=name or image_id,
        arch=arch,
        document=Document(encode(record)),  # type: ignore[arg-type]
        metadata=metadata or {},
        manifest=with_objects(Manifest.of(raw)),
        manifest_path=path,
        manifest_etag=etag_of(path),
    )


_BOOT_SET = re.compile(r"(?P<name>[^=\s]+)=(?P<arch>\w+)@(?P<group>[^\s*]+)(?:\*(?P<count>\d+))?")


def vcluster(text: str, cabinet: int = 1000) -> VCluster:
    """Make a vCluster: `gele: compute=ARM@gele*4 image=a1; login=X86@uan image=a2 cfs=other`.

    Each boot set has an architecture, a group with so many nodes (2), an image and, if it is not
    the template's own (`gele-config`), a configuration.
    """
    name, _, rest = text.partition(":")
    boot_sets: dict[str, JsonObject] = {}
    members: dict[str, dict[str, Node]] = {}
    images: dict[str, Image] = {}
    names = [f"{name}-config"]
    taken = 0
    for piece in rest.split(";"):
        match = _BOOT_SET.match(piece.strip())
        assert match, piece
        options = dict(word.split("=") for word in piece.split()[1:])
        label, arch = match["group"], match["arch"]
        if label not in members:
            count = int(match["count"] or 2)
            fresh = xnames(taken + count, cabinet)[taken:]
            members[label] = {x: Node(x, arch=arch) for x in fresh}
            taken += count
        fields: dict[str, object] = {"arch": arch, "node_groups": [label]}
        if "cfs" in options:
            fields["cfs"] = {"configuration": options["cfs"]}
            names.append(options["cfs"])
        image_id = options["image"]
        images[image_id] = image(image_id, arch=_IMS_ARCH.get(arch, "x86_64"))
        boot_sets[match["name"]] = boot_set(image_id, **fields)
    return VCluster(
        name=name,
        site="alps",
        release="CSM 1.6",
        templates=(template(name, boot_sets, cfs={"configuration": names[0]}),),
        configurations=tuple(configuration(n) for n in names),
        images=tuple(images.values()),
        groups=tuple(group(label, m) for label, m in members.items()),
        nodes={x: n for m in members.values() for x, n in m.items()},
    )


def inventory(
    capabilities: Capabilities = CSM_1_6,
    known: Mapping[str, Node] | None = None,
    entities: Iterable[Group | Configuration | SessionTemplate] = (),
    images: Iterable[Image] = (),
) -> Inventory:
    """A target that knows these nodes and holds these things."""
    return Inventory(
        label="mars",
        capabilities=capabilities,
        nodes=None if capabilities.is_verbatim else dict(known or {}),
        entities={ref_of(entity): entity.document for entity in entities},
        images=tuple(images),
    )


def ref_of(entity: Group | Configuration | SessionTemplate) -> EntityRef:
    """What an entity is called."""
    if isinstance(entity, Group):
        return EntityRef("group", entity.label)
    kind: Kind = "configuration" if isinstance(entity, Configuration) else "template"
    return EntityRef(kind, entity.name)


def entities_of(cluster: VCluster) -> Iterator[Group | Configuration | SessionTemplate]:
    """Every group, configuration and template of a vCluster."""
    yield from cluster.groups
    yield from cluster.configurations
    yield from cluster.templates
