"""Are kernel, initrd and root file system of one build?"""

from __future__ import annotations

import pytest

from builders import BUNDLE
from planning.checks.cases import RELEASE, cluster, contents, target, told
from poya.model.image_contents import ImageContents

OTHER = "5.3.18-24.46-default"


@pytest.mark.parametrize(
    ("inside", "part"),
    [
        (contents(initrd_kernels=(OTHER,)), "the initrd has modules for"),
        (contents(rootfs_kernels=(OTHER,)), "the root file system has modules for"),
        (contents(release=OTHER), f"the kernel is {OTHER}"),
        (contents(release="", initrd_kernels=(OTHER,)), f"for {OTHER} and"),
    ],
    ids=["initrd", "rootfs", "kernel", "kernel silent"],
)
def test_tells_of_modules_for_another_kernel(inside: ImageContents, part: str) -> None:
    (finding,) = told("kernel-modules-absent", cluster(inside))
    assert finding.severity == "warning"
    assert part in finding.evidence


@pytest.mark.parametrize(
    "inside",
    [
        contents(),
        contents(rootfs_kernels=(OTHER, RELEASE)),
        contents(initrd_kernels=(), rootfs_kernels=()),
        contents(release=""),
        ImageContents(),
        None,
    ],
    ids=["fits", "several", "no modules", "kernel silent", "unread", "not looked"],
)
def test_is_silent_where_it_fits_or_too_little_is_known(inside: ImageContents | None) -> None:
    assert not told("kernel-modules-absent", cluster(inside))


def test_a_bundle_takes_everything() -> None:
    vcluster = cluster(contents(initrd_kernels=(OTHER,)))
    assert not told("kernel-modules-absent", vcluster, target(BUNDLE))
