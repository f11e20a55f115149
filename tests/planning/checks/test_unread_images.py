"""What could not be looked into is told, not passed over."""

from __future__ import annotations

from builders import BUNDLE
from planning.checks.cases import cluster, contents, target, told
from poya.model.image_contents import Unread


def test_tells_which_part_was_not_read_and_why() -> None:
    unread = Unread("rootfs", "The file system is compressed with lzo, which poya cannot read.")
    (finding,) = told("image-unread", cluster(contents(unread=(unread,))))
    assert finding.severity == "info"
    assert "rootfs" in finding.message
    assert "lzo" in finding.evidence


def test_is_silent_where_all_was_read_or_nothing_was_wanted() -> None:
    assert not told("image-unread", cluster(contents(), None))
    unread = contents(unread=(Unread("initrd", "damaged"),))
    assert not told("image-unread", cluster(unread), target(BUNDLE))
