"""Does the initrd know the root file system provider that BOS will name to it?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import BUNDLE, CSM_1_6, CSM_1_7
from planning.checks.cases import cluster, contents, target, told
from poya.model.image_contents import ImageContents
from poya.model.intent import Intent
from poya.model.mapping import RootfsProvider


@pytest.mark.parametrize(("provider", "known"), [("sbps", "cpss3"), ("cpss3", "sbps")])
def test_tells_of_an_initrd_that_only_knows_the_other_provider(provider: str, known: str) -> None:
    (finding,) = told(
        "initrd-lacks-provider", cluster(contents(providers=(known,)), provider=provider)
    )
    assert finding.severity == "warning"
    assert provider in finding.message
    assert f"usr/lib/dracut/hooks/{known}.sh" in finding.evidence


def test_judges_the_provider_that_the_mapping_gives() -> None:
    old = cluster(contents(providers=("cpss3",)), provider="cpss3")
    assert not told("initrd-lacks-provider", old)
    to_sbps = Intent(mapping=(RootfsProvider("cpss3", "sbps"),))
    assert told("initrd-lacks-provider", old, intent=to_sbps)


def test_where_the_target_lacks_the_provider_its_own_ones_are_looked_for() -> None:
    old = cluster(contents(providers=("cpss3",)), provider="cpss3")
    (finding,) = told("initrd-lacks-provider", old, target(CSM_1_7))
    assert "provider sbps" in finding.message
    ready = cluster(contents(providers=("cpss3", "sbps")), provider="cpss3")
    assert not told("initrd-lacks-provider", ready, target(CSM_1_7))


@pytest.mark.parametrize(
    "inside", [contents(), None, ImageContents()], ids=["knows both", "not looked", "unread"]
)
def test_is_silent_where_it_fits_or_nobody_knows(inside: ImageContents | None) -> None:
    assert not told("initrd-lacks-provider", cluster(inside))


@pytest.mark.parametrize("provider", ["", "something-new"])
def test_is_silent_of_providers_whose_traces_it_does_not_know(provider: str) -> None:
    vcluster = cluster(contents(providers=()), provider=provider)
    has = replace(CSM_1_6, rootfs_providers=("sbps", "something-new"))
    assert not told("initrd-lacks-provider", vcluster, target(has))


def test_a_bundle_takes_everything() -> None:
    vcluster = cluster(contents(providers=()))
    assert not told("initrd-lacks-provider", vcluster, target(BUNDLE))
