# SPDX-License-Identifier: Apache-2.0
"""A survey as JSON: what a site holds, and a vCluster of it, at one time.

Documents are kept as their text, whatever fields they have; typed views are made anew from them
when the file is read, so that a file that was edited cannot say two things at once. Surveys are
carried from place to place, so what looks like a secret is masked in all that they hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from poya.documents import Document, encode
from poya.errors import BadAnswer, UsageError
from poya.model.image import Artifact, Image, Manifest
from poya.model.image_contents import Certificate, ImageContents
from poya.model.inventory import Capabilities, Circumstances, Inventory
from poya.model.records import Configuration, EntityRef, Group, Kind, Node, SessionTemplate
from poya.model.secrets import masked, masked_text
from poya.model.vcluster import Gap, Selector, Surroundings, VCluster
from poya.placement.facts import Machine
from poya.sites.saved.machines import SavedMachine, load_machine, save_machine

FORMAT = "poya-survey"
VERSION = 1


class Survey(msgspec.Struct, frozen=True):
    """What was read of one site.

    Attributes:
        site: The site's name.
        taken: When, RFC 3339.
        vcluster: What was captured; None where nothing was asked for.
        inventory: What the site can do and holds.
        machine: Its nodes, their parts and who holds them; None where that could not be read.
    """

    site: str
    taken: str
    vcluster: VCluster | None
    inventory: Inventory
    machine: Machine | None = None


class _Image(msgspec.Struct, frozen=True):
    id: str
    name: str
    arch: str
    record: Document
    metadata: dict[str, str]
    manifest: Document | None
    artifacts: tuple[Artifact, ...]
    manifest_path: str
    manifest_etag: str
    contents: ImageContents | None = None


class _Entity(msgspec.Struct, frozen=True):
    kind: Kind
    name: str
    record: Document
    tenant: str = ""


class _Commit(msgspec.Struct, frozen=True):
    url: str
    commit: str
    is_there: bool


class _Branch(msgspec.Struct, frozen=True):
    url: str
    branch: str
    head: str


class _Capture(msgspec.Struct, frozen=True):
    name: str
    release: str
    selector: Selector
    templates: tuple[Document, ...]
    configurations: tuple[Document, ...]
    groups: tuple[Document, ...]
    images: tuple[_Image, ...]
    nodes: tuple[Node, ...]
    gaps: tuple[Gap, ...]
    surroundings: Surroundings
    branches: tuple[_Branch, ...]


class _Holdings(msgspec.Struct, frozen=True):
    capabilities: Capabilities
    entities: tuple[_Entity, ...]
    images: tuple[_Image, ...]
    nodes: tuple[Node, ...] | None
    commits: tuple[_Commit, ...]
    desired_by: dict[str, int]
    circumstances: Circumstances
    branches: tuple[_Branch, ...]
    authorities: tuple[Certificate, ...] = ()


class _File(msgspec.Struct, frozen=True):
    format: str
    version: int
    site: str
    taken: str
    capture: _Capture | None
    inventory: _Holdings
    machine: SavedMachine | None = None


class _Head(msgspec.Struct, frozen=True):
    format: str = ""
    version: int = 0


def encode_survey(survey: Survey) -> bytes:
    """The survey as JSON, the same survey as the same bytes, what looks like a secret masked."""
    file = _File(
        format=FORMAT,
        version=VERSION,
        site=survey.site,
        taken=survey.taken,
        capture=_capture(survey.vcluster) if survey.vcluster else None,
        inventory=_holdings(survey.inventory),
        machine=save_machine(survey.machine) if survey.machine else None,
    )
    plain = msgspec.to_builtins(file, enc_hook=_bytes_of, builtin_types=(bytes,), order="sorted")
    raw = msgspec.json.encode(_masked(plain), order="sorted")
    return msgspec.json.format(raw, indent=1) + b"\n"


def is_survey(raw: bytes) -> bool:
    """Say whether the bytes claim to be a survey, of whatever version."""
    try:
        return msgspec.json.decode(raw, type=_Head).format == FORMAT
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def decode_survey(raw: bytes) -> Survey:
    """Read a saved survey.

    Raises:
        UsageError: Not a survey, damaged, or of a version that this poya does not know.
    """
    if not is_survey(raw):
        raise UsageError("This is not a survey of poya's.", todo="poya survey SITE -o FILE")
    version = msgspec.json.decode(raw, type=_Head).version
    if version != VERSION:
        raise UsageError(
            f"The survey has version {version}; this poya reads version {VERSION}.",
            todo="Survey the site anew with this version of poya.",
        )
    try:
        file = msgspec.json.decode(raw, type=_File, dec_hook=_document_of)
        return Survey(
            site=file.site,
            taken=file.taken,
            vcluster=_vcluster(file.site, file.capture) if file.capture else None,
            inventory=_inventory(file.site, file.inventory),
            machine=load_machine(file.site, file.machine) if file.machine else None,
        )
    except (msgspec.MsgspecError, BadAnswer, UnicodeDecodeError, RecursionError) as error:
        raise UsageError("The survey is damaged.", why=str(error)) from error


def _bytes_of(value: object) -> bytes:
    """A document's text, as bytes: what is masked already differs from texts that are not."""
    if not isinstance(value, Document):
        raise NotImplementedError(f"{type(value)}")
    clean = masked(value.value)
    return value.raw if clean == value.value else encode(clean)


