# SPDX-License-Identifier: Apache-2.0
"""What IMS and BOS will refuse in a manifest, and what they wrongly accept."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.image import (
    BOOT_PARAMETERS,
    INITRD,
    KERNEL,
    ROOTFS,
    SUPPORTED_MANIFEST_VERSION,
    Image,
    Manifest,
)
from poya.planning.checks import Case


def check(case: Case) -> Iterator[Finding]:
    """Judge each image's manifest as IMS's link validation and BOS would."""
    for image in case.vcluster.images:
        if image.manifest is not None:
            yield from _structure(image, image.manifest)
            yield from _etags(image, image.manifest)


def predict(case: Case) -> Iterator[str]:
    """What BOS will say of artifacts that a boot set's image has not.

    BOS 2.29 and later miss the initrd alone, in fewer words; they began to compare architectures.
    """
    strict = case.inventory.capabilities.checks_arch
    for _, boot_set in case.boot_sets():
        image = case.image_of(boot_set)
        if image is None or image.manifest is None:
            continue
        if not image.manifest.of_type(INITRD):
            yield from ("doesn't contain a initrd",) if strict else _missed("initrd")
        if not strict and not image.manifest.of_type(BOOT_PARAMETERS):
            yield from _missed("boot_parameters")


def _missed(artifact: str) -> tuple[str, str]:
    return f"could not locate its {artifact}", f"does not contain a {artifact}"


def _structure(image: Image, manifest: Manifest) -> Iterator[Finding]:
    subject = f"IMS image {image.name}"
    if manifest.version != SUPPORTED_MANIFEST_VERSION:
        yield Finding(
            "manifest-version",
            "critical",
            subject,
            f"The manifest has version '{manifest.version}'; IMS takes only "
            f"'{SUPPORTED_MANIFEST_VERSION}'.",
            remedy="Rebuild the image, or correct its manifest at the source.",
        )
    for media_type, title in ((ROOTFS, "root file system"), (KERNEL, "kernel")):
        count = len(manifest.of_type(media_type))
        if count != 1:
            yield _miscounted(subject, count, title)
    initrds = len(manifest.of_type(INITRD))
    if initrds > 1:
        yield _miscounted(subject, initrds, "initrd")
    if not initrds:
        yield Finding(
            "manifest-without-initrd",
            "warning",
            subject,
            "The manifest names no initrd; the image boots only with a kernel that needs none.",
            remedy="Accept it if that is meant.",
        )


def _miscounted(subject: str, count: int, title: str) -> Finding:
    return Finding(
        "manifest-artifacts",
        "critical",
        subject,
        f"The manifest names {count} artifacts of type {title}; BOS and IMS want one.",
        remedy="Rebuild the image.",
    )


def _etags(image: Image, manifest: Manifest) -> Iterator[Finding]:
    for artifact in manifest.artifacts:
        stated = artifact.etag.strip('"')
        if stated and artifact.stored_etag and stated != artifact.stored_etag:
            yield Finding(
                "artifact-etag",
                "info",
                f"IMS image {image.name}",
                f"The manifest's etag of {artifact.label} is not that of the stored object; "
                "the target's manifest will carry the right one.",
                evidence=f"manifest {stated}, store {artifact.stored_etag}",
            )
