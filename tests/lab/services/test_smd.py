# SPDX-License-Identifier: Apache-2.0
"""HSM (hms-smd) as the lab emulates it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.services.fakes import Lab, add_nodes, detail

SMD = "/apis/smd/hsm/v2"
X = [f"x1000c0s0b0n{number}" for number in range(4)]


@pytest.fixture
def lab(csm17: Lab) -> Lab:
    add_nodes(csm17, *X)
    return csm17


async def make_group(lab: Lab, label: str, *members: str, **more: Any) -> None:
    body = {"label": label, "members": {"ids": list(members)}, **more}
    await lab.json("POST", f"{SMD}/groups", body)


async def test_says_that_it_is_healthy(lab: Lab) -> None:
    """SMD 2.45: the readiness probe."""
    assert await lab.json("GET", f"{SMD}/service/ready") == {
        "code": 0,
        "message": "HSM is healthy",
    }


async def test_folds_labels_tags_and_xnames(lab: Lab) -> None:
    """SMD 2.45: labels, tags and exclusive groups are lowered, xnames lose zeros."""
    answer = await lab.call(
        "POST",
        f"{SMD}/groups",
        {
            "label": "Blue",
            "exclusiveGroup": "Excl",
            "tags": ["T1"],
            "members": {"ids": ["X1000C0S0B0N00"]},
            "unknown": 1,
        },
    )
    assert answer.status_code == 201
    assert answer.json() == [{"URI": "/hsm/v2/groups/blue"}]
    assert await lab.json("GET", f"{SMD}/groups/BLUE") == {
        "label": "blue",
        "description": "",
        "exclusiveGroup": "excl",
        "tags": ["t1"],
        "members": {"ids": [X[0]]},
    }


async def test_omits_empty_tags_and_exclusive_group(lab: Lab) -> None:
    """SMD 2.45: the description is always there, the rest is not."""
    await make_group(lab, "blue")
    assert await lab.json("GET", f"{SMD}/groups") == [
        {"label": "blue", "description": "", "members": {"ids": []}}
    ]


async def test_refuses_a_second_group_of_a_label(lab: Lab) -> None:
    """SMD 2.45: 409, whatever the case."""
    await make_group(lab, "blue")
    answer = await lab.call("POST", f"{SMD}/groups", {"label": "BLUE"})
    assert answer.status_code == 409
    assert "same label" in detail(answer)


async def test_creates_nothing_if_one_member_is_unknown(lab: Lab) -> None:
    """SMD 2.45: POST of a group is one transaction."""
    body = {"label": "blue", "members": {"ids": [X[0], "x9c0s0b0n0"]}}
    answer = await lab.call("POST", f"{SMD}/groups", body)
    assert (answer.status_code, detail(answer)) == (400, "linked component does not exist")
    assert (await lab.call("GET", f"{SMD}/groups/blue")).status_code == 404


async def test_finds_conflicts_before_strangers(lab: Lab) -> None:
    """SMD 2.45: a label or a member that is taken is a 409, whoever else is unknown."""
    stranger = "x9c0s0b0n0"
    await make_group(lab, "blue", X[0], exclusiveGroup="colour")
    await lab.json("POST", f"{SMD}/partitions", {"name": "p1", "members": {"ids": [X[0]]}})
    for path, body in (
        ("groups", {"label": "blue", "members": {"ids": [stranger]}}),
        (
            "groups",
            {"label": "red", "exclusiveGroup": "colour", "members": {"ids": [stranger, X[0]]}},
        ),
        ("partitions", {"name": "p1", "members": {"ids": [stranger]}}),
        ("partitions", {"name": "p2", "members": {"ids": [stranger, X[0]]}}),
    ):
        assert (await lab.call("POST", f"{SMD}/{path}", body)).status_code == 409


@pytest.mark.parametrize("label", ["", "with space", "a/b", "å"])
async def test_refuses_odd_labels(lab: Lab, label: str) -> None:
    """SMD 2.45: letters, digits and -:._ only."""
    answer = await lab.call("POST", f"{SMD}/groups", {"label": label})
    assert answer.status_code == 400
    assert "couldn't validate group" in detail(answer)


async def test_refuses_members_that_are_no_xnames(lab: Lab) -> None:
    """SMD 2.45: 400."""
    answer = await lab.call("POST", f"{SMD}/groups", {"label": "b", "members": {"ids": ["nid1"]}})
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"{", b"", b'{"label": 3}', b'{"members": {"ids": "x"}}'])
async def test_fails_on_malformed_json(lab: Lab, body: bytes) -> None:
    """SMD 2.45: what Go cannot decode is a 500."""
    answer = await lab.call("POST", f"{SMD}/groups", body)
    assert answer.status_code == 500
    assert "error decoding JSON" in detail(answer)


async def test_keeps_members_of_exclusive_groups_apart(lab: Lab) -> None:
    """SMD 2.45: one exclusive group, each component once; also the one called "false"."""
    await make_group(lab, "blue", X[0], exclusiveGroup="false")
    body = {"label": "red", "exclusiveGroup": "False", "members": {"ids": [X[1], X[0]]}}
    answer = await lab.call("POST", f"{SMD}/groups", body)
    assert answer.status_code == 409
    assert "another exclusive group" in detail(answer)
    assert await lab.json("GET", f"{SMD}/groups/labels") == ["blue"]


async def test_lets_other_groups_overlap(lab: Lab) -> None:
    """SMD 2.45: without an exclusive group a component may be in many."""
    await make_group(lab, "blue", X[0])
    await make_group(lab, "red", X[0])
    assert await lab.json("GET", f"{SMD}/memberships/{X[0].upper()}") == {
        "id": X[0],
        "groupLabels": ["blue", "red"],
        "partitionName": "",
    }


async def test_adds_and_removes_members_one_by_one(lab: Lab) -> None:
    """SMD 2.45: 201, again 409; 200, again 404."""
    await make_group(lab, "blue")
    members = f"{SMD}/groups/blue/members"
    added = [await lab.call("POST", members, {"id": X[0].upper()}) for _ in range(2)]
    assert [answer.status_code for answer in added] == [201, 409]
    assert added[0].json() == [{"URI": f"/hsm/v2/groups/blue/members/{X[0]}"}]
    assert await lab.json("GET", members) == {"ids": [X[0]]}
    removed = [await lab.call("DELETE", f"{members}/{X[0]}") for _ in range(2)]
    assert [answer.status_code for answer in removed] == [200, 404]
    assert removed[0].json() == {"code": 0, "message": "deleted 1 entry"}


async def test_refuses_members_of_no_group_and_unknown_members(lab: Lab) -> None:
    """SMD 2.45: 404 and 400."""
    members = f"{SMD}/groups/blue/members"
    assert (await lab.call("POST", members, {"id": X[0]})).status_code == 404
    await make_group(lab, "blue")
    assert (await lab.call("POST", members, {"id": "x9c0s0b0n0"})).status_code == 400
    assert (await lab.call("POST", members, {"id": "nonsense"})).status_code == 400


async def test_refuses_an_added_member_of_another_exclusive_group(lab: Lab) -> None:
    """SMD 2.45: 409."""
    await make_group(lab, "blue", X[0], exclusiveGroup="e")
    await make_group(lab, "red", exclusiveGroup="e")
    answer = await lab.call("POST", f"{SMD}/groups/red/members", {"id": X[0]})
    assert answer.status_code == 409


async def test_patches_description_and_tags_only(lab: Lab) -> None:
    """SMD 2.45: members in a PATCH alone are a 400, beside others they are ignored."""
    await make_group(lab, "blue", X[0])
    path = f"{SMD}/groups/blue"
    assert (await lab.call("PATCH", path, {"members": {"ids": []}})).status_code == 400
    answer = await lab.call("PATCH", path, {"tags": ["A"], "label": "z", "members": {"ids": []}})
    assert answer.status_code == 204
    group = await lab.json("GET", path)
    assert (group["tags"], group["members"]["ids"]) == (["a"], [X[0]])


async def test_knows_no_put(lab: Lab) -> None:
    """SMD 2.45: PUT of a group is a 404, not a 405."""
    await make_group(lab, "blue")
    answer = await lab.call("PUT", f"{SMD}/groups/blue", {"label": "blue"})
    assert answer.status_code == 404


async def test_deletes_a_group_once(lab: Lab) -> None:
    """SMD 2.45: 200, then 404."""
    await make_group(lab, "blue")
    statuses = [(await lab.call("DELETE", f"{SMD}/groups/Blue")).status_code for _ in range(2)]
    assert statuses == [200, 404]


async def test_filters_groups_by_label_and_tag(lab: Lab) -> None:
    """SMD 2.45: several values mean any of them."""
    await make_group(lab, "a", tags=["t"])
    await make_group(lab, "b", tags=["u"])
    await make_group(lab, "c")
    by_label = await lab.json("GET", f"{SMD}/groups", group=["A", "c"])
    by_tag = await lab.json("GET", f"{SMD}/groups", tag="U")
    assert sorted(g["label"] for g in by_label) == ["a", "c"]
    assert [g["label"] for g in by_tag] == ["b"]


@pytest.mark.parametrize(("name", "status"), [("p1", 201), ("P1.2", 201), ("blue", 400)])
async def test_takes_partition_names_of_one_form(lab: Lab, name: str, status: int) -> None:
    """SMD 2.45: p# or p#.#."""
    answer = await lab.call("POST", f"{SMD}/partitions", {"name": name})
    assert answer.status_code == status


