# SPDX-License-Identifier: Apache-2.0
"""Options of the target's BOS that make it stricter than it is by default (`GET /v2/options`)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case
from poya.planning.nodes import shown

_NID = re.compile(r"(?:nid)?\d+")


def check(case: Case) -> Iterator[Finding]:
    """Tell of nids in node lists, and of options that sessions will run into."""
    if case.inventory.capabilities.is_verbatim:
        return
    options = case.inventory.circumstances.bos_options
    for template, boot_set in case.boot_sets():
        nids = [name for name in boot_set.node_list if _NID.fullmatch(name)]
        if nids:
            is_refused = bool(options.get("reject_nids"))
            yield Finding(
                "nid-in-node-list",
                "critical" if is_refused else "warning",
                f"boot set {boot_set.name} of {template.name}",
                "Its node list has nids, which are other nodes at another site."
                + (f" BOS of {case.inventory.label} refuses them." if is_refused else ""),
                evidence=shown(nids),
                remedy="Name the nodes by xname at the source.",
            )
    yield from _about_images(case)
    if options.get("session_limit_required"):
        yield Finding(
            "session-limit-required",
            "info",
            f"vCluster {case.vcluster.name}",
            f"BOS of {case.inventory.label} takes no session without a limit.",
            evidence="option session_limit_required",
        )


def _about_images(case: Case) -> Iterator[Finding]:
    """`ims_images_must_exist`, `ims_errors_fatal`: BOS 2.29 and later ask IMS about each image."""
    options = case.inventory.circumstances.bos_options
    on = [name for name in ("ims_images_must_exist", "ims_errors_fatal") if options.get(name)]
    if not on:
        return
    brought = {image.source_id for image in case.images}
    paths = {i.manifest_path for i in case.vcluster.images if i.id in brought}
    for template, boot_set in case.boot_sets():
        if boot_set.path not in paths:
            yield Finding(
                "image-not-brought",
                "critical",
                f"boot set {boot_set.name} of {template.name}",
                "It boots something that is no image of this plan; BOS of "
                f"{case.inventory.label} refuses what its IMS does not hold.",
                evidence=f"{boot_set.path or 'no path'}; options {', '.join(on)}",
                remedy="Point the boot set at an IMS image at the source.",
            )
    yield Finding(
        "bos-asks-ims",
        "info",
        f"site {case.inventory.label}",
        "Its BOS refuses session templates while IMS does not answer or lacks the image; poya "
        "registers images first.",
        evidence=", ".join(f"option {name}" for name in on),
        remedy="Where it refuses one nevertheless, see to IMS and type: poya migrate resume RUN",
    )
