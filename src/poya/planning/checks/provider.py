# SPDX-License-Identifier: Apache-2.0
"""Root file system providers that the target's BOS does not boot from."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case


def check(case: Case) -> Iterator[Finding]:
    """Tell of providers that the target does not have."""
    known = case.inventory.capabilities.rootfs_providers
    for template, boot_set in case.boot_sets():
        if boot_set.rootfs_provider and known and boot_set.rootfs_provider not in known:
            yield Finding(
                "rootfs-provider",
                "warning",
                f"boot set {boot_set.name} of {template.name}",
                f"{case.inventory.label} does not boot from the root file system provider "
                f"'{boot_set.rootfs_provider}'; sessions with this template will fail.",
                evidence=f"{case.inventory.capabilities.release} has {', '.join(known)}",
                remedy="Map it ([[rootfs-provider]]; poya migrate map --suggest proposes how), or "
                "accept that it cannot boot yet.",
            )


def predict(case: Case) -> Iterator[str]:
    """What BOS will say of such a template (BOS 2.45 and later)."""
    known = case.inventory.capabilities.rootfs_providers
    for _, boot_set in case.boot_sets():
        if boot_set.rootfs_provider and known and boot_set.rootfs_provider not in known:
            yield f"Unsupported rootfs_provider ('{boot_set.rootfs_provider}')"
