# SPDX-License-Identifier: Apache-2.0
"""A bundle as a site to capture from; nothing here writes."""

from __future__ import annotations

import asyncio

from poya.errors import NotFound, UsageError
from poya.model.image import Image
from poya.model.records import SessionTemplate
from poya.model.vcluster import Gap, Selector, VCluster
from poya.sites.bundle.contents import Contents, StoredArtifact
from poya.sites.bundle.digests import Digester, HashProgress, hash_files, ignore_progress
from poya.sites.bundle.images import draft_image, finish_image
from poya.sites.bundle.references import reference_gaps, with_archs
from poya.sites.bundle.refusing import flaws_of, refuse_damaged, refuse_flawed
from poya.sites.bundle.selecting import choose, groups_of, name_of
from poya.transfer import Source as Readable
from poya.transfer.files import FileSource
from poya.transfer.guard import Cancel


class BundleSource:
    """The source port for a bundle.

    Args:
        contents: What it holds.
        progress: Told of the bytes that are hashed.
        refuses_damage: Whether a capture ends with an error where something is damaged.
        digester: Finds out what the images' files are.
    """

    def __init__(
        self,
        contents: Contents,
        progress: HashProgress = ignore_progress,
        *,
        refuses_damage: bool = False,
        digester: Digester = hash_files,
    ) -> None:
        self._digester = digester
        self._contents = contents
        self._refuses_damage = refuses_damage
        self._progress = progress
        self._files: dict[str, Readable | None] | None = None

    @property
    def label(self) -> str:
        """The bundle's directory."""
        return self._contents.label

    async def capture(self, selector: Selector) -> VCluster:
        """Everything in the bundle, or what is selected of it; every file is hashed.

        Raises:
            NotFound: The bundle has no such template or group.
            BundleDamaged: A file cannot be read; or something is damaged, and that is refused.
        """
        templates = choose(self._contents, selector)
        refuse_flawed(self._contents, templates, selector)
        cancel = Cancel()
        work = asyncio.ensure_future(asyncio.to_thread(self._capture, templates, selector, cancel))
        try:
            vcluster = await asyncio.shield(work)
        except asyncio.CancelledError:
            cancel.set()
            await asyncio.gather(work, return_exceptions=True)
            raise
        if self._refuses_damage:
            refuse_damaged(vcluster)
        return vcluster

    async def readable(self, path: str) -> Readable:
        """What holds the object of this `s3://` path.

        Raises:
            UsageError: The bundle can only be read from its start.
        """
        if self._files is None:
            self._files = await asyncio.to_thread(self._find_files)
        if path not in self._files:
            raise NotFound(f"{self.label} has no file for {path}.")
        found = self._files[path]
        if found is None:
            raise UsageError(f"{self.label} can only be read from its start, and not in part.")
        return found

    def _find_files(self) -> dict[str, Readable | None]:
        drafts = [draft_image(stored) for stored in self._contents.images]
        return {
            str(draft.manifest.artifacts[number].path): _source(file)
            for draft in drafts
            if draft.manifest is not None
            for number, file in draft.files.items()
        }

    def _capture(
        self, templates: tuple[SessionTemplate, ...], selector: Selector, cancel: Cancel
    ) -> VCluster:
        contents = self._contents
        names = dict.fromkeys(name for t in templates for name in t.configurations())
        configurations = {c.name: c for c in contents.configurations}
        groups = groups_of(contents, templates)
        images, image_gaps = self._images(templates, cancel)
        if not contents.is_indexed:
            templates, arch_gaps = with_archs(templates, images)
            image_gaps = (*image_gaps, *arch_gaps)
        flaws = flaws_of(contents, templates, selector)
        altered = dict.fromkeys(f.reason for f in flaws if isinstance(f.reason, Gap))
        xnames = {x for group in groups for x in group.members}
        xnames.update(x for t in templates for b in t.boot_sets for x in b.node_list)
        return VCluster(
            name=contents.vcluster or name_of(templates),
            site=contents.label,
            release=contents.release,
            templates=templates,
            configurations=tuple(configurations[n] for n in names if n in configurations),
            images=images,
            groups=groups,
            nodes={x: node for x, node in contents.nodes.items() if x in xnames},
            hardware=contents.hardware,
            gaps=(*contents.gaps, *altered, *reference_gaps(contents, templates), *image_gaps),
        )

    def _images(
        self, templates: tuple[SessionTemplate, ...], cancel: Cancel
    ) -> tuple[tuple[Image, ...], tuple[Gap, ...]]:
        paths = dict.fromkeys(boot_set.path for t in templates for boot_set in t.boot_sets)
        by_path = {image.manifest_path: image for image in self._contents.images}
        drafts = [draft_image(by_path[path]) for path in paths if path in by_path]
        wanted = [item for draft in drafts for item in draft.wanted()]
        digests = self._digester(wanted, cancel, self._progress)
        finished = [finish_image(draft, digests) for draft in drafts]
        gaps = tuple(gap for _, found in finished for gap in found)
        return tuple(image for image, _ in finished), gaps


def _source(file: StoredArtifact) -> Readable | None:
    if file.away:
        return file.away.source
    # An index names a part size only of bytes that were seen to have all digests it lists.
    return FileSource(file.path, file.entry.part_size_bytes if file.entry is not None else None)
