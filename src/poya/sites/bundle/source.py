# SPDX-License-Identifier: Apache-2.0
"""A bundle as a site to capture from; nothing here writes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from poya.documents import Document
from poya.errors import BundleDamaged, NotFound, UsageError
from poya.model.image import BOS_ARCH_OF_IMS, Image
from poya.model.names import image_id_of
from poya.model.records import Group, SessionTemplate
from poya.model.vcluster import Gap, Selector, VCluster
from poya.planning.checks.gaps import is_critical
from poya.sites.bundle.contents import Contents, Flaw, StoredArtifact, StoredImage
from poya.sites.bundle.digests import HashProgress, hash_files, ignore_progress
from poya.sites.bundle.images import draft_image, finish_image
from poya.sites.bundle.indexed import read_indexed
from poya.sites.bundle.names import INDEX
from poya.sites.bundle.trust.policy import FREE_POLICY, TrustPolicy, refuse_unsigned
from poya.sites.bundle.unindexed import NamedFiles, read_directory, read_named
from poya.transfer.files import FileSource
from poya.transfer.guard import Cancel

_MOST_SHOWN = 20


def open_bundle(
    directory: Path,
    progress: HashProgress = ignore_progress,
    policy: TrustPolicy = FREE_POLICY,
    *,
    refuses_damage: bool = False,
) -> BundleSource:
    """Open a bundle: by its index, or as manta left it where it has none.

    Args:
        directory: The bundle's; it is never written to.
        progress: Told from worker threads of the bytes that `capture` has hashed.
        policy: Of the site that it is restored to.
        refuses_damage: Whether `capture` ends with an error where something is damaged that no
            target could mend, instead of telling of it in gaps.

    Raises:
        UsageError: It is no directory, or holds no session template.
        BundleDamaged: The index is damaged, or the backup was not finished.
        BundleUntrusted: The policy refuses it, or its signature is wrong.
    """
    contents = load_contents(directory, policy)
    return BundleSource(contents, progress, refuses_damage=refuses_damage)


def load_contents(directory: Path, policy: TrustPolicy = FREE_POLICY) -> Contents:
    """Read all records of a bundle, by its index or as manta left it. Raises as `open_bundle`."""
    if not directory.is_dir():
        raise UsageError(
            f"There is no directory {directory}.",
            todo="Name the directory of a backup; for single files use --bos-file, --cfs-file, …",
        )
    if os.path.lexists(directory / INDEX):
        return read_indexed(directory, policy)
    refuse_unsigned(str(directory), policy)
    return read_directory(directory)


def open_files(
    bos_files: Sequence[Path],
    cfs_files: Sequence[Path] = (),
    hsm_files: Sequence[Path] = (),
    ims_files: Sequence[Path] = (),
    image_dirs: Sequence[Path] = (),
    policy: TrustPolicy = FREE_POLICY,
    *,
    refuses_damage: bool = False,
) -> BundleSource:
    """Open files that are named one by one, as on the command line of manta's restore.

    Raises:
        UsageError, BundleDamaged: As `open_bundle`; or a file holds another kind of record.
        BundleUntrusted: The policy wants a signature; nobody can sign single files.
    """
    refuse_unsigned(", ".join(str(path) for path in bos_files), policy)
    files = NamedFiles(
        bos=tuple(bos_files),
        cfs=tuple(cfs_files),
        hsm=tuple(hsm_files),
        ims=tuple(ims_files),
        image_dirs=tuple(image_dirs),
    )
    return BundleSource(read_named(files), refuses_damage=refuses_damage)


class BundleSource:
    """The source port for a bundle."""

    def __init__(
        self,
        contents: Contents,
        progress: HashProgress = ignore_progress,
        *,
        refuses_damage: bool = False,
    ) -> None:
        self._contents = contents
        self._refuses_damage = refuses_damage
        self._progress = progress
        self._files: dict[str, FileSource] | None = None

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
            await asyncio.wait([work])
            raise
        if self._refuses_damage:
            refuse_damaged(vcluster)
        return vcluster

    async def readable(self, path: str) -> FileSource:
        """The file that holds the object of this `s3://` path."""
        if self._files is None:
            self._files = await asyncio.to_thread(self._find_files)
        if path not in self._files:
            raise NotFound(f"{self.label} has no file for {path}.")
        return self._files[path]

    def _find_files(self) -> dict[str, FileSource]:
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
        groups = _groups(contents, templates)
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
            gaps=(*contents.gaps, *altered, *_reference_gaps(contents, templates), *image_gaps),
        )

    def _images(
        self, templates: tuple[SessionTemplate, ...], cancel: Cancel
    ) -> tuple[tuple[Image, ...], tuple[Gap, ...]]:
        paths = dict.fromkeys(boot_set.path for t in templates for boot_set in t.boot_sets)
        by_path = {image.manifest_path: image for image in self._contents.images}
        drafts = [draft_image(by_path[path]) for path in paths if path in by_path]
        wanted = [item for draft in drafts for item in draft.wanted()]
        digests = hash_files(wanted, cancel, self._progress)
        finished = [finish_image(draft, digests) for draft in drafts]
        gaps = tuple(gap for _, found in finished for gap in found)
        return tuple(image for image, _ in finished), gaps


def choose(contents: Contents, selector: Selector) -> tuple[SessionTemplate, ...]:
    """The templates that are selected: by name, by the group they boot, or all.

    Raises:
        UsageError: The bundle has no template at all.
        NotFound: It has none that is selected.
    """
    by_name = {template.name: template for template in contents.templates}
    if not (contents.templates or contents.flaws):
        raise UsageError(f"{contents.label} holds no BOS session template.")
    if selector.templates:
        damaged = {name for kind, name in (f.owner for f in contents.flaws) if kind == "template"}
        for name in selector.templates:
            if name not in by_name and name not in damaged:
                raise _no_such("BOS session template", name, contents)
        return tuple(by_name[n] for n in dict.fromkeys(selector.templates) if n in by_name)
    label = selector.name.lower()
    if label in ("", (contents.vcluster or name_of(contents.templates)).lower()):
        return contents.templates
    chosen = tuple(t for t in contents.templates if label in t.node_groups())
    if not chosen:
        raise _no_such("vCluster", selector.name, contents)
    return chosen


def with_archs(
    templates: tuple[SessionTemplate, ...], images: tuple[Image, ...]
) -> tuple[tuple[SessionTemplate, ...], tuple[Gap, ...]]:
    """Boot sets that do not say it get the architecture of an ARM image; each is told.

    BOS v1, which manta asked until July 2024, has no `arch`; BOS v2 takes its absence for X86.
    """
    arms = {image.manifest_path for image in images if BOS_ARCH_OF_IMS.get(image.arch) == "ARM"}
    gaps: list[Gap] = []
    changed: list[SessionTemplate] = []
    for template in templates:
        silent = [b.name for b in template.boot_sets if not b.arch and b.path in arms]
        value = template.document.editable()
        boot_sets = value.get("boot_sets")
        for name in silent:
            boot_set = boot_sets.get(name) if isinstance(boot_sets, dict) else None
            if isinstance(boot_set, dict):
                boot_set["arch"] = "ARM"
                evidence = "ARM: its image is aarch64, and the boot set says nothing"
                gaps.append(Gap("arch-inferred", f"boot set {name} of {template.name}", evidence))
        changed.append(SessionTemplate.of(Document.of(value)) if silent else template)
    return tuple(changed), tuple(gaps)


def needs_of(templates: Iterable[SessionTemplate]) -> set[tuple[str, str]]:
    """What templates need of a bundle, as flaws name their owners."""
    needed: set[tuple[str, str]] = set()
    for template in templates:
        needed.add(("template", template.name))
        needed.update(("configuration", name) for name in template.configurations())
        needed.update(("group", label) for label in template.node_groups())
        needed.update(("image", boot_set.path) for boot_set in template.boot_sets)
    return needed


def flaws_of(
    contents: Contents, templates: tuple[SessionTemplate, ...], selector: Selector
) -> tuple[Flaw, ...]:
    """The flaws that concern these templates; all of them if the whole bundle is meant."""
    if not selector.templates and templates == contents.templates:
        return contents.flaws
    needed = needs_of(templates) | {("template", name) for name in selector.templates}
    return tuple(flaw for flaw in contents.flaws if flaw.owner in needed)


def intact_templates(contents: Contents) -> tuple[str, ...]:
    """The templates that no flaw concerns."""
    owners = {flaw.owner for flaw in contents.flaws}
    return tuple(t.name for t in contents.templates if not owners & needs_of([t]))


def refuse_flawed(
    contents: Contents, templates: tuple[SessionTemplate, ...], selector: Selector | None = None
) -> None:
    """Refuse what cannot be understood, and say what can still be restored.

    Raises:
        BundleDamaged: A record that is needed is missing or cannot be understood.
    """
    for flaw in flaws_of(contents, templates, selector or Selector()):
        error = flaw.reason
        if isinstance(error, BundleDamaged):
            intact = "".join(f" --template {name}" for name in intact_templates(contents))
            rest = f"What is not damaged can still be restored:{intact}" if intact else ""
            todo = "\n".join(text for text in (error.todo, rest) if text)
            raise BundleDamaged(error.what, why=error.why, todo=todo)


def refuse_damaged(vcluster: VCluster) -> None:
    """Refuse, all at once, what no target could mend: before any is asked anything.

    Raises:
        BundleDamaged: A gap of the capture is critical.
    """
    grave = [gap for gap in vcluster.gaps if is_critical(gap)]
    if grave:
        shown = [f"{gap.id}: {gap.subject}: {gap.evidence}" for gap in grave[:_MOST_SHOWN]]
        more = [f"… and {len(grave) - _MOST_SHOWN} more"] if len(grave) > _MOST_SHOWN else []
        raise BundleDamaged(
            f"The bundle {vcluster.site} is damaged or not whole; no site was asked anything.",
            why="\n".join([*shown, *more]),
            todo="'poya bundle verify --deep' says what can still be restored.",
        )


def name_of(templates: tuple[SessionTemplate, ...]) -> str:
    """What a vCluster without a name is called: its first group, else its first template."""
    labels = [label for template in templates for label in template.node_groups()]
    return labels[0] if labels else templates[0].name


def _no_such(kind: str, name: str, contents: Contents) -> NotFound:
    templates = ", ".join(template.name for template in contents.templates)
    return NotFound(
        f"{contents.label} has no {kind} '{name}'.", why=f"It has the templates {templates}."
    )


def _groups(contents: Contents, templates: tuple[SessionTemplate, ...]) -> tuple[Group, ...]:
    """The groups of the boot sets; all templates together have all groups of the bundle."""
    held = {group.label: group for group in contents.groups}
    labels = [label for template in templates for label in template.node_groups()]
    extra = list(held) if templates == contents.templates else []
    return tuple(held[label] for label in dict.fromkeys([*labels, *extra]) if label in held)


def _reference_gaps(contents: Contents, templates: tuple[SessionTemplate, ...]) -> list[Gap]:
    configurations = {c.name for c in contents.configurations}
    groups = {group.label for group in contents.groups}
    # manta keeps one group of one boot set only; a bundle of ours has them all.
    group_gap = "group-gone" if contents.is_indexed else "group-not-in-bundle"
    gaps: list[Gap] = []
    for template in templates:
        subject = f"BOS session template {template.name}"
        if not template.boot_sets:
            gaps.append(Gap("template-without-boot-sets", subject, "boot_sets is empty"))
        for name in template.configurations():
            if name not in configurations:
                evidence = f"{contents.label} does not hold it"
                gaps.append(Gap("configuration-gone", f"CFS configuration {name}", evidence))
        for boot_set in template.boot_sets:
            user = f"boot set {boot_set.name} of {template.name}"
            gaps.extend(
                Gap(group_gap, user, f"HSM group {label}")
                for label in boot_set.node_groups
                if label.lower() not in groups
            )
            gaps.extend(_path_gaps(contents.images, boot_set.path, user))
    return list(dict.fromkeys(gaps))


def _source(file: StoredArtifact) -> FileSource:
    # An index names a part size only of bytes that were seen to have all digests it lists.
    return FileSource(file.path, file.entry.part_size_bytes if file.entry is not None else None)


def _path_gaps(images: tuple[StoredImage, ...], path: str, user: str) -> list[Gap]:
    if any(image.manifest_path == path for image in images):
        return []
    image_id = image_id_of(path)
    if image_id is None:
        return [Gap("image-path-unknown", user, path)]
    if any(image.id == image_id for image in images):
        evidence = f"{path} is not the manifest that the image links to"
        return [Gap("image-path-unknown", user, evidence)]
    return [Gap("image-not-in-bundle", user, path)]
