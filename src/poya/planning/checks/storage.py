# SPDX-License-Identifier: Apache-2.0
"""The bucket of boot images at the target: there, open to us, and large enough."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case

_GIBIBYTE = 1024**3


def check(case: Case) -> Iterator[Finding]:
    """Compare what must be brought with what there is room for."""
    storage = case.inventory.circumstances.storage
    subject = f"site {case.inventory.label}"
    if storage.state in ("absent", "denied"):
        what = "does not exist" if storage.state == "absent" else "may not be used by us"
        yield Finding(
            f"bucket-{storage.state}",
            "critical",
            subject,
            f"The bucket boot-images {what}.",
            remedy="Ask the site's administrators; STS's role must reach it.",
        )
    if storage.may_write is False:
        yield Finding(
            "bucket-write-unproven",
            "info",
            subject,
            "Nothing read of the bucket boot-images says that we may write there; a plan tries "
            "nothing.",
            evidence="GetBucketAcl names neither us nor everybody with WRITE or FULL_CONTROL; "
            "the policy of STS's role may",
            remedy="Ask the site's administrators where no image was ever brought there.",
        )
    if storage.lists_uploads is False:
        yield Finding(
            "uploads-unlisted",
            "warning",
            subject,
            "We may not list unfinished uploads: an interrupted run could not go on with them, "
            "nor take them back.",
            evidence="ListMultipartUploads is refused",
            remedy="Have the role that STS gives allowed s3:ListBucketMultipartUploads.",
        )
    wanted = sum(image.size_bytes for image in case.images if image.action == "create")
    room = storage.room_bytes
    if room is not None and wanted > room:
        yield Finding(
            "bucket-full",
            "critical",
            subject,
            "The bucket's quota has no room for the images.",
            evidence=f"{wanted / _GIBIBYTE:.1f} GiB to bring, {room / _GIBIBYTE:.1f} GiB left",
            remedy="Delete images that nobody uses, or raise the quota.",
        )
