"""Does the target's Nexus have what the images install from?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import BUNDLE
from planning.checks.cases import cluster, contents, target, told
from poya.model.image_contents import PackageRepository
from poya.model.inventory import Circumstances, Inventory

OWN = "https://packages.local/repository"


def repository(url: str, **more: bool) -> PackageRepository:
    return PackageRepository("cos", url, "/etc/zypp/repos.d/cos.repo", **more)


def nexus(*names: str) -> Inventory:
    return replace(target(), circumstances=Circumstances(package_repositories=frozenset(names)))


def test_tells_of_what_the_targets_nexus_lacks() -> None:
    inside = contents(
        repositories=(repository(f"{OWN}/cos-sle-15.4"), repository(f"{OWN}/cpe%2B1/x86_64/"))
    )
    (finding,) = told("repository-absent", cluster(inside, contents()), nexus("cos-sle-15.4"))
    assert finding.severity == "warning"
    assert finding.subject == "IMS image i0"
    assert finding.evidence == "cpe+1"


@pytest.mark.parametrize(
    "one",
    [
        repository(f"{OWN}/cos/x86_64"),
        repository(f"{OWN}/gone", is_enabled=False),
        repository("https://download.opensuse.org/repository/gone"),
        repository("https://[broken"),
        repository("https://packages.local/other"),
    ],
)
def test_is_silent_of_what_is_there_off_or_elsewhere(one: PackageRepository) -> None:
    assert not told("repository-absent", cluster(contents(repositories=(one,))), nexus("cos"))


def test_is_silent_where_nexus_could_not_be_asked_or_a_bundle_takes_it() -> None:
    vcluster = cluster(contents(repositories=(repository(f"{OWN}/gone"),)))
    assert told("repository-absent", vcluster, nexus())
    assert not told("repository-absent", vcluster, target())
    bundle = replace(target(BUNDLE), circumstances=nexus().circumstances)
    assert not told("repository-absent", vcluster, bundle)
