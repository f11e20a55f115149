"""Do images install their packages from the source's site?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import BUNDLE
from planning.checks.cases import cluster, contents, target, told
from poya.model.image_contents import PackageRepository
from poya.model.intent import Intent
from poya.model.mapping import Words


def repository(host: str, **more: bool) -> PackageRepository:
    url = f"https://{host}/repository/cos"
    return PackageRepository("cos", url, "/etc/zypp/repos.d/cos.repo", **more)


@pytest.mark.parametrize(
    "host", ["nexus.cmn.alps.example.org", "alps.example.org:8443", "packages.ALPS.other.net."]
)
def test_tells_of_hosts_that_carry_a_name_of_the_source(host: str) -> None:
    inside = contents(repositories=(repository(host),))
    (finding,) = told("repository-of-site", cluster(inside, contents(), inside))
    assert finding.severity == "warning"
    assert finding.subject == "IMS images i0, i2"
    assert finding.evidence.count("/etc/zypp/repos.d/cos.repo") == 1


@pytest.mark.parametrize(
    "host", ["packages.local", "download.opensuse.org", "nexus.cmn.prealps.example.org", ""]
)
def test_is_silent_of_other_hosts(host: str) -> None:
    assert not told("repository-of-site", cluster(contents(repositories=(repository(host),))))


def test_a_repository_that_is_off_does_not_count() -> None:
    inside = contents(repositories=(repository("alps.example.org", is_enabled=False),))
    assert not told("repository-of-site", cluster(inside))


def test_names_that_the_mapping_replaces_are_names_of_the_source() -> None:
    inside = contents(repositories=(repository("nexus.other.example.com"),))
    vcluster = cluster(inside)
    assert not told("repository-of-site", vcluster)
    intent = Intent(mapping=(Words({"other.example.com": "mars.example.net"}),))
    assert told("repository-of-site", vcluster, intent=intent)


def test_the_targets_own_names_are_fine_and_a_bundle_takes_everything() -> None:
    vcluster = cluster(contents(repositories=(repository("nexus.alps.net"),)))
    assert not told("repository-of-site", vcluster, replace(target(), label="alps"))
    assert not told("repository-of-site", vcluster, target(BUNDLE))
