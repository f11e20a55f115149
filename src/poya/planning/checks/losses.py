# SPDX-License-Identifier: Apache-2.0
"""What the target's release cannot hold: nothing of a record is lost without a word."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding, Severity
from poya.model.run import OWN_KEYS
from poya.planning.checks import Case
from poya.planning.translation import old_fields


def check(case: Case) -> Iterator[Finding]:
    """Name each field that is left out, and what that comes to."""
    if case.inventory.capabilities.is_verbatim:
        return
    yield from _of_configurations(case)
    yield from _of_templates(case)
    yield from _of_bos_v1(case)
    yield from _of_images(case)


def _of_configurations(case: Case) -> Iterator[Finding]:
    has = case.inventory.capabilities
    for configuration in case.vcluster.configurations:
        subject = f"CFS configuration {configuration.name}"
        value = configuration.document.value
        if value.get("description") and not has.has_configuration_description:
            yield _lost(case, "description", "info", subject, f"{value['description']}")
        if value.get("tenant_name") and not has.has_configuration_tenants:
            yield _lost(case, "tenant", "warning", subject, f"{value['tenant_name']}")


def _of_templates(case: Case) -> Iterator[Finding]:
    has = case.inventory.capabilities
    for template in case.vcluster.templates:
        subject = f"BOS session template {template.name}"
        if template.tenant and not has.has_template_tenants:
            yield _lost(case, "tenant", "warning", subject, template.tenant)
        for boot_set in template.boot_sets:
            if boot_set.arch not in ("", "X86", "ARM") and not has.has_boot_set_arch:
                place = f"boot set {boot_set.name} of {template.name}"
                yield _lost(case, "arch", "warning", place, boot_set.arch)


def _of_bos_v1(case: Case) -> Iterator[Finding]:
    for template in case.vcluster.templates:
        old = old_fields(template.document.value)
        if old:
            has_layers = "its cfs" in old and not template.configuration
            yield Finding(
                "lost-old-fields",
                "warning" if has_layers else "info",
                f"BOS session template {template.name}",
                "It has fields of BOS v1, which BOS v2 refuses; they are left out."
                + (" Its nodes would not be configured." if has_layers else ""),
                evidence="; ".join(f"{place}: {', '.join(names)}" for place, names in old.items()),
                remedy="Make a CFS configuration of what its cfs says." if has_layers else "",
            )


def _of_images(case: Case) -> Iterator[Finding]:
    has = case.inventory.capabilities
    for image in case.vcluster.images:
        subject = f"IMS image {image.name}"
        kept = sorted(image.metadata.keys() - OWN_KEYS)
        if kept and not has.has_image_metadata:
            yield _lost(case, "metadata", "info", subject, ", ".join(kept))
        if image.arch and image.arch != "x86_64" and not has.has_image_arch:
            yield Finding(
                "lost-image-arch",
                "critical",
                subject,
                f"{case.inventory.capabilities.release} takes every image for x86_64.",
                evidence=f"this one is for {image.arch}",
                remedy="Choose a target with CSM 1.5 or newer.",
            )


def _lost(case: Case, field: str, severity: Severity, subject: str, value: str) -> Finding:
    return Finding(
        f"lost-{field}",
        severity,
        subject,
        f"{case.inventory.capabilities.release} does not keep its {field}; it is left out.",
        evidence=value[:200],
    )
