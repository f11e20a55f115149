# SPDX-License-Identifier: Apache-2.0
"""Which images must be brought to the target, and which it already holds."""

from __future__ import annotations

from collections.abc import Set

from poya.model.image import Image, Manifest
from poya.model.intent import Intent
from poya.model.inventory import Inventory
from poya.model.names import MANIFEST_NAME, new_names
from poya.model.plan import Action, ArtifactPlan, ImagePlan
from poya.model.records import EntityRef
from poya.model.run import OWN_KEYS, SOURCE_KEY
from poya.model.vcluster import VCluster
from poya.planning.architectures import origin_of
from poya.planning.translation import tenant_at
from poya.planning.twins import Twins


def plan_images(vcluster: VCluster, inventory: Inventory, intent: Intent) -> tuple[ImagePlan, ...]:
    """Decide for each captured image; one without a readable manifest is left to the findings."""
    return tuple(
        _plan_image(image, image.manifest, vcluster, inventory, intent)
        for image in sorted(vcluster.images, key=lambda image: image.id)
        if image.manifest is not None
    )


def _plan_image(
    image: Image, manifest: Manifest, vcluster: VCluster, inventory: Inventory, intent: Intent
) -> ImagePlan:
    held = same_image(image, vcluster, inventory)
    taken = {candidate.name for candidate in inventory.images}
    # Where ids are kept (a bundle) they alone decide: no name is taken.
    names = set() if inventory.capabilities.is_verbatim else taken
    action, name = _decide(image, held, names, intent)
    return ImagePlan(
        action=action,
        source_id=image.id,
        name=name,
        arch=_arch(image, vcluster, inventory),
        metadata=_metadata(image, inventory),
        artifacts=_artifacts(image, manifest, Twins(inventory) if action == "create" else None),
        source_manifest=manifest.raw.decode("utf-8", "surrogateescape"),
        source_record=image.document.raw.decode("utf-8", "surrogateescape"),
        content=image.content_digest(),
        target_id=held.id if held else "",
        target_path=held.manifest_path if held else "",
        target_etag=held.manifest_etag if held else "",
    )


def _decide(
    image: Image, held: Image | None, taken: Set[str], intent: Intent
) -> tuple[Action, str]:
    if held is not None:
        return "reuse", held.name
    if image.name not in taken:
        return "create", image.name
    policy = intent.policy("image")
    if policy == "rename":
        return "create", next(n for n in new_names(image.name, intent.suffix) if n not in taken)
    # IMS links are write-once: a namesake is never replaced, the new image stands beside it.
    return ("create" if policy == "overwrite" else "refuse"), image.name


def same_image(image: Image, vcluster: VCluster, inventory: Inventory) -> Image | None:
    """The target's image with the same content and architecture, if it holds one intact.

    Of several the one that the target's own template points at, or that was made from this very
    image: planning again what was applied must find what was made.
    """
    arch = _arch(image, vcluster, inventory)
    fitting = [
        candidate
        for candidate in inventory.images
        if (arch is None or not candidate.arch or candidate.arch == arch)
        and (not inventory.capabilities.is_verbatim or candidate.id == image.id)
        and _has_same_content(image, candidate)
        and _is_intact(candidate)
    ]
    pointed_at = _pointed_at(image, vcluster, inventory)

    def preference(candidate: Image) -> tuple[bool, bool, bool, str]:
        return (
            candidate.manifest_path not in pointed_at,
            candidate.metadata.get(SOURCE_KEY) != image.id,
            candidate.name != image.name,
            candidate.id,
        )

    return min(fitting, key=preference, default=None)


def _has_same_content(image: Image, candidate: Image) -> bool:
    """By the md5s of the manifests; where one lacks them, by what the stores answer."""
    content, stored = image.content_digest(), _stored(image)
    by_md5 = bool(content) and content == candidate.content_digest()
    return by_md5 or (bool(stored) and stored == _stored(candidate))


def _stored(image: Image) -> list[tuple[str, int, str]]:
    """Type, size and etag of each stored object; empty if one is not known."""
    artifacts = image.manifest.artifacts if image.manifest else ()
    known = [(a.type, a.size_bytes, a.stored_etag) for a in artifacts if a.size_bytes is not None]
    complete = len(known) == len(artifacts) and all(etag for _, _, etag in known)
    return sorted(known) if complete else []


def _pointed_at(image: Image, vcluster: VCluster, inventory: Inventory) -> set[str]:
    """Where the target's namesake templates point, in the boot sets that use the image."""
    paths: set[str] = set()
    for template in vcluster.templates:
        tenant = tenant_at(template, inventory.capabilities)
        present = inventory.entities.get(EntityRef("template", template.name, tenant))
        boot_sets = present.value.get("boot_sets") if present else None
        for boot_set in template.boot_sets:
            held = boot_sets.get(boot_set.name) if isinstance(boot_sets, dict) else None
            if boot_set.path == image.manifest_path and isinstance(held, dict):
                paths.add(str(held.get("path")))
    return paths


def _is_intact(image: Image) -> bool:
    """Every object is there, and is what the manifest calls it."""
    artifacts = image.manifest.artifacts if image.manifest else ()
    return bool(artifacts) and all(
        a.size_bytes is not None and (not a.etag or a.etag.strip('"') == a.stored_etag)
        for a in artifacts
    )


def _arch(image: Image, vcluster: VCluster, inventory: Inventory) -> str | None:
    """The record's arch; where the source does not record it, what else says it.

    IMS takes an image without arch for x86_64 without a word, and BOS then refuses ARM boot sets.
    """
    if not inventory.capabilities.has_image_arch:
        return None
    if image.arch:
        return image.arch
    origin = origin_of(image, vcluster)
    return origin.arch if origin else "x86_64"


def _metadata(image: Image, inventory: Inventory) -> dict[str, str]:
    if not inventory.capabilities.has_image_metadata and not inventory.capabilities.is_verbatim:
        return {}
    return {k: v for k, v in sorted(image.metadata.items()) if k not in OWN_KEYS}


def _artifacts(image: Image, manifest: Manifest, twins: Twins | None) -> tuple[ArtifactPlan, ...]:
    names = _names(manifest)
    return tuple(
        ArtifactPlan(
            type=artifact.type,
            path=str(artifact.path),
            name=names[index],
            size_bytes=artifact.size_bytes or 0,
            etag=artifact.stored_etag or artifact.etag.strip('"'),
            md5=artifact.md5,
            twin=twins.of(artifact) if twins else None,
            ancestors=twins.ancestors_of(artifact, image.name) if twins else (),
        )
        for index, artifact in enumerate(manifest.artifacts)
    )


def _names(manifest: Manifest) -> list[str]:
    """Each artifact's own file name, made different from the others' and from the manifest's."""
    names: list[str] = [MANIFEST_NAME]
    for artifact in manifest.artifacts:
        label = artifact.label if artifact.label.strip(".") else "artifact"
        name, count = label, 1
        while name in names:
            count += 1
            name = f"{label}.{count}"
        names.append(name)
    return names[1:]
