# SPDX-License-Identifier: Apache-2.0
"""CFS at work (CFS 1.31): its batcher and its sessions."""

from __future__ import annotations

from typing import Any

from lab.services.fakes import Lab, add_nodes, place_image
from poya.lab.life.nodes import Nodes
from poya.lab.seed.records import cfs_component

A, B = "x1000c0s0b0n0", "x1000c0s0b0n1"
IMAGE = "3e0d418f-7757-4df0-b0f7-0b945495f7bf"
URL = "https://api-gw-service-nmn.local/vcs/cray/cos.git"
COMMIT, NEWER = "0" * 40, "1" * 40
CFS = "/apis/cfs/v3"


def layer(commit: str) -> dict[str, str]:
    return {"name": "l", "clone_url": URL, "playbook": "site.yml", "commit": commit}


async def prepare(lab: Lab, *xnames: str) -> None:
    add_nodes(lab, *xnames)
    lab.git.commits |= {(URL, COMMIT), (URL, NEWER)}
    await lab.json("PUT", f"{CFS}/configurations/conf", {"layers": [layer(COMMIT)]})
    for xname in xnames:
        lab.site.state.cfs_components.put(xname, cfs_component(xname))


async def component(lab: Lab, xname: str) -> dict[str, Any]:
    path = f"{CFS}/components/{xname}?state_details=true"
    found: dict[str, Any] = await lab.json("GET", path)
    return found


async def test_an_enabled_component_is_configured(csm17: Lab) -> None:
    """CFS 1.31: the batcher makes a session for what is pending, and notes layers as applied."""
    await prepare(csm17, A, B)
    patch = {"desired_config": "conf", "enabled": True}
    await csm17.json("PATCH", f"{CFS}/components", [{"id": x, **patch} for x in (A, B)])
    assert (await component(csm17, A))["configuration_status"] == "pending"
    csm17.wait(21)
    sessions = (await csm17.json("GET", f"{CFS}/sessions"))["sessions"]
    assert [s["ansible"]["limit"] for s in sessions] == [f"{A},{B}"]
    assert sessions[0]["status"]["session"]["status"] == "running"
    csm17.wait(300)
    done = await component(csm17, A)
    assert (done["configuration_status"], done["state"][0]["status"]) == ("configured", "applied")
    ended = (await csm17.json("GET", f"{CFS}/sessions"))["sessions"][0]["status"]["session"]
    assert (ended["status"], ended["succeeded"]) == ("complete", "true")


async def test_overwriting_a_configuration_in_use_configures_again_at_once(csm17: Lab) -> None:
    """CFS 1.31: PUT of a desired_config sets the batcher to work on its components."""
    await prepare(csm17, A)
    patch = {"desired_config": "conf", "enabled": True}
    await csm17.json("PATCH", f"{CFS}/components/{A}", patch)
    csm17.wait(600)
    await csm17.json("PUT", f"{CFS}/configurations/conf", {"layers": [layer(NEWER)]})
    assert (await component(csm17, A))["configuration_status"] == "pending"
    csm17.wait(600)
    done = await component(csm17, A)
    assert [one["commit"] for one in done["state"] if one["status"] == "applied"] == [NEWER]


async def test_a_disabled_component_is_left_alone(csm17: Lab) -> None:
    """CFS 1.31: the batcher sees enabled components only."""
    await prepare(csm17, A)
    await csm17.json("PATCH", f"{CFS}/components/{A}", {"desired_config": "conf"})
    csm17.wait(3600)
    assert (await component(csm17, A))["configuration_status"] == "pending"


async def test_failures_count_up_to_the_retry_policy(csm17: Lab) -> None:
    """CFS 1.31: error_count, and `failed` when it reaches the policy; a new wish starts anew."""
    await prepare(csm17, A)
    Nodes(csm17.site).set_failure(A, "configure", 3)
    patch = {"desired_config": "conf", "enabled": True}
    await csm17.json("PATCH", f"{CFS}/components/{A}", patch)
    csm17.wait(3600)
    failed = await component(csm17, A)
    assert (failed["configuration_status"], failed["error_count"]) == ("failed", 3)
    await csm17.json("PATCH", f"{CFS}/components/{A}", patch)
    csm17.wait(3600)
    assert (await component(csm17, A))["configuration_status"] == "configured"


async def test_a_session_customises_an_image(csm17: Lab) -> None:
    """CFS 1.31, target `image`: a new IMS image with objects of its own, in status.artifacts."""
    await prepare(csm17)
    link = place_image(csm17, IMAGE)
    record = {"id": IMAGE, "name": "base", "created": "", "link": link, "arch": "aarch64"}
    csm17.site.state.images.put(IMAGE, record | {"metadata": {}})
    target = {
        "definition": "image",
        "groups": [{"name": "Compute", "members": [IMAGE]}],
        "image_map": [{"source_id": IMAGE, "result_name": "made"}],
    }
    body = {"name": "s", "configuration_name": "conf", "target": target}
    created = await csm17.json("POST", f"{CFS}/sessions", body)
    assert created["status"]["session"]["status"] == "pending"
    csm17.wait(600)
    status = (await csm17.json("GET", f"{CFS}/sessions/s"))["status"]
    artifact = status["artifacts"][0]
    assert (status["session"]["succeeded"], artifact["image_id"]) == ("true", IMAGE)
    image = await csm17.json("GET", f"/apis/ims/v3/images/{artifact['result_id']}")
    assert (image["name"], image["arch"]) == ("made", "aarch64")
    assert ("boot-images", f"{artifact['result_id']}/rootfs") in csm17.objects.bodies


async def test_a_session_fails_over_a_commit_that_is_not_there(csm17: Lab) -> None:
    """CFS 1.31: `complete` with succeeded "false"; nothing was checked before."""
    await prepare(csm17)
    csm17.git.commits.clear()
    body = {"name": "s", "configuration_name": "conf", "ansible_limit": A}
    await csm17.json("POST", f"{CFS}/sessions", body)
    csm17.wait(600)
    session = (await csm17.json("GET", f"{CFS}/sessions/s"))["status"]["session"]
    assert (session["status"], session["succeeded"]) == ("complete", "false")
