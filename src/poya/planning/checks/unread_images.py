# SPDX-License-Identifier: Apache-2.0
"""Images that could not be looked into: what the other checks could not check."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case


def check(case: Case) -> Iterator[Finding]:
    """Tell of each part that was not understood, or not within the limits."""
    if case.inventory.capabilities.is_verbatim:
        return
    for image in case.vcluster.images:
        for unread in image.contents.unread if image.contents else ():
            yield Finding(
                "image-unread",
                "info",
                f"IMS image {image.name}",
                f"Its {unread.part} could not be looked into, so what it holds is not checked.",
                evidence=unread.why,
            )