async def test_keeps_a_node_in_one_partition(lab: Lab) -> None:
    """SMD 2.45: 409 for a second one."""
    await lab.json("POST", f"{SMD}/partitions", {"name": "p1", "members": {"ids": [X[0]]}})
    body = {"name": "p2", "members": {"ids": [X[0]]}}
    assert (await lab.call("POST", f"{SMD}/partitions", body)).status_code == 409
    await lab.json("POST", f"{SMD}/partitions", {"name": "p2"})
    answer = await lab.call("POST", f"{SMD}/partitions/p2/members", {"id": X[0]})
    assert answer.status_code == 409
    assert (await lab.json("GET", f"{SMD}/memberships/{X[0]}"))["partitionName"] == "p1"


async def test_lists_memberships_of_filtered_components(lab: Lab) -> None:
    """SMD 2.45: components in no group are listed too."""
    await make_group(lab, "blue", X[0])
    everyone = await lab.json("GET", f"{SMD}/memberships")
    labels = {m["id"]: m["groupLabels"] for m in everyone}
    assert labels == {X[0]: ["blue"], X[1]: [], X[2]: [], X[3]: []}
    outside = await lab.json("GET", f"{SMD}/memberships", group="NULL")
    assert {m["id"] for m in outside} == set(X[1:])