def _masked(plain: Any) -> Any:  # noqa: ANN401 - what msgspec makes of any value
    if isinstance(plain, bytes):
        return plain.decode()
    if isinstance(plain, dict):
        return {masked_text(key): _masked(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_masked(value) for value in plain]
    return masked_text(plain) if isinstance(plain, str) else plain


def _document_of(wanted: type, value: Any) -> Document:  # noqa: ANN401 - msgspec's contract
    if wanted is not Document or not isinstance(value, str):
        raise NotImplementedError(f"{wanted}")
    return Document(value.encode())


def _capture(vcluster: VCluster) -> _Capture:
    return _Capture(
        name=vcluster.name,
        release=vcluster.release,
        selector=vcluster.selector,
        templates=tuple(template.document for template in vcluster.templates),
        configurations=tuple(c.document for c in vcluster.configurations),
        groups=tuple(group.document for group in vcluster.groups),
        images=tuple(_saved_image(image) for image in vcluster.images),
        nodes=tuple(node for _, node in sorted(vcluster.nodes.items())),
        gaps=vcluster.gaps,
        surroundings=replace(vcluster.surroundings, branches={}),
        branches=_branches(vcluster.surroundings.branches),
    )


def _vcluster(site: str, saved: _Capture) -> VCluster:
    return VCluster(
        name=saved.name,
        site=site,
        release=saved.release,
        templates=tuple(SessionTemplate.of(document) for document in saved.templates),
        configurations=tuple(Configuration.of(document) for document in saved.configurations),
        images=tuple(_image(image) for image in saved.images),
        groups=tuple(Group.of(document) for document in saved.groups),
        nodes={node.xname: node for node in saved.nodes},
        gaps=saved.gaps,
        selector=saved.selector,
        surroundings=replace(saved.surroundings, branches=_heads(saved.branches)),
    )


def _holdings(inventory: Inventory) -> _Holdings:
    nodes = inventory.nodes
    entities = sorted(inventory.entities.items())
    commits = sorted(inventory.commits.items())
    return _Holdings(
        capabilities=inventory.capabilities,
        entities=tuple(
            _Entity(ref.kind, ref.name, document, ref.tenant) for ref, document in entities
        ),
        images=tuple(_saved_image(image) for image in inventory.images),
        nodes=None if nodes is None else tuple(node for _, node in sorted(nodes.items())),
        commits=tuple(_Commit(url, commit, there) for (url, commit), there in commits),
        desired_by=dict(inventory.desired_by),
        circumstances=replace(inventory.circumstances, branches={}),
        branches=_branches(inventory.circumstances.branches),
        authorities=inventory.authorities,
    )


def _inventory(site: str, saved: _Holdings) -> Inventory:
    nodes = saved.nodes
    return Inventory(
        label=site,
        capabilities=saved.capabilities,
        entities={EntityRef(e.kind, e.name, e.tenant): e.record for e in saved.entities},
        images=tuple(_image(image) for image in saved.images),
        nodes=None if nodes is None else {node.xname: node for node in nodes},
        commits={(c.url, c.commit): c.is_there for c in saved.commits},
        desired_by=saved.desired_by,
        circumstances=replace(saved.circumstances, branches=_heads(saved.branches)),
        authorities=saved.authorities,
    )


def _branches(heads: Mapping[tuple[str, str], str]) -> tuple[_Branch, ...]:
    return tuple(_Branch(url, branch, head) for (url, branch), head in sorted(heads.items()))


def _heads(branches: Iterable[_Branch]) -> dict[tuple[str, str], str]:
    return {(b.url, b.branch): b.head for b in branches}


def _saved_image(image: Image) -> _Image:
    return _Image(
        id=image.id,
        name=image.name,
        arch=image.arch,
        record=image.document,
        metadata=dict(image.metadata),
        manifest=image.manifest.document if image.manifest else None,
        artifacts=image.manifest.artifacts if image.manifest else (),
        manifest_path=image.manifest_path,
        manifest_etag=image.manifest_etag,
        contents=image.contents,
    )


def _image(saved: _Image) -> Image:
    manifest = saved.manifest
    return Image(
        id=saved.id,
        name=saved.name,
        arch=saved.arch,
        document=saved.record,
        metadata=saved.metadata,
        manifest=Manifest(manifest.raw, manifest, saved.artifacts) if manifest else None,
        manifest_path=saved.manifest_path,
        manifest_etag=saved.manifest_etag,
        contents=saved.contents,
    )
