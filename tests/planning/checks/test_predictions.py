"""What the plan says that the target's BOS will answer, so that verifying is not surprised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import CSM_1_4, CSM_1_6, CSM_1_7
from planning.checks.cases import cluster, contents, target
from poya.model.image import BOOT_PARAMETERS, INITRD
from poya.model.intent import Intent
from poya.model.inventory import Capabilities
from poya.model.vcluster import VCluster
from poya.planning import make_plan


def predicted(vcluster: VCluster, capabilities: Capabilities) -> tuple[str, ...]:
    return make_plan(vcluster, target(capabilities), Intent()).predicted


def without(*kinds: str) -> VCluster:
    """A vCluster whose image lacks these artifacts."""
    vcluster = cluster(contents(), provider="cpss3")
    image = vcluster.images[0]
    assert image.manifest is not None
    kept = tuple(a for a in image.manifest.artifacts if a.type not in kinds)
    poorer = replace(image, manifest=replace(image.manifest, artifacts=kept))
    return replace(vcluster, images=(poorer,))


@pytest.mark.parametrize("release", [CSM_1_6, CSM_1_7])
def test_newer_boss_miss_the_initrd_alone(release: Capabilities) -> None:
    found = predicted(without(INITRD, BOOT_PARAMETERS), release)
    assert [text for text in found if "provider" not in text] == ["doesn't contain a initrd"]


def test_older_boss_miss_boot_parameters_too() -> None:
    assert predicted(without(BOOT_PARAMETERS), CSM_1_4) == (
        "could not locate its boot_parameters",
        "does not contain a boot_parameters",
    )
    assert len(predicted(without(INITRD, BOOT_PARAMETERS), CSM_1_4)) == 4


def test_an_architecture_that_cannot_be_compared_is_told_of() -> None:
    vcluster = cluster(contents())
    boot_sets = [replace(one, arch="Other") for one in vcluster.templates[0].boot_sets]
    other = replace(
        vcluster, templates=(replace(vcluster.templates[0], boot_sets=tuple(boot_sets)),)
    )
    assert predicted(other, CSM_1_6) == ("Boot set arch set to 'Other'",)
    assert predicted(cluster(contents()), CSM_1_6) == ()