async def test_filters_components(lab: Lab) -> None:
    """SMD 2.45: by field whatever the case, negated by "!", by group."""
    lab.site.state.components.put(X[1], {**lab.site.state.components.get(X[1]), "Role": "Service"})  # type: ignore[dict-item]
    await make_group(lab, "blue", X[2])

    async def ids(**query: Any) -> list[str]:
        found = await lab.json("GET", f"{SMD}/State/Components", **query)
        return sorted(component["ID"] for component in found["Components"])

    assert await ids() == X
    assert await ids(type="node", role="SERVICE") == [X[1]]
    assert await ids(role="!Service") == [X[0], X[2], X[3]]
    assert await ids(group="Blue") == [X[2]]
    assert await ids(id=[X[3], X[0].upper()]) == [X[0], X[3]]
    assert await ids(nid_start=1002, nid_end=1003) == X[2:]
    assert (await lab.call("GET", f"{SMD}/State/Components", type="Toaster")).status_code == 400


async def test_queries_components_by_body(lab: Lab) -> None:
    """SMD 2.45: a chassis stands for the nodes in it; n1 is not within n10."""
    add_nodes(lab, "x1000c0s0b0n10", "x2c0s0b0n0")
    path = f"{SMD}/State/Components/Query"
    found = await lab.json("POST", path, {"ComponentIDs": [X[1], "x2c0"]})
    assert {c["ID"] for c in found["Components"]} == {X[1], "x2c0s0b0n0"}
    assert len((await lab.json("POST", path, {"ComponentIDs": ["s0"]}))["Components"]) == 6
    assert (await lab.call("POST", path, {"ComponentIDs": ["what"]})).status_code == 400


