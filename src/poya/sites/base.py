# SPDX-License-Identifier: Apache-2.0
"""What a site can do: the ports that the use cases are written against.

A live CSM is a site, a bundle directory is a site that happens to be offline. Both are a Source
(captured from) and a Target (surveyed, then written to). Every method may raise the errors of
`poya.errors` that its adapter meets (Unreachable, AuthenticationError…); only what is special is
said below. Reads may be repeated freely. Each write says whether it may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from poya import transfer
from poya.documents import Document
from poya.model.image import Image
from poya.model.inventory import Interest, Inventory
from poya.model.records import EntityRef
from poya.model.vcluster import Selector, VCluster


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to be registered at a target.

    Attributes:
        source_id: Its id at the source; a bundle keeps it.
        arch: None where the target does not record it.
        metadata: Includes poya's marks; a target without metadata ignores it.
        run: The run that makes it.
        source_document: The source's record, for a target that keeps documents as they are.
    """

    source_id: str
    name: str
    arch: str | None
    metadata: Mapping[str, str]
    run: str
    source_document: Document | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A manifest as it stands at the target.

    Attributes:
        path: `s3://bucket/key`; a bundle answers the path that it had at its site.
        etag: As the target's store answers it to a HEAD.
    """

    path: str
    etag: str


@dataclass(frozen=True, slots=True)
class Write:
    """A request that may change a site.

    Attributes:
        service: `csm` for its gateway, `s3` for its object store.
        where: Path, and for the object store the query; neither holds a secret.
        digest: Sha256 of the body; empty for an artifact's bytes, whose md5 is the etag answered.
        size_bytes: Of the body.
        is_bulk: Whether it carries an artifact's bytes.
    """

    service: str
    method: str
    where: str
    digest: str
    size_bytes: int
    is_bulk: bool = False


class Witness(Protocol):
    """Told of every request that may change a live site; called from many threads at once."""

    def before(self, write: Write) -> int:
        """A request is about to be sent; answers its number. Raising keeps it from being sent."""
        ...

    def after(self, number: int, write: Write, status: int, etag: str = "") -> None:
        """It was answered; status 0 if no answer came, which says nothing about its effect."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """A mark at a target: a run is bringing a vCluster there.

    Attributes:
        card: Who, where and when, as the run wrote it; hostile until read.
        renewed: When it was last written, by the target's clock; None if that does not say.
    """

    run: str
    card: bytes
    renewed: datetime | None = None


class Claims(Protocol):
    """The claims on one vCluster at one target, which every machine sees."""

    async def put(self, run: str, card: bytes) -> None:
        """Make or renew a run's claim; visible to `all` of everybody when this returns."""
        ...

    async def all(self) -> tuple[Claim, ...]:
        """Every claim that is there now."""
        ...

    async def drop(self, run: str) -> None:
        """Take a run's claim away; absent is fine."""
        ...


@runtime_checkable
class Claimable(Protocol):
    """A target that several machines can write to, and that keeps claims."""

    def claims(self, vcluster: str) -> Claims:
        """The claims on a vCluster."""
        ...


class Source(Protocol):
    """A site seen as where a vCluster comes from. Nothing here writes."""

    @property
    def label(self) -> str:
        """How people know it: the site's name, or the bundle's directory."""
        ...

    async def capture(self, selector: Selector) -> VCluster:
        """Read the closure of what is selected.

        What is referred to and missing becomes a gap of the result, not an error.

        Raises:
            NotFound: The group or a template that was named does not exist.
        """
        ...

    async def readable(self, path: str) -> transfer.Source:
        """Open the object that a captured artifact's path names, for reading ranges of it."""
        ...


class Images(Protocol):
    """A site seen as a place of images. Nothing here writes."""

    async def find_image(self, wanted: str) -> Image:
        """One image, by its id or by its name.

        Raises:
            NotFound: There is none, or more than one of this name.
        """
        ...

    async def readable(self, path: str) -> transfer.Source:
        """Open the object that an artifact's path names, for reading ranges of it."""
        ...


