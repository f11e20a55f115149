# SPDX-License-Identifier: Apache-2.0
"""HSM: folded labels, members one by one, hardware in one request."""

from __future__ import annotations

import json

import httpx2
import pytest

from csm.fakes import FakeSite, ok, problem
from poya.csm import MemberChange, Site
from poya.csm.hsm import fold_label, normalise_xname
from poya.errors import BadAnswer, NotFound, RequestRefused, UsageError

BASE = "/apis/smd/hsm/v2"
BLUE = {
    "label": "blue",
    "description": "",
    "exclusiveGroup": "tapms-exclusive-group-label",
    "tags": ["vcluster-blue"],
    "members": {"ids": ["x1000c0s0b0n0"]},
}


async def test_groups_are_read_with_their_members(fake: FakeSite, site: Site) -> None:
    fake.on("GET", f"{BASE}/groups", ok([BLUE]))
    (group,) = await site.hsm.groups.list(tag="vcluster-blue")
    assert fake.asked() == [f"GET {BASE}/groups?tag=vcluster-blue"]
    assert group.xnames == ("x1000c0s0b0n0",)
    assert group.exclusive_group == "tapms-exclusive-group-label"
    assert group.tags == ("vcluster-blue",)


@pytest.mark.parametrize("members", [{}, {"members": {}}, {"members": {"ids": None}}])
async def test_a_group_without_members_is_empty(
    fake: FakeSite, site: Site, members: dict[str, object]
) -> None:
    fake.on("GET", f"{BASE}/groups/blue", ok({"label": "blue", **members}))
    assert (await site.hsm.groups.get("Blue")).xnames == ()


async def test_a_list_of_groups_that_is_null_is_a_bad_answer(fake: FakeSite, site: Site) -> None:
    fake.on("GET", f"{BASE}/groups", ok(None))
    with pytest.raises(BadAnswer):
        await site.hsm.groups.list()


async def test_a_group_is_created_whole_folded_and_read_back(fake: FakeSite, site: Site) -> None:
    fake.on("POST", f"{BASE}/groups", ok([{"URI": "/hsm/v2/groups/blue"}], 201))
    fake.on("GET", f"{BASE}/groups/blue", ok(BLUE))
    made = await site.hsm.groups.create(
        "Blue", members=["X1000C0S0B0N00"], tags=["t"], exclusive_group="e"
    )
    assert made.label == "blue"
    assert fake.body(0) == {
        "label": "blue",
        "description": "",
        "members": {"ids": ["x1000c0s0b0n0"]},
        "tags": ["t"],
        "exclusiveGroup": "e",
    }


async def test_a_label_that_is_taken_is_refused_with_409(fake: FakeSite, site: Site) -> None:
    fake.on("POST", f"{BASE}/groups", problem(409, "operation would conflict"))
    with pytest.raises(RequestRefused) as caught:
        await site.hsm.groups.create("blue")
    assert caught.value.status == 409


async def test_only_what_smd_can_change_is_patched(fake: FakeSite, site: Site) -> None:
    fake.on("PATCH", f"{BASE}/groups/blue", httpx2.Response(204))
    await site.hsm.groups.update("blue", tags=["a"])
    assert fake.body() == {"tags": ["a"]}


async def test_adding_a_member_twice_is_a_value(fake: FakeSite, site: Site) -> None:
    member = ok([{"URI": "/x"}], 201)
    fake.on("POST", f"{BASE}/groups/blue/members", member, problem(409, "same group"))
    fake.on("GET", f"{BASE}/groups/blue", ok(BLUE))
    assert await site.hsm.groups.add_member("blue", "x1000c0s0b0n0") is MemberChange.DONE
    assert await site.hsm.groups.add_member("Blue", "X1000c0s0b0n0") is MemberChange.ALREADY_SO


async def test_a_member_of_another_exclusive_group_is_refused(fake: FakeSite, site: Site) -> None:
    fake.on("POST", f"{BASE}/groups/blue/members", problem(409, "exclusive group"))
    fake.on("GET", f"{BASE}/groups/blue", ok(BLUE))
    with pytest.raises(RequestRefused, match="409"):
        await site.hsm.groups.add_member("blue", "x1000c0s0b0n1")


async def test_an_unknown_component_is_refused(fake: FakeSite, site: Site) -> None:
    fake.on("POST", f"{BASE}/groups/blue/members", problem(400, "does not exist"))
    with pytest.raises(RequestRefused, match="400"):
        await site.hsm.groups.add_member("blue", "x9")


async def test_removing_a_member_twice_is_a_value(fake: FakeSite, site: Site) -> None:
    path = f"{BASE}/groups/blue/members/x1000c0s0b0n1"
    fake.on("DELETE", path, ok({"code": 0, "message": "deleted 1 entry"}), problem(404, "no"))
    fake.on("GET", f"{BASE}/groups/blue", ok(BLUE))
    assert await site.hsm.groups.remove_member("blue", "x1000c0s0b0n1") is MemberChange.DONE
    again = await site.hsm.groups.remove_member("blue", "x1000c0s0b0n1")
    assert again is MemberChange.ALREADY_SO