async def test_answers_404_for_an_unknown_component(lab: Lab) -> None:
    """SMD 2.45: also for its membership."""
    for path in ("State/Components/x9c0s0b0n0", "memberships/x9c0s0b0n0"):
        assert (await lab.call("GET", f"{SMD}/{path}")).status_code == 404


async def test_posts_components_again_without_change(lab: Lab) -> None:
    """SMD 2.45: 204 each time; what exists stays unless forced."""
    body: dict[str, Any] = {"Components": [{"ID": X[0], "State": "Off"}]}
    assert (await lab.call("POST", f"{SMD}/State/Components", body)).status_code == 204
    assert (await lab.json("GET", f"{SMD}/State/Components/{X[0]}"))["State"] == "Ready"
    await lab.json("POST", f"{SMD}/State/Components", body | {"Force": True})
    assert (await lab.json("GET", f"{SMD}/State/Components/{X[0]}"))["State"] == "Off"


async def test_patches_one_aspect_of_components(lab: Lab) -> None:
    """SMD 2.45: one at a time or in bulk, 204."""
    base = f"{SMD}/State/Components"
    answer = await lab.call(
        "PATCH", f"{base}/{X[0]}/Role", {"Role": "Application", "SubRole": "UAN"}
    )
    assert answer.status_code == 204
    await lab.json("PATCH", f"{base}/BulkEnabled", {"ComponentIDs": X[:2], "Enabled": False})
    first = await lab.json("GET", f"{base}/{X[0]}")
    assert (first["Role"], first["SubRole"], first["Enabled"]) == ("Application", "UAN", False)
    assert (await lab.call("PATCH", f"{base}/{X[0]}/Colour", {})).status_code == 404


async def test_forgets_a_deleted_component_in_groups(lab: Lab) -> None:
    """SMD 2.45: deleting a component ends its memberships."""
    await make_group(lab, "blue", X[0], X[1])
    await lab.json("DELETE", f"{SMD}/State/Components/{X[0]}")
    assert await lab.json("GET", f"{SMD}/groups/blue/members") == {"ids": [X[1]]}


async def test_locks_components_rigidly(lab: Lab) -> None:
    """SMD 2.45: one that is locked already fails them all, unless the model is flexible."""
    lock = f"{SMD}/locks/lock"
    assert await lab.json("POST", lock, {"ComponentIDs": [X[0]]}) == {
        "Counts": {"Total": 1, "Success": 1, "Failure": 0},
        "Success": {"ComponentIDs": [X[0]]},
        "Failure": [],
    }
    answer = await lab.call("POST", lock, {"ComponentIDs": X[:2], "ProcessingModel": "rigid"})
    assert (answer.status_code, detail(answer)) == (400, "Component is Locked")
    flexible = {"ComponentIDs": X[:2], "ProcessingModel": "flexible"}
    assert (await lab.json("POST", lock, flexible))["Failure"] == [
        {"ID": X[0], "Reason": "Locked"}
    ]
    status = await lab.json("GET", f"{SMD}/locks/status", locked="true")
    assert [c["ID"] for c in status["Components"]] == X[:2]


async def test_reserves_only_locked_components(lab: Lab) -> None:
    """SMD 2.45: a reservation of an unlocked component is a 400."""
    path = f"{SMD}/locks/reservations"
    assert (await lab.call("POST", path, {"ComponentIDs": [X[0]]})).status_code == 400
    await lab.json("POST", f"{SMD}/locks/lock", {"ComponentIDs": [X[0]]})
    given = (await lab.json("POST", path, {"ComponentIDs": [X[0]]}))["Success"][0]
    status = await lab.json("POST", f"{SMD}/locks/status", {"ComponentIDs": [X[0]]})
    assert status["Components"][0]["Reserved"] is True
    key = {"ID": X[0], "Key": given["ReservationKey"]}
    released = await lab.json("POST", f"{path}/release", {"ReservationKeys": [key]})
    assert released["Counts"]["Success"] == 1


