# SPDX-License-Identifier: Apache-2.0
"""What manta's restore will not bring, whatever its files hold. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.records import Configuration, SessionTemplate
from poya.sites.bundle.contents import Contents, StoredImage

COMPUTE = "compute"
_FETCHED = 3
# What CFS v3 keeps of a configuration and manta's PUT leaves out: it sends the layers only.
_UNSENT = ("description", "additional_inventory", "tenant_name")


def not_restored(contents: Contents, artifacts: dict[str, int]) -> Iterator[str]:
    """Each thing in words.

    Args:
        contents: All of the bundle.
        artifacts: How many artifacts each image has, by id.
    """
    for template in contents.templates:
        yield from _of_template(template)
    for configuration in contents.configurations:
        yield from _of_configuration(configuration)
    for image in contents.images:
        yield from _of_image(image, artifacts.get(image.id, 0))


def _of_template(template: SessionTemplate) -> Iterator[str]:
    subject = f"BOS session template {template.name}"
    names = [boot_set.name for boot_set in template.boot_sets]
    if COMPUTE not in names:
        yield f"{subject}: no boot set is called {COMPUTE}, and manta restores no other"
    for name in names:
        if name != COMPUTE:
            yield f"{subject}: the image path of boot set {name} stays the source's"
    if template.tenant:
        yield f"{subject}: its tenant {template.tenant}"


def _of_configuration(configuration: Configuration) -> Iterator[str]:
    subject = f"CFS configuration {configuration.name}"
    value = configuration.document.value
    for member in _UNSENT:
        if value.get(member):
            yield f"{subject}: its {member}"


def _of_image(image: StoredImage, artifacts: int) -> Iterator[str]:
    subject = f"IMS image {image.name}"
    arch = image.record.value.get("arch")
    if arch and arch != "x86_64":
        yield f"{subject}: its architecture {arch}; manta registers x86_64, and BOS will refuse it"
    if image.record.value.get("metadata"):
        yield f"{subject}: its metadata"
    if artifacts > _FETCHED:
        yield f"{subject}: {artifacts - _FETCHED} artifacts besides kernel, initrd and rootfs"
