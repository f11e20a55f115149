# SPDX-License-Identifier: Apache-2.0
"""A bundle that stays in its store as a site to capture from.

Its records are brought, since they are small; of image files only what is asked for. Whether those
are what the index says is found out by reading them all, where that matters.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from poya.errors import BundleDamaged, PoyaError, UsageError
from poya.model.vcluster import Gap, Selector, VCluster
from poya.sites.bundle.contents import Contents, StoredArtifact, StoredImage
from poya.sites.bundle.digests import Digester, Digests, HashProgress, Wanted
from poya.sites.bundle.index import Index
from poya.sites.bundle.indexed import open_index, read_contents, vouched
from poya.sites.bundle.names import INDEX, SIGNATURE
from poya.sites.bundle.source import BundleSource
from poya.sites.bundle.stores.shelf import Shelf, index_of, is_record
from poya.sites.bundle.stores.void import read_through
from poya.sites.bundle.trust.policy import FREE_POLICY, TrustPolicy, judge
from poya.sites.bundle.writing import make_directory
from poya.transfer import Cancel
from poya.transfer import Source as Readable


class ShelvedSource:
    """The source port for a bundle that stays in its store."""

    def __init__(self, inner: BundleSource, scratch: Path, label: str) -> None:
        self._inner = inner
        self._naming = Naming(scratch, label)

    @property
    def label(self) -> str:
        """How people know the store."""
        return self._inner.label

    async def capture(self, selector: Selector) -> VCluster:
        """As of a bundle in a directory."""
        with self._naming.errors():
            vcluster = await self._inner.capture(selector)
        return replace(vcluster, gaps=tuple(map(self._naming.gap, vcluster.gaps)))

    async def readable(self, path: str) -> Readable:
        """Ranges of what holds the object of this `s3://` path."""
        return await self._inner.readable(path)


@contextmanager
def open_shelf(
    shelf: Shelf,
    policy: TrustPolicy = FREE_POLICY,
    *,
    refuses_damage: bool = False,
    reads_all: bool = False,
) -> Iterator[ShelvedSource]:
    """Open a bundle where it is.

    Args:
        shelf: What is seen of it.
        policy: Of the site that it goes to.
        refuses_damage: As `open_bundle`.
        reads_all: Whether a capture reads every byte and compares it with the index, as must be
            before anything is written; else the index is taken at its word, but for the lengths.

    Raises:
        BundleDamaged: The index is damaged.
        BundleUntrusted: The policy refuses it, or its signature is wrong.
    """
    with records_brought(shelf) as (scratch, index):
        naming = Naming(scratch, shelf.label)
        with naming.errors():
            judge(shelf.raw_index, shelf.signature, policy, shelf.label)
            opened = open_index(scratch, policy)
            if index.unfinished():
                raise BundleDamaged(f"The backup in {shelf.label} was not finished.")
            gaps = tuple(vouched(shelf.label, opened, policy))
            contents = replace(contents_of(shelf, index, scratch), gaps=gaps)
        digester: Digester = _read_all(contents) if reads_all else _take_at_its_word(contents)
        inner = BundleSource(contents, refuses_damage=refuses_damage, digester=digester)
        yield ShelvedSource(inner, scratch, shelf.label)


@contextmanager
def records_brought(shelf: Shelf, *, opens: bool = True) -> Iterator[tuple[Path, Index]]:
    """A directory, while it is needed, with the index, the signature and all records.

    A record that is missing or damaged is not there either.

    Args:
        shelf: Where they are.
        opens: Whether an encrypted record without an identity is an error.
    """
    index = index_of(shelf)
    with tempfile.TemporaryDirectory(prefix="poya-records-") as name:
        scratch = Path(name)
        (scratch / INDEX).write_bytes(shelf.raw_index)
        if shelf.signature is not None:
            (scratch / SIGNATURE).write_bytes(shelf.signature)
        for file in index.files:
            make_directory((scratch / file).parent)
            if is_record(index, file) and file in shelf.names:
                with suppress(*(BundleDamaged,) if opens else (BundleDamaged, UsageError)):
                    (scratch / file).write_bytes(shelf.record(file))
        yield scratch, index


def contents_of(shelf: Shelf, index: Index, scratch: Path) -> Contents:
    """What a bundle holds whose records were brought to a scratch directory."""
    found = read_contents(scratch, index)
    names = {a.path: a.file for image in index.images for a in image.artifacts}

    def placed(image: StoredImage) -> StoredImage:
        indexed: dict[str, StoredArtifact] = {}
        for path, stored in (image.indexed or {}).items():
            away = shelf.artifact(names[path])
            if away is not None:
                called = Path(shelf.label) / names[path]
                indexed[path] = StoredArtifact(called, stored.entry, away)
        return replace(image, indexed=indexed)

    images = tuple(placed(image) for image in found.images)
    return replace(found, label=shelf.label, images=images)


def _away(contents: Contents) -> Mapping[Path, StoredArtifact]:
    held = (a for image in contents.images for a in (image.indexed or {}).values())
    return {artifact.path: artifact for artifact in held}


def _take_at_its_word(contents: Contents) -> Digester:
    known = _away(contents)

    def digests(
        wanted: Iterable[Wanted],
        cancel: Cancel,  # noqa: ARG001 - nothing takes time
        progress: HashProgress,  # noqa: ARG001
    ) -> dict[Path, Digests]:
        return {file.path: _as_listed(known[file.path]) for file in wanted}

    return digests


def _as_listed(artifact: StoredArtifact) -> Digests:
    entry = artifact.entry
    assert entry is not None, "what is away has an index"
    size_bytes = entry.size_bytes or 0
    return Digests(size_bytes, entry.md5 or "", entry.sha256 or "", entry.part_size_bytes)


def _read_all(contents: Contents) -> Digester:
    known = _away(contents)

    def digests(
        wanted: Iterable[Wanted], cancel: Cancel, progress: HashProgress
    ) -> dict[Path, Digests]:
        found: dict[Path, Digests] = {}
        for file in wanted:
            away = known[file.path].away
            assert away is not None
            assert away.source is not None, "only what can be read in part is read so"
            listed = _as_listed(known[file.path])
            seen = read_through((file.path, away.source), listed.md5, cancel, progress)
            found[file.path] = replace(
                listed, size_bytes=seen.size_bytes, md5=seen.md5, sha256=seen.sha256
            )
        return found

    return digests


@dataclass(frozen=True, slots=True)
class Naming:
    """Speaks of the store where the files that were read stand in a scratch directory."""

    scratch: Path
    label: str

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Errors that leave the block name the store."""
        try:
            yield
        except PoyaError as error:
            error.what, error.why, error.todo = map(self.text, (error.what, error.why, error.todo))
            error.args = (error.what,)
            raise

    def gap(self, gap: Gap) -> Gap:
        """A gap that names the store."""
        return replace(gap, subject=self.text(gap.subject), evidence=self.text(gap.evidence))

    def text(self, text: str) -> str:
        """Words that name the store."""
        return text.replace(str(self.scratch), self.label)