def add_hardware(lab: Lab) -> None:
    pieces = [
        (X[0], "Node"),
        (f"{X[0]}p0", "Processor"),
        (f"{X[0]}a0", "NodeAccel"),
        (f"{X[0]}h0", "NodeHsnNic"),
        ("x1000c0s0b0n10", "Node"),
        ("x1000c0", "Chassis"),
    ]
    lab.site.state.hardware.put_many(
        {x: {"ID": x, "Type": kind, "Ordinal": 0, "Status": "Populated"} for x, kind in pieces}
    )


async def test_lists_hardware_flat(lab: Lab) -> None:
    """SMD 2.45: one array, filtered by type."""
    add_hardware(lab)
    assert len(await lab.json("GET", f"{SMD}/Inventory/Hardware")) == 6
    found = await lab.json("GET", f"{SMD}/Inventory/Hardware", type=["Processor", "NodeAccel"])
    assert {h["ID"] for h in found} == {f"{X[0]}p0", f"{X[0]}a0"}


async def test_nests_the_parts_of_a_node(lab: Lab) -> None:
    """SMD 2.45: NestNodesOnly by default; keys as the code spells them, not as the spec does."""
    add_hardware(lab)
    found = await lab.json("GET", f"{SMD}/Inventory/Hardware/Query/{X[0]}")
    assert (found["XName"], found["Format"]) == (X[0], "NestNodesOnly")
    (only,) = found["Nodes"]
    assert [h["ID"] for h in only["NodeHsnNics"]] == [f"{X[0]}h0"]
    assert only["Drives"] == []
    everything = await lab.json("GET", f"{SMD}/Inventory/Hardware/Query/all", format="fullyflat")
    assert len(everything["Nodes"]) == 2
    assert len(everything["Processors"]) == 1


async def test_refuses_hierarchical_hardware(lab: Lab) -> None:
    """SMD 2.45: it is in the specification, but not implemented: 400."""
    answer = await lab.call("GET", f"{SMD}/Inventory/Hardware/Query/all", format="Hierarchical")
    assert (answer.status_code, detail(answer)) == (400, "Invalid format")


async def test_finds_interfaces_by_component(lab: Lab) -> None:
    """SMD 2.45: IDs are MAC addresses without colons."""
    record = {"ID": "a4bf", "MACAddress": "a4:bf", "ComponentID": X[0], "Type": "Node"}
    lab.site.state.ethernet_interfaces.put("a4bf", record)
    path = f"{SMD}/Inventory/EthernetInterfaces"
    assert await lab.json("GET", path, ComponentID=X[0]) == [record]
    assert await lab.json("GET", path, MACAddress="00:00") == []
    assert await lab.json("GET", f"{path}/A4BF") == record


async def test_spells_hardware_as_the_specification_does_if_told(csm17: Lab) -> None:
    """SMD 2.45: its code has NodeHsnNics, its specification NodeHsnNICs; clients take both."""
    add_nodes(csm17, "x1000c0s0b0n0")
    nic: dict[str, Any] = {
        "ID": "x1000c0s0b0n0h0",
        "Type": "NodeHsnNic",
        "NodeHsnNicLocationInfo": {"Id": "0"},
    }
    csm17.site.state.hardware.put_many(
        {"x1000c0s0b0n0": {"ID": "x1000c0s0b0n0", "Type": "Node"}, nic["ID"]: nic}
    )
    path = "/apis/smd/hsm/v2/Inventory/Hardware/Query/x1000c0s0b0n0"
    (before,) = (await csm17.json("GET", path))["Nodes"]
    await csm17.json("PATCH", "/_lab/site", {"hardware_keys": "specification"})
    (after,) = (await csm17.json("GET", path))["Nodes"]
    assert "NodeHsnNicLocationInfo" in before["NodeHsnNics"][0]
    assert "HSNNICLocationInfo" in after["NodeHsnNICs"][0]
    assert "NodeHsnNics" not in after
    refused = await csm17.call("PATCH", "/_lab/site", {"hardware_keys": "mine"})
    assert refused.status_code == 400


async def test_ignores_unknown_fields(csm17: Lab) -> None:
    """SMD 2.45: Go leaves out what it does not know; 201 all the same."""
    answer = await csm17.call("POST", "/apis/smd/hsm/v2/groups", {"label": "blue", "colour": 1})
    assert answer.status_code == 201
    assert "colour" not in await csm17.json("GET", "/apis/smd/hsm/v2/groups/blue")
