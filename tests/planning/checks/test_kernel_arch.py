"""Is the kernel for the architecture that the image is registered for?"""

from __future__ import annotations

import pytest

from builders import BUNDLE
from planning.checks.cases import cluster, contents, target, told
from poya.model.image_contents import ImageContents
from poya.model.intent import Intent
from poya.planning import make_plan


def test_tells_of_a_kernel_for_another_architecture_than_the_record() -> None:
    (finding,) = told("arch-kernel", cluster(contents(arch="aarch64", programs="aarch64")))
    assert finding.severity == "critical"
    assert "registered for x86_64, its kernel is for aarch64" in finding.message


def test_where_the_source_records_none_the_kernel_decides() -> None:
    vcluster = cluster(contents(arch="aarch64", programs="aarch64"), image_arch="")
    plan = make_plan(vcluster, target(), Intent())
    assert [image.arch for image in plan.images] == ["aarch64"]
    assert not told("arch-kernel", vcluster)


def test_tells_of_programs_for_another_architecture_than_the_kernel() -> None:
    (finding,) = told("arch-rootfs", cluster(contents(programs="aarch64")))
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    "inside",
    [contents(), contents(arch="", programs=""), ImageContents(), None],
    ids=["fits", "silent", "unread", "not looked"],
)
def test_is_silent_where_it_fits_or_nobody_knows(inside: ImageContents | None) -> None:
    vcluster = cluster(inside)
    assert not told("arch-kernel", vcluster)
    assert not told("arch-rootfs", vcluster)


def test_a_bundle_takes_everything() -> None:
    vcluster = cluster(contents(arch="aarch64"))
    assert not told("arch-kernel", vcluster, target(BUNDLE))
    assert not told("arch-rootfs", vcluster, target(BUNDLE))
