# SPDX-License-Identifier: Apache-2.0
"""In which order lists come: nothing that a client could lean on, but always the same."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from lab.services.fakes import Lab, add_nodes

HSM = "/apis/smd/hsm/v2"
NAMES = [f"n{number}" for number in range(20)]
XNAMES = [f"x1000c0s{number}b0n0" for number in range(20)]


async def keys(lab: Lab, path: str, key: str, *within: str) -> list[Any]:
    answer = await lab.json("GET", path)
    for name in within:
        answer = answer[name]
    return [one[key] if key else one for one in answer]


async def make_groups(lab: Lab) -> None:
    add_nodes(lab, *XNAMES)
    for name in NAMES:
        body = {"label": name, "members": {"ids": XNAMES}}
        await lab.json("POST", f"{HSM}/groups", body)


@pytest.mark.parametrize(
    ("path", "key", "within"),
    [
        ("groups", "label", ()),
        ("groups/labels", "", ()),
        ("groups/n3", "", ("members", "ids")),
        ("groups/n3/members", "", ("ids",)),
        ("memberships", "id", ()),
        ("State/Components", "ID", ("Components",)),
        ("State/Components?type=Node", "ID", ("Components",)),
        ("Inventory/Hardware", "ID", ()),
        ("Inventory/Hardware/Query/all", "ID", ("Nodes",)),
        ("locks/status", "ID", ("Components",)),
    ],
)
async def test_hsm_promises_no_order(
    csm17: Lab, path: str, key: str, within: tuple[str, ...]
) -> None:
    """SMD 2.45: rows of PostgreSQL, for which nobody asked an order."""
    await make_groups(csm17)
    csm17.site.state.hardware.put_many({x: {"ID": x, "Type": "Node"} for x in XNAMES})
    first, again = [await keys(csm17, f"{HSM}/{path}", key, *within) for _ in range(2)]
    made = NAMES if set(first) == set(NAMES) else XNAMES
    assert first == again
    assert set(first) == set(made)
    assert first not in (made, sorted(made), made[::-1])


async def test_bos_lists_templates_by_a_hash_of_their_names(csm15: Lab, csm17: Lab) -> None:
    """BOS 2.50: the keys are sha1(tenant)-sha1(name)."""
    body = {"boot_sets": {"c": {"type": "s3", "path": "s3://b/m", "node_list": [XNAMES[0]]}}}
    for lab in (csm15, csm17):
        for name in NAMES:
            await lab.json("PUT", f"/apis/bos/v2/sessiontemplates/{name}", body)
        listed = await keys(lab, "/apis/bos/v2/sessiontemplates", "name")
        assert listed == sorted(NAMES, key=lambda name: hashlib.sha1(name.encode()).hexdigest())


async def test_cfs_lists_by_name_from_csm_15(csm14: Lab, csm15: Lab) -> None:
    """CFS 1.12 lists as Redis has it; CFS 1.18 sorts, v2 too."""
    for lab in (csm14, csm15):
        for name in NAMES:
            await lab.json("PUT", f"/apis/cfs/v2/configurations/{name}", {"layers": []})
    old = await keys(csm14, "/apis/cfs/v2/configurations", "name")
    assert (set(old), old in (NAMES, sorted(NAMES))) == (set(NAMES), False)
    assert await keys(csm15, "/apis/cfs/v2/configurations", "name") == sorted(NAMES)


async def test_bos_lists_components_by_name_from_csm_17(csm16: Lab, csm17: Lab) -> None:
    """BOS 2.30 lists as Redis has it, BOS 2.50 sorted."""
    for lab in (csm16, csm17):
        for xname in XNAMES:
            await lab.json("PUT", f"/apis/bos/v2/components/{xname}", {"enabled": False})
    old = await keys(csm16, "/apis/bos/v2/components", "id")
    assert (set(old), old in (XNAMES, sorted(XNAMES))) == (set(XNAMES), False)
    assert await keys(csm17, "/apis/bos/v2/components", "id") == sorted(XNAMES)


async def test_sls_promises_no_order(csm17: Lab) -> None:
    """SLS 2.12: rows of PostgreSQL."""
    for xname in XNAMES:
        body = {"Xname": xname, "Class": "Mountain", "ExtraProperties": {"Role": "Compute"}}
        await csm17.json("POST", "/apis/sls/v1/hardware", body)
    for path in ("hardware", "search/hardware?type=comptype_node"):
        listed = await keys(csm17, f"/apis/sls/v1/{path}", "Xname")
        assert (set(listed), listed in (XNAMES, sorted(XNAMES))) == (set(XNAMES), False)


async def test_ims_lists_the_oldest_first(csm17: Lab) -> None:
    """IMS 3.33: a JSON file, in the order of its dictionary."""
    for name in NAMES[::-1]:
        await csm17.json("POST", "/apis/ims/v3/images", {"name": name})
    assert await keys(csm17, "/apis/ims/v3/images", "name") == NAMES[::-1]
