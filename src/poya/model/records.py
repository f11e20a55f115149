# SPDX-License-Identifier: Apache-2.0
"""What a vCluster is made of in HSM, CFS and BOS: frozen views of their documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from poya.documents import Document, Json, JsonObject
from poya.errors import BadAnswer
from poya.model.names import normalise_xname, sorted_xnames
from poya.model.secrets import has_login, without_login

Kind: TypeAlias = Literal["group", "configuration", "template"]
KINDS: tuple[Kind, ...] = ("group", "configuration", "template")

KIND_TITLES: Mapping[str, str] = {
    "group": "HSM group",
    "configuration": "CFS configuration",
    "template": "BOS session template",
    "image": "IMS image",
}


@dataclass(frozen=True, slots=True, order=True)
class EntityRef:
    """One named record of a site: its kind and name.

    Attributes:
        tenant: BOS keeps templates by tenant and name, so one name may stand there twice; empty
            for no tenant, and for all other kinds.
    """

    kind: Kind
    name: str
    tenant: str = ""

    def __str__(self) -> str:
        owner = f" of tenant {self.tenant}" if self.tenant else ""
        return f"{KIND_TITLES[self.kind]} {self.name}{owner}"


@dataclass(frozen=True, slots=True)
class Node:
    """A node as HSM knows it (`GET /State/Components`).

    Attributes:
        arch: `X86`, `ARM`, `Other`, `UNKNOWN`; empty where the source does not say.
    """

    xname: str
    nid: int | None = None
    arch: str = ""
    role: str = ""
    subrole: str = ""
    state: str = ""
    is_enabled: bool = True
    is_locked: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """An HSM group (`GET /groups/{label}`)."""

    label: str
    members: tuple[str, ...]
    exclusive_group: str
    document: Document

    @classmethod
    def of(cls, document: Document) -> Group:
        """Read a group's document.

        Raises:
            BadAnswer: It has no label, or its members are not a list of names.
        """
        value = document.value
        members = _object(value, "members").get("ids") or []
        return cls(
            label=_text(value, "label", required=True).lower(),
            members=sorted_xnames({normalise_xname(name) for name in _texts(members, "members")}),
            exclusive_group=_text(value, "exclusiveGroup"),
            document=document,
        )


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a CFS configuration, in the v3 spelling.

    Attributes:
        clone_url: Less a password or token that stands in it; the document has it as it is.
        has_login: There is one.
    """

    clone_url: str
    source: str
    playbook: str
    commit: str
    branch: str
    has_login: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """A CFS configuration, its document in the v3 spelling."""

    name: str
    layers: tuple[Layer, ...]
    additional_inventory: Layer | None
    document: Document

    @classmethod
    def of(cls, document: Document) -> Configuration:
        """Read a configuration's v3 document.

        Raises:
            BadAnswer: It has no name or its layers are not a list of objects.
        """
        value = document.value
        layers = value.get("layers") or []
        if not isinstance(layers, list):
            raise BadAnswer("A CFS configuration's layers are not a list.")
        inventory = value.get("additional_inventory")
        return cls(
            name=_text(value, "name", required=True),
            layers=tuple(_layer(layer) for layer in layers),
            additional_inventory=_layer(inventory) if inventory else None,
            document=document,
        )

    def repositories(self) -> tuple[Layer, ...]:
        """Every layer, and the additional inventory after them."""
        extra = (self.additional_inventory,) if self.additional_inventory else ()
        return (*self.layers, *extra)


@dataclass(frozen=True, slots=True)
class BootSet:
    """One boot set of a BOS session template."""

    name: str
    path: str
    etag: str
    arch: str
    configuration: str
    rootfs_provider: str
    rootfs_provider_passthrough: str
    kernel_parameters: str
    node_list: tuple[str, ...]
    node_groups: tuple[str, ...]
    node_roles_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionTemplate:
    """A BOS v2 session template."""

    name: str
    tenant: str
    configuration: str
    boot_sets: tuple[BootSet, ...]
    document: Document

    @classmethod
    def of(cls, document: Document) -> SessionTemplate:
        """Read a template's document.

        Raises:
            BadAnswer: It has no name, or its boot sets are not objects.
        """
        value = document.value
        boot_sets = _object(value, "boot_sets")
        return cls(
            name=_text(value, "name", required=True),
            tenant=_text(value, "tenant"),
            configuration=_text(_object(value, "cfs"), "configuration"),
            boot_sets=tuple(_boot_set(name, boot_sets[name]) for name in sorted(boot_sets)),
            document=document,
        )

    def with_archs(self, archs: Mapping[str, str]) -> SessionTemplate:
        """The template whose boot sets of these names say what they are for (`ARM`)."""
        if not archs:
            return self
        value = self.document.editable()
        boot_sets = _object(value, "boot_sets")
        for name, arch in archs.items():
            boot_sets[name] = {**_object(boot_sets, name), "arch": arch}
        return SessionTemplate.of(Document.of(value))

    def configurations(self) -> tuple[str, ...]:
        """The names of the configurations it asks for, its own first, each once."""
        names = [self.configuration, *(boot_set.configuration for boot_set in self.boot_sets)]
        return tuple(dict.fromkeys(name for name in names if name))

    def node_groups(self) -> tuple[str, ...]:
        """The labels of the HSM groups it boots, each once, folded as HSM folds them."""
        labels = [label.lower() for b in self.boot_sets for label in b.node_groups]
        return tuple(dict.fromkeys(labels))


def _boot_set(name: str, value: Json) -> BootSet:
    if not isinstance(value, dict):
        raise BadAnswer(f"The boot set '{name[:60]}' is not an object.")
    return BootSet(
        name=name,
        path=_text(value, "path"),
        etag=_text(value, "etag"),
        arch=_text(value, "arch"),
        configuration=_text(_object(value, "cfs"), "configuration"),
        rootfs_provider=_text(value, "rootfs_provider"),
        rootfs_provider_passthrough=_text(value, "rootfs_provider_passthrough"),
        kernel_parameters=_text(value, "kernel_parameters"),
        node_list=tuple(normalise_xname(n) for n in _texts(value.get("node_list"), "node_list")),
        node_groups=tuple(_texts(value.get("node_groups"), "node_groups")),
        node_roles_groups=tuple(_texts(value.get("node_roles_groups"), "node_roles_groups")),
    )


def _layer(value: Json) -> Layer:
    if not isinstance(value, dict):
        raise BadAnswer("A layer of a CFS configuration is not an object.")
    clone_url = _text(value, "clone_url")
    return Layer(
        clone_url=without_login(clone_url),
        source=_text(value, "source"),
        playbook=_text(value, "playbook"),
        commit=_text(value, "commit"),
        branch=_text(value, "branch"),
        has_login=has_login(clone_url),
    )


def _object(value: JsonObject, key: str) -> JsonObject:
    found = value.get(key) or {}
    if not isinstance(found, dict):
        raise BadAnswer(f"'{key}' is not an object.")
    return found


def _text(value: JsonObject, key: str, *, required: bool = False) -> str:
    found = value.get(key) or ""
    if not isinstance(found, str):
        raise BadAnswer(f"'{key}' is not a text.")
    if required and not found:
        raise BadAnswer(f"'{key}' is missing.")
    return found


def _texts(value: Json, key: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadAnswer(f"'{key}' is not a list.")
    if not all(isinstance(item, str) for item in value):
        raise BadAnswer(f"'{key}' holds something that is not a text.")
    return [item for item in value if isinstance(item, str)]