class Surveyed(Protocol):
    """A site seen as what a plan is made against. Nothing here writes."""

    @property
    def label(self) -> str:
        """How people know it."""
        ...

    async def survey(self, interest: Interest) -> Inventory:
        """Read what a plan must know of the target."""
        ...


class NodeLocks(Protocol):
    """HSM's locks, which keep power, firmware and boot services away from nodes.

    They are no mutex between runs, and protect no group.
    """

    async def locked(self, xnames: Iterable[str]) -> frozenset[str]:
        """Those of the nodes that are locked now."""
        ...

    async def lock(self, xnames: Iterable[str]) -> None:
        """Lock nodes that are not locked, all or none; none to lock is fine."""
        ...

    async def unlock(self, xnames: Iterable[str]) -> None:
        """Unlock nodes that are locked, all or none; none to unlock is fine."""
        ...


class Target(Surveyed, Protocol):
    """A site seen as where a vCluster goes."""

    @property
    def node_locks(self) -> NodeLocks | None:
        """Its nodes' locks; None where it has no nodes of its own."""
        ...

    async def read(self, ref: EntityRef) -> Document | None:
        """Read one group, configuration or template as the target holds it now; None if absent.

        Configurations come in the v3 spelling.
        """
        ...

    async def write(self, ref: EntityRef, body: Document, present: Document | None) -> None:
        """Make the entity what `body` says; `present` is what was read just before.

        Repeating it is safe. Creates where `present` is None. Never deletes in order to create.

        Raises:
            Conflict: The target cannot turn what is there into `body` without deleting it.
            RequestRefused: The service refused the body; its words are in the error.
        """
        ...

    async def delete(self, ref: EntityRef) -> None:
        """Delete one entity; absent is fine, so repeating is safe."""
        ...

    async def validate(self, template: str, tenant: str = "") -> str:
        """Ask the target to judge a template; `Valid`, or what it says instead."""
        ...

    async def find_image(self, new: NewImage, known_before: frozenset[str]) -> str | None:
        """Look for an image that an earlier attempt of this run made.

        By its marks where the target keeps metadata; else an unlinked record of the same name
        that is not among `known_before`.
        """
        ...

    async def unlinked_namesakes(self, name: str) -> frozenset[str]:
        """Ids of the records of this name without a link; what `find_image` needs to know."""
        ...

    async def create_image(self, new: NewImage) -> str:
        """Register an image and answer its id. Not idempotent: look with `find_image` first."""
        ...

    def artifact_path(self, image_id: str, name: str) -> str:
        """Where an artifact of the image will be (`s3://…`)."""
        ...

    async def writable(self, image_id: str, name: str) -> transfer.Target:
        """The place for one artifact's bytes."""
        ...

    @property
    def wants_sha256(self) -> bool:
        """Whether the target keeps each artifact's sha256, and all bytes must be read for it."""
        ...

    async def note_artifact(self, place: tuple[str, str], result: transfer.Result) -> None:
        """Told of an artifact (image id, name) that is verified at the target; safe to repeat."""
        ...

    async def publish_manifest(self, image_id: str, body: bytes) -> Published:
        """Store the manifest beside its artifacts. Repeating it with the same bytes is safe."""
        ...

    async def link_image(self, image_id: str, new: NewImage, published: Published) -> None:
        """Link the record to its manifest and complete it (arch, metadata).

        Repeating it with the same values is safe.

        Raises:
            Conflict: The record has another link already; IMS links are write-once.
        """
        ...

    async def read_image(self, image_id: str) -> Image | None:
        """Read an image back: record, manifest, and what the store holds; None if absent."""
        ...

    async def users_of_image(self, image_id: str) -> tuple[str, ...]:
        """What refers to the image at the target (session templates), in words."""
        ...

    async def delete_image(self, image_id: str) -> None:
        """Remove record, objects and unfinished uploads for good; absent is fine."""
        ...
