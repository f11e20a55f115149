# SPDX-License-Identifier: Apache-2.0
"""Which images must be brought to the target, and which it already holds."""

from __future__ import annotations

from poya.model.image import IMS_ARCH_OF_BOS, Image, Manifest
from poya.model.intent import Intent
from poya.model.inventory import Inventory
from poya.model.plan import Action, ArtifactPlan, ImagePlan
from poya.model.run import OWN_KEYS
from poya.model.vcluster import VCluster


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
    namesakes = [i for i in inventory.images if i.name == image.name and i is not held]
    action, name = _decide(image, held, namesakes, intent)
    return ImagePlan(
        action=action,
        source_id=image.id,
        name=name,
        arch=_arch(image, vcluster, inventory),
        metadata=_metadata(image, inventory),
        artifacts=_artifacts(manifest),
        source_manifest=manifest.raw.decode("utf-8", "surrogateescape"),
        source_record=image.document.raw.decode("utf-8", "surrogateescape"),
        content=image.content_digest(),
        target_id=held.id if held else "",
        target_path=held.manifest_path if held else "",
        target_etag=held.manifest_etag if held else "",
    )


def _decide(
    image: Image, held: Image | None, namesakes: list[Image], intent: Intent
) -> tuple[Action, str]:
    if held is not None:
        return "reuse", held.name
    if not namesakes:
        return "create", image.name
    policy = intent.policy("image")
    if policy == "rename":
        return "create", f"{image.name}{intent.suffix}"
    # IMS links are write-once: a namesake is never replaced, the new image stands beside it.
    return ("create" if policy == "overwrite" else "refuse"), image.name


def same_image(image: Image, vcluster: VCluster, inventory: Inventory) -> Image | None:
    """The target's image with the same content and architecture, if it holds one intact."""
    content = image.content_digest()
    if not content:
        return None
    arch = _arch(image, vcluster, inventory)
    for candidate in sorted(inventory.images, key=lambda c: (c.name != image.name, c.id)):
        same_arch = arch is None or not candidate.arch or candidate.arch == arch
        same_id = not inventory.capabilities.is_verbatim or candidate.id == image.id
        if (
            candidate.content_digest() == content
            and same_arch
            and same_id
            and _is_intact(candidate)
        ):
            return candidate
    return None


def _is_intact(image: Image) -> bool:
    """Every object is there, and is what the manifest calls it."""
    artifacts = image.manifest.artifacts if image.manifest else ()
    return bool(artifacts) and all(
        a.size_bytes is not None and (not a.etag or a.etag.strip('"') == a.stored_etag)
        for a in artifacts
    )


def _arch(image: Image, vcluster: VCluster, inventory: Inventory) -> str | None:
    """The record's arch; where the source does not record it, what its boot sets boot it on.

    IMS takes an image without arch for x86_64 without a word, and BOS then refuses ARM boot sets.
    """
    if not inventory.capabilities.has_image_arch:
        return None
    return image.arch or boot_set_arch(image, vcluster) or "x86_64"


def boot_set_arch(image: Image, vcluster: VCluster) -> str:
    """What the boot sets that use the image say of its architecture, in IMS's words."""
    archs = {
        IMS_ARCH_OF_BOS.get(boot_set.arch or "X86", "")
        for template in vcluster.templates
        for boot_set in template.boot_sets
        if boot_set.path == image.manifest_path
    }
    return archs.pop() if len(archs) == 1 else ""


def _metadata(image: Image, inventory: Inventory) -> dict[str, str]:
    if not inventory.capabilities.has_image_metadata and not inventory.capabilities.is_verbatim:
        return {}
    return {k: v for k, v in sorted(image.metadata.items()) if k not in OWN_KEYS}


def _artifacts(manifest: Manifest) -> tuple[ArtifactPlan, ...]:
    names = _names(manifest)
    return tuple(
        ArtifactPlan(
            type=artifact.type,
            path=str(artifact.path),
            name=names[index],
            size_bytes=artifact.size_bytes or 0,
            etag=artifact.stored_etag or artifact.etag.strip('"'),
            md5=artifact.md5,
        )
        for index, artifact in enumerate(manifest.artifacts)
    )


def _names(manifest: Manifest) -> list[str]:
    """Each artifact's own file name, made different where two artifacts share one."""
    names: list[str] = []
    for artifact in manifest.artifacts:
        name, count = artifact.label, 1
        while name in names:
            count += 1
            name = f"{artifact.label}.{count}"
        names.append(name)
    return names
