# SPDX-License-Identifier: Apache-2.0
"""Initrds that cannot mount the root file system that BOS will name to them.

BOS and IMS do not look into initrds. A node whose initrd lacks the provider's part stops in
dracut: "Don't know how to handle 'root=sbps-s3:…'". Where the target does not have the boot set's
provider at all (cpss3 went with CSM 1.7), the initrd decides whether another provider will do.
"""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.image import Image
from poya.model.image_contents import InitrdFacts
from poya.planning.checks import Case

# Those whose traces in an initrd are known.
_KNOWN = ("cpss3", "sbps")


def check(case: Case) -> Iterator[Finding]:
    """Compare each boot set's provider with what its image's initrd can boot from."""
    if case.inventory.capabilities.is_verbatim:
        return
    for template, boot_set in case.boot_sets():
        image = case.image_of(boot_set)
        initrd = image.contents.initrd if image and image.contents else None
        wanted = _usable(boot_set.rootfs_provider, case.inventory.capabilities.rootfs_providers)
        if image and initrd and wanted and not any(map(initrd.can_boot_from, wanted)):
            subject = f"boot set {boot_set.name} of {template.name}"
            yield _finding(subject, image, initrd, " or ".join(wanted))


def _usable(provider: str, at_target: tuple[str, ...]) -> list[str]:
    """What the boot set may boot from at the target, as far as an initrd shows it."""
    if not provider:
        return []
    is_there = not at_target or provider in at_target
    return [name for name in ([provider] if is_there else at_target) if name in _KNOWN]


def _finding(subject: str, image: Image, initrd: InitrdFacts, wanted: str) -> Finding:
    known = ", ".join(f"{s.provider} ({s.evidence})" for s in initrd.providers)
    return Finding(
        "initrd-lacks-provider",
        "warning",
        subject,
        f"The initrd of {image.name} does not know the root file system provider {wanted}; "
        "nodes will stop in dracut.",
        evidence=f"{initrd.entries:,} entries; it knows {known or 'no provider'}",
        remedy=f"Rebuild the image with the dracut modules of {wanted}.",
    )