async def test_removing_from_a_group_that_is_not_there_is_not_found(
    fake: FakeSite, site: Site
) -> None:
    fake.on("DELETE", f"{BASE}/groups/blue/members/x1", problem(404, "no such group."))
    fake.on("GET", f"{BASE}/groups/blue", problem(404, "no such group."))
    with pytest.raises(NotFound):
        await site.hsm.groups.remove_member("blue", "x1")


@pytest.mark.parametrize("label", ["", "a b", "a/b", "été", "a\n"])
async def test_a_label_that_smd_would_refuse_is_not_sent(
    fake: FakeSite, site: Site, label: str
) -> None:
    with pytest.raises(UsageError):
        await site.hsm.groups.create(label)
    assert fake.requests == []


def test_labels_fold_and_xnames_normalise_as_smd_does_it() -> None:
    assert fold_label("Zinal_1.2:3") == "zinal_1.2:3"
    assert normalise_xname("X01000c0S00b0n010") == "x1000c0s0b0n10"


async def test_components_come_in_one_request_with_all_their_state(
    fake: FakeSite, site: Site
) -> None:
    node = {
        "ID": "x1000c0s0b0n0",
        "Type": "Node",
        "State": "Ready",
        "Flag": "OK",
        "Enabled": True,
        "Role": "Compute",
        "SubRole": "Worker",
        "NID": 1001,
        "Arch": "X86",
        "Class": "Mountain",
        "ReservationDisabled": False,
        "Locked": True,
    }
    fake.on("GET", f"{BASE}/State/Components", ok({"Components": [node]}))
    (found,) = await site.hsm.components.list(group="blue", role="Compute")
    assert fake.asked() == [f"GET {BASE}/State/Components?type=Node&role=Compute&group=blue"]
    assert (found.id, found.nid, found.sub_role) == ("x1000c0s0b0n0", 1001, "Worker")
    assert (found.class_, found.arch, found.locked) == ("Mountain", "X86", True)
    assert json.loads(found.raw) == node


async def test_a_thousand_components_are_asked_for_in_one_post(fake: FakeSite, site: Site) -> None:
    fake.on("POST", f"{BASE}/State/Components/Query", ok({"Components": None}))
    names = [f"x1000c0s{slot}b0n0" for slot in range(1000)]
    assert await site.hsm.components.query(names) == ()
    assert fake.body() == {"ComponentIDs": names}
    assert await site.hsm.components.query([]) == ()
    assert len(fake.requests) == 1


async def test_an_answer_without_components_is_a_bad_answer(fake: FakeSite, site: Site) -> None:
    fake.on("GET", f"{BASE}/State/Components", ok({}))
    with pytest.raises(BadAnswer):
        await site.hsm.components.list()


@pytest.mark.parametrize("key", ["NodeHsnNicFRUInfo", "HSNNICFRUInfo"])
async def test_hardware_is_one_request_and_either_spelling(
    fake: FakeSite, site: Site, key: str
) -> None:
    nic = {
        "ID": "x1000c0s0b0n0h0",
        "Type": "NodeHsnNic",
        "Status": "Populated",
        "PopulatedFRU": {"FRUID": "f", key: {"Model": "Timms", "Manufacturer": "HPE"}},
    }
    empty = {"ID": "x1000c0s0b0n0d0", "Type": "Memory", "Status": "Empty"}
    fake.on("GET", f"{BASE}/Inventory/Hardware", ok([nic, empty]))
    found, hole = await site.hsm.hardware.inventory(types=["NodeHsnNic", "Memory"])
    assert fake.asked() == [f"GET {BASE}/Inventory/Hardware?type=NodeHsnNic&type=Memory"]
    assert (found.model, found.manufacturer) == ("Timms", "HPE")
    assert (hole.model, hole.status) == ("", "Empty")


async def test_memberships_partitions_and_locks_are_read(fake: FakeSite, site: Site) -> None:
    row = {"id": "x1", "partitionName": "p1", "groupLabels": ["blue"]}
    fake.on("GET", f"{BASE}/memberships", ok([row]))
    fake.on("GET", f"{BASE}/memberships/x1", ok(row))
    partition = {"name": "p1", "members": {"ids": ["x1"]}}
    fake.on("GET", f"{BASE}/partitions", ok([partition]))
    fake.on("GET", f"{BASE}/partitions/p1", ok(partition))
    fake.on("POST", f"{BASE}/locks/status", ok({"Components": [{"ID": "x1", "Locked": True}]}))
    assert (await site.hsm.memberships.list(group="blue"))[0].group_labels == ("blue",)
    assert (await site.hsm.memberships.get("X1")).partition_name == "p1"
    assert await site.hsm.partitions.list() == (await site.hsm.partitions.get("p1"),)
    (lock,) = await site.hsm.locks.status(["x1"])
    assert (lock.locked, lock.reserved) == (True, False)
