"""`poya group`: groups grow and shrink by what their nodes must be, and can be put back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration.console import Operator
from poya.lab.pytest_plugin import LabPair, TestSite

REFUSED, STOPPED = 10, 12


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


@pytest.fixture
def site(lab_pair: LabPair) -> TestSite:
    return lab_pair.prealps


def resize(operator: Operator, name: str, demand: str, *more: str) -> Any:
    return operator.types("group", "resize", name, demand, "--site", "prealps", "--yes", *more)


def members(site: TestSite, label: str) -> set[str]:
    group = site.site.state.groups.get(label)
    assert group is not None, label
    return set(group["members"]["ids"])


def put_group(site: TestSite, label: str, ids: list[str], exclusive: str = "") -> None:
    group = {"label": label, "description": "", "members": {"ids": ids}}
    site.site.state.groups.put(label, group | ({"exclusiveGroup": exclusive} if exclusive else {}))


def locked(site: TestSite) -> set[str]:
    return {c["ID"] for c in site.site.state.components.values() if c.get("Locked")}


def last_run(operator: Operator) -> str:
    return str(json.loads(operator.must("migrate", "list", "--output", "json").out)[-1]["run"])


def test_a_group_grows_around_its_members_and_is_put_back(
    operator: Operator, site: TestSite
) -> None:
    before, locks = members(site, "tasna"), locked(site)
    assert resize(operator, "tasna", "4 nodes where gh200, whole blades").status == 0
    assert members(site, "tasna") > before
    assert len(members(site, "tasna")) == 4
    assert locked(site) == locks
    operator.must("migrate", "verify", last_run(operator))
    operator.must("migrate", "undo", last_run(operator), "--yes")
    assert members(site, "tasna") == before
    assert locked(site) == locks


def test_a_group_shrinks(operator: Operator, site: TestSite) -> None:
    before = members(site, "bernina")
    answer = resize(operator, "bernina", "2 nodes where rome")
    assert answer.status == 0
    assert members(site, "bernina") < before
    assert "node-leaves" in answer.out


def test_what_is_so_already_writes_nothing(operator: Operator, site: TestSite) -> None:
    before = len(site.requests(mutating=True))
    assert resize(operator, "tasna", "2 nodes where gh200").status == 0
    assert not [r for r in site.requests(mutating=True)[before:] if "/groups" in r.path]


def test_nodes_are_locked_while_they_change_hands(operator: Operator, site: TestSite) -> None:
    before = len(site.requests(mutating=True))
    assert resize(operator, "tasna", "4 nodes where gh200").status == 0
    paths = [r.path for r in site.requests(mutating=True)[before:] if "hsm" in r.path]
    changes = [i for i, path in enumerate(paths) if "/members" in path]
    lock = next(i for i, path in enumerate(paths) if path.endswith("/locks/lock"))
    unlock = next(i for i, path in enumerate(paths) if path.endswith("/locks/unlock"))
    assert changes
    assert lock < min(changes)
    assert max(changes) < unlock


def test_another_vclusters_nodes_need_consent_and_leave_their_group(
    operator: Operator, site: TestSite
) -> None:
    everything = "14 nodes where gh200"
    refused = operator.types("group", "create", "big", everything, "--site", "prealps", "--yes")
    assert refused.status == REFUSED
    assert "--accept group:tasna" in refused.err
    tasna = members(site, "tasna")

    words = ("group", "create", "big", everything, "--site", "prealps", "--accept", "group:tasna")
    operator.must(*words, "--yes")
    assert len(members(site, "big")) == 14
    assert members(site, "tasna") == set()
    operator.must("migrate", "undo", last_run(operator), "--yes")
    assert site.site.state.groups.get("big") is None
    assert members(site, "tasna") == tasna


def test_nodes_come_from_a_pool_and_go_back_to_it(operator: Operator, site: TestSite) -> None:
    put_group(site, "free", [f"x9000c1s{s}b{b}n0" for s in (2, 3) for b in (0, 1)])
    pool = ("--pool", "free")
    assert resize(operator, "tasna", "4 nodes where gh200", *pool).status == 0
    assert len(members(site, "tasna")) == 4
    assert len(members(site, "free")) == 2
    assert not members(site, "tasna") & members(site, "free")
    assert resize(operator, "tasna", "2 nodes where gh200", *pool).status == 0
    assert len(members(site, "free")) == 4
    short = resize(operator, "tasna", "8 nodes where gh200", *pool)
    assert short.status == REFUSED
    assert "outside the pool" in " ".join(short.err.split())


def test_groups_that_exclude_each_other_hand_nodes_over(
    operator: Operator, site: TestSite
) -> None:
    put_group(site, "one", ["x9000c1s2b0n0"], "colours")
    put_group(site, "pool", ["x9000c1s3b0n0", "x9000c1s3b1n0"], "colours")
    answer = resize(operator, "one", "3 nodes where gh200", "--pool", "pool")
    assert answer.status == 0, answer.err
    assert len(members(site, "one")) == 3
    assert members(site, "pool") == set()


def test_a_switch_that_fails_half_way_gives_its_locks_back_and_is_resumed_or_undone(
    operator: Operator, site: TestSite
) -> None:
    before, locks = members(site, "tasna"), locked(site)
    path = "/apis/smd/hsm/v2/groups/tasna/members"
    site.set_fault("status", path, method="POST", nth=2, status=400)
    answer = resize(operator, "tasna", "6 nodes where gh200")
    assert answer.status == STOPPED, answer.err
    assert locked(site) == locks
    standing = operator.must("migrate", "status", last_run(operator)).out
    assert "HSM group tasna at prealps" in standing
    resumed = operator.must("migrate", "resume", last_run(operator)).out
    assert "Changed HSM group tasna at prealps" in resumed
    assert "Migrated" not in resumed
    assert "4 nodes join; 6 nodes, read back" in resumed
    assert len(members(site, "tasna")) == 6
    operator.must("migrate", "undo", last_run(operator), "--yes")
    assert members(site, "tasna") == before
    assert locked(site) == locks


def test_somebody_elses_lock_stops_the_switch_before_it_writes(
    operator: Operator, site: TestSite
) -> None:
    answer = resize(operator, "tasna", "4 nodes where gh200", "--dry-run", "--output", "json")
    joining = json.loads(answer.out)["joining"]
    assert len(joining) == 2
    for xname in joining:
        component = site.site.state.components.get(xname)
        assert component is not None
        site.site.state.components.put(xname, {**component, "Locked": True})
    again = resize(operator, "tasna", "4 nodes where gh200", "--output", "json")
    assert not set(json.loads(again.out)["joining"]) & set(joining)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("resize", "nobody", "2 nodes"), "poya group create"),
        (("create", "tasna", "2 nodes where gh200"), "poya group resize"),
        (("create", "Not a label!", "2 nodes where gh200"), "cannot be the label"),
        (("resize", "tasna", "3 nodes", "--pool", "nobody"), "outside the pool"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    operator: Operator, site: TestSite, words: tuple[str, ...], says: str
) -> None:
    before = len(site.requests(mutating=True))
    answer = operator.types("group", *words, "--site", "prealps", "--yes")
    assert answer.status in (2, REFUSED)
    assert says in " ".join(answer.err.split())
    assert not [r for r in site.requests(mutating=True)[before:] if "/groups" in r.path]
