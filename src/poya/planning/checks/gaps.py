# SPDX-License-Identifier: Apache-2.0
"""What the vCluster refers to and the source does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from poya.model.finding import Finding, Severity
from poya.model.vcluster import Gap
from poya.planning.checks import Case

_UNKNOWN: tuple[Severity, str, str] = ("critical", "Something is missing.", "")

# id → severity, message, remedy
_GAPS: Mapping[str, tuple[Severity, str, str]] = {
    "template-without-boot-sets": (
        "critical",
        "The session template has no boot sets, so there is nothing to boot.",
        "Add a boot set to the template at the source.",
    ),
    "image-path-unknown": (
        "critical",
        "The boot set's path is not the manifest of an IMS image.",
        "Point the boot set at s3://boot-images/<image id>/manifest.json.",
    ),
    "image-gone": (
        "critical",
        "The boot set's image is not in IMS.",
        "Point the boot set at an image that exists, or undelete the image.",
    ),
    "image-unlinked": (
        "critical",
        "The image's record has no link to a manifest.",
        "Finish or delete the image at the source.",
    ),
    "manifest-gone": (
        "critical",
        "The image's manifest is not in the object store.",
        "Restore the object, or rebuild the image.",
    ),
    "manifest-unreadable": (
        "critical",
        "The image's manifest cannot be read.",
        "Rebuild the image, or restore its manifest.",
    ),
    "artifact-gone": (
        "critical",
        "A file that the manifest names is not in the object store.",
        "Restore the object, or rebuild the image.",
    ),
    "artifact-not-in-bundle": (
        "warning",
        "The manifest names a file that the bundle does not hold; the image goes without it.",
        "manta keeps only kernel, initrd and rootfs: nodes may boot with fewer kernel parameters. "
        "Back up with poya where the source still stands, or add the parameters to the template.",
    ),
    "artifact-altered": (
        "critical",
        "A file is not what the manifest or the bundle's index says it is.",
        "Make the backup anew, or restore the file from another copy.",
    ),
    "configuration-gone": (
        "critical",
        "The template's CFS configuration does not exist.",
        "Create the configuration at the source, or take it out of the template.",
    ),
    "configuration-unreadable": (
        "critical",
        "The CFS configuration cannot be understood.",
        "Correct it at the source.",
    ),
    "source-gone": (
        "critical",
        "A layer names a CFS source that does not exist.",
        "Create the source, or give the layer a clone URL.",
    ),
    "group-gone": (
        "critical",
        "The boot set names an HSM group that does not exist.",
        "Create the group at the source, or take it out of the boot set.",
    ),
    "group-not-in-bundle": (
        "warning",
        "The boot set names an HSM group that the bundle does not hold.",
        "Create the group at the target, or make the backup with a tool that keeps all groups.",
    ),
    "image-not-in-bundle": (
        "critical",
        "The bundle does not hold the boot set's image.",
        "Give its files too (--ims-file and --image-dir may be repeated).",
    ),
    "bundle-signed": (
        "info",
        "The bundle is signed by somebody whom the site trusts.",
        "",
    ),
    "index-unguarded": (
        "info",
        "The bundle's index carries no digest of itself: damage to it could go unnoticed.",
        "",
    ),
    "bundle-unsigned": (
        "warning",
        "Nobody whom the site trusts has signed the bundle.",
        "Have it signed: poya bundle sign. bundles.unsigned of the site can refuse such bundles.",
    ),
    "arch-unknown": (
        "warning",
        "Nothing says the image's architecture; that of its boot sets is taken, else x86_64.",
        'If that is wrong, add "arch": "aarch64" to the image\'s record before the restore.',
    ),
    "arch-inferred": (
        "info",
        "The source does not say the architecture; it was read from the kernel.",
        "",
    ),
}


def is_critical(gap: Gap) -> bool:
    """Say whether the finding that tells of a gap refuses the plan."""
    return _GAPS.get(gap.id, _UNKNOWN)[0] == "critical"


def check(case: Case) -> Iterator[Finding]:
    """One finding for each gap that the capture met."""
    for gap in case.vcluster.gaps:
        severity, message, remedy = _GAPS.get(gap.id, _UNKNOWN)
        yield Finding(gap.id, severity, gap.subject, message, gap.evidence, remedy)
