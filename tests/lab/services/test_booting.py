# SPDX-License-Identifier: Apache-2.0
"""Nodes boot: BOS's operators (BOS 2.50), what they write to BSS, CFS and PCS, and what fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.services.fakes import Lab, add_nodes, node, place_image, place_manifest
from poya.lab.life.boot_sessions import new_component
from poya.lab.life.nodes import Nodes
from poya.lab.seed.records import cfs_component

A, B = "x1000c0s0b0n0", "x1000c0s0b0n1"
IMAGE = "3e0d418f-7757-4df0-b0f7-0b945495f7bf"
URL = "https://api-gw-service-nmn.local/vcs/cray/cos.git"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
BOS = "/apis/bos/v2"
HOUR = 3600.0
PROVIDER = {
    "rootfs_provider": "sbps",
    "rootfs_provider_passthrough": (
        "sbps:v1:iqn.2023-06.csm.iscsi:_sbps-hsn._tcp.alps.example.org:300"
    ),
}


def prepare(lab: Lab, *xnames: str, arch: str = "x86_64", **boot_set: Any) -> None:
    """A site with nodes that are off, an image, a configuration and a template."""
    add_nodes(lab, *xnames)
    state = lab.site.state
    for xname in xnames:
        state.components.put(xname, (state.components.get(xname) or {}) | {"State": "Off"})
        state.bos_components.put(xname, new_component(xname))
        state.cfs_components.put(xname, cfs_component(xname))
    link = place_image(lab, IMAGE)
    record = {"id": IMAGE, "name": "i", "created": "", "link": link, "arch": arch, "metadata": {}}
    state.images.put(IMAGE, record)
    layer = {"name": "l", "clone_url": URL, "playbook": "site.yml", "commit": COMMIT}
    state.configurations.put("conf", {"name": "conf", "last_updated": "", "layers": [layer]})
    lab.git.commits.add((URL, COMMIT))
    put_template(lab, link, xnames, **boot_set)


def put_template(lab: Lab, link: dict[str, str], xnames: tuple[str, ...], **boot_set: Any) -> None:
    compute = {
        **{"type": "s3", "path": link["path"], "etag": link["etag"], "arch": "X86"},
        **{"node_list": list(xnames), "kernel_parameters": "quiet"},
        **PROVIDER,
        **boot_set,
    }
    template = {"name": "t", "tenant": "", "boot_sets": {"compute": compute}}
    lab.site.state.templates.put(
        "t", template | {"enable_cfs": True, "cfs": {"configuration": "conf"}}
    )


async def boot(lab: Lab, operation: str = "boot", **more: Any) -> None:
    body = {"template_name": "t", "operation": operation, "name": f"s-{operation}", **more}
    created = await lab.json("POST", f"{BOS}/sessions", body)
    assert created["status"]["status"] == "pending"


async def session(lab: Lab, operation: str = "boot") -> dict[str, Any]:
    found: dict[str, Any] = await lab.json("GET", f"{BOS}/sessions/s-{operation}")
    return found


async def progress(lab: Lab, operation: str = "boot") -> dict[str, Any]:
    found: dict[str, Any] = await lab.json("GET", f"{BOS}/sessions/s-{operation}/status")
    return found


async def hsm_state(lab: Lab, xname: str) -> str:
    return str((await lab.json("GET", f"/apis/smd/hsm/v2/State/Components/{xname}"))["State"])


async def test_a_session_boots_and_configures_its_nodes(csm17: Lab) -> None:
    """BOS 2.50: pending, running through its phases, complete; nodes Ready and configured."""
    prepare(csm17, A, B)
    await boot(csm17)
    csm17.wait(16)
    running = await session(csm17)
    assert (running["status"]["status"], running["components"]) == ("running", f"{A},{B}")
    assert (await progress(csm17))["phases"]["percent_powering_on"] == 100
    csm17.wait(60)
    assert await hsm_state(csm17, A) == "On"
    csm17.wait(315)
    assert (await progress(csm17))["phases"]["percent_configuring"] == 100
    csm17.wait(200)
    ended = await session(csm17)
    assert (ended["status"]["status"], ended["status"]["error"]) == ("complete", None)
    assert ended["status"]["end_time"] is not None
    assert (await progress(csm17))["percent_successful"] == 100
    assert await hsm_state(csm17, A) == "Ready"
    configured = await csm17.json("GET", f"/apis/cfs/v3/components/{A}")
    assert (configured["configuration_status"], configured["desired_config"]) == (
        "configured",
        "conf",
    )


async def test_bss_gets_the_command_line_in_bos_order(csm17: Lab) -> None:
    """BOS 2.50: the image's words, the boot set's, root=, nmd_data=, bos_update_frequency."""
    prepare(csm17, A)
    manifest = json.loads(csm17.objects.bodies["boot-images", f"{IMAGE}/manifest.json"])
    info = csm17.objects.place(f"{IMAGE}/boot_parameters", b"console=ttyS0\n")
    link = {"path": f"s3://boot-images/{IMAGE}/boot_parameters", "etag": info.etag, "type": "s3"}
    kind = "application/vnd.cray.image.parameters.boot"
    manifest["artifacts"].append({"type": kind, "md5": info.etag, "link": link})
    place_manifest(csm17, IMAGE, manifest)
    await boot(csm17)
    csm17.wait(60)
    record = (await csm17.json("GET", "/apis/bss/boot/v1/bootparameters", name=A))[0]
    rootfs = f"s3://boot-images/{IMAGE}/rootfs"
    etag = csm17.objects.infos["boot-images", f"{IMAGE}/rootfs"].etag
    assert record["params"].split() == [
        "console=ttyS0",
        "quiet",
        f"root=sbps-s3:{rootfs}:{etag}:{PROVIDER['rootfs_provider_passthrough']}",
        f"nmd_data=url={rootfs},etag={etag}",
        "bos_update_frequency=4h",
    ]
    assert record["kernel"] == f"s3://boot-images/{IMAGE}/kernel"


async def test_sbps_images_are_tagged_at_power_on(csm17: Lab) -> None:
    """BOS 2.50: the IMS image gets sbps-project=true; CFS wants the configuration, disabled."""
    prepare(csm17, A)
    await boot(csm17)
    csm17.wait(60)
    image = await csm17.json("GET", f"/apis/ims/v3/images/{IMAGE}")
    assert image["metadata"] == {"sbps-project": "true"}
    component = csm17.site.state.cfs_components.get(A) or {}
    assert (component["desired_config"], component["enabled"], component["state"]) == (
        "conf",
        False,
        [],
    )


async def test_a_node_that_runs_it_already_is_left_alone(csm17: Lab) -> None:
    """BOS 2.50: boot does nothing to a node in the wanted state, reboot switches it off and on."""
    prepare(csm17, A)
    await boot(csm17)
    csm17.wait(HOUR)
    assert (await session(csm17))["status"]["status"] == "complete"
    before = len(csm17.site.state.transitions)
    await csm17.json("DELETE", f"{BOS}/sessions/s-boot")
    await boot(csm17)
    csm17.wait(HOUR)
    assert (await session(csm17))["status"]["status"] == "complete"
    assert len(csm17.site.state.transitions) == before
    await boot(csm17, "reboot")
    csm17.wait(HOUR)
    assert (await progress(csm17, "reboot"))["percent_successful"] == 100
    operations = [t["operation"] for t in csm17.site.state.transitions.values()]
    assert operations[before:] == ["Soft-Off", "On"]


async def test_shutdown_switches_off(csm17: Lab) -> None:
    """BOS 2.50: shutdown needs no image; nodes end Off."""
    prepare(csm17, A)
    csm17.site.state.components.put(A, node(A))
    await boot(csm17, "shutdown")
    csm17.wait(HOUR)
    assert await hsm_state(csm17, A) == "Off"
    assert (await session(csm17, "shutdown"))["status"]["status"] == "complete"


async def test_a_session_without_nodes_completes_at_once(csm17: Lab) -> None:
    """BOS 2.50: unknown groups are nobody: "No nodes were found to act on." """
    prepare(csm17, A, node_list=[], node_groups=["nobody"])
    await boot(csm17)
    csm17.wait(20)
    ended = (await session(csm17))["status"]
    assert (ended["status"], ended["error"]) == ("complete", "No nodes were found to act on.")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (A, A),
        ("blue", B),
        ("all,!blue", A),
        ("Compute,&blue", B),
        ("*", f"{A},{B}"),
        (f"{A},{B}", f"{A},{B}"),
    ],
)
async def test_limit_is_a_list_of_sets(csm17: Lab, limit: str, expected: str) -> None:
    """BOS 2.50: xnames, groups, roles; `,` or, `&` and, `!` not, `all` and `*`."""
    prepare(csm17, A, B)
    group = {"label": "blue", "description": "", "members": {"ids": [B]}}
    csm17.site.state.groups.put("blue", group)
    await boot(csm17, limit=limit)
    csm17.wait(16)
    assert (await session(csm17))["components"] == expected


async def test_locked_nodes_are_dropped_from_csm_17_on(csm16: Lab, csm17: Lab) -> None:
    """BOS 2.47: sessions leave locked nodes out; 2.30 takes them (and PCS then refuses)."""
    for lab, expected in ((csm16, f"{A},{B}"), (csm17, A)):
        prepare(lab, A, B)
        lab.site.state.components.put(B, node(B, Locked=True, State="Off"))
        await boot(lab)
        lab.wait(16)
        assert (await session(lab))["components"] == expected


async def test_nodes_of_another_arch_are_dropped(csm17: Lab) -> None:
    """BOS from CSM 1.5: HSM's Arch must be the boot set's; UNKNOWN counts as X86."""
    prepare(csm17, A, B)
    csm17.site.state.components.put(A, node(A, Arch="UNKNOWN", State="Off"))
    csm17.site.state.components.put(B, node(B, Arch="ARM", State="Off"))
    await boot(csm17)
    csm17.wait(16)
    assert (await session(csm17))["components"] == A


async def test_staged_nodes_boot_when_applied(csm17: Lab) -> None:
    """BOS 2.50: stage writes staged_state only; POST applystaged makes it desired."""
    prepare(csm17, A)
    await boot(csm17, stage=True)
    csm17.wait(60)
    assert (await progress(csm17))["percent_staged"] == 100
    assert await hsm_state(csm17, A) == "Off"
    done = await csm17.json("POST", f"{BOS}/applystaged", {"xnames": [A, B]})
    assert done == {"succeeded": [A], "failed": [B], "ignored": []}
    csm17.wait(HOUR)
    assert await hsm_state(csm17, A) == "Ready"


async def failed_boot(lab: Lab) -> str:
    """Boot A, wait until BOS gives up, and return what its console said last."""
    await boot(lab)
    lab.wait(3 * HOUR)
    ended = await session(lab)
    status = await progress(lab)
    assert (ended["status"]["status"], status["percent_failed"]) == ("complete", 100)
    assert list(status["error_summary"]) == [
        "The retry limit has been hit for this component, "
        "but no services have reported specific errors"
    ]
    assert await hsm_state(lab, A) != "Ready"
    return "\n".join(Nodes(lab.site).console(A))


async def test_bos_gives_up_after_its_retries(csm17: Lab) -> None:
    """BOS 2.50: default_retry_policy attempts of max_boot_wait_time; then failed and disabled."""
    prepare(csm17, A)
    Nodes(csm17.site).set_failure(A, "boot", -1)
    console = await failed_boot(csm17)
    assert console.count("made to fail") == 3
    component = await csm17.json("GET", f"{BOS}/components/{A}")
    assert (component["enabled"], component["status"]["status"]) == (False, "failed")


async def test_a_node_that_failed_once_boots_in_the_end(csm17: Lab) -> None:
    """BOS 2.50: the second attempt counts."""
    prepare(csm17, A)
    Nodes(csm17.site).set_failure(A, "boot", 1)
    await boot(csm17)
    csm17.wait(HOUR)
    assert (await progress(csm17))["percent_successful"] == 100


async def test_a_missing_rootfs_is_seen(csm17: Lab) -> None:
    """Neither IMS nor BOS looks for it at boot: dracut does."""
    prepare(csm17, A)
    await csm17.objects.delete("boot-images", f"{IMAGE}/rootfs")
    assert f"s3://boot-images/{IMAGE}/rootfs does not exist" in await failed_boot(csm17)


async def test_a_missing_initrd_is_seen(csm17: Lab) -> None:
    """BOS only warns of it; iPXE gets a 404."""
    prepare(csm17, A)
    await csm17.objects.delete("boot-images", f"{IMAGE}/initrd")
    assert "HTTP 404 Not Found (initrd)" in await failed_boot(csm17)


async def test_a_wrong_etag_in_the_manifest_is_seen(csm17: Lab) -> None:
    """The manifest's rootfs etag goes into root= as it is, and must be the object's."""
    prepare(csm17, A)
    csm17.objects.place(f"{IMAGE}/rootfs", b"another file system")
    assert "root= asks for" in await failed_boot(csm17)


async def test_a_kernel_of_another_arch_is_seen(csm17: Lab) -> None:
    """IMS and BOS compare labels; the processor reads the kernel."""
    prepare(csm17, A)
    csm17.objects.place(f"{IMAGE}/kernel", b"MZ".ljust(56, b"\0") + b"ARM\x64")
    assert "Exec format error" in await failed_boot(csm17)


async def test_a_provider_of_another_release_is_seen(csm17: Lab) -> None:
    """BOS 2.50: CPS is gone: a warning for the template, and the session's setup fails."""
    passthrough = "dvs:api-gw-service-nmn.local:300:hsn0,nmn0:0"
    old = {"rootfs_provider": "cpss3", "rootfs_provider_passthrough": passthrough}
    prepare(csm17, A, **old)
    await boot(csm17)
    csm17.wait(20)
    ended = (await session(csm17))["status"]
    assert ended["status"] == "complete"
    assert ended["error"].startswith("Unsupported rootfs_provider ('cpss3') specified in boot set")


async def test_a_passthrough_of_another_site_is_seen(csm17: Lab) -> None:
    """SBPS finds its targets by a DNS name of the site."""
    name = PROVIDER["rootfs_provider_passthrough"].replace("alps", "prealps")
    prepare(csm17, A, rootfs_provider_passthrough=name)
    assert "no SRV record for _sbps-hsn._tcp.prealps.example.org" in await failed_boot(csm17)


async def test_a_commit_that_the_site_lacks_is_seen(csm17: Lab) -> None:
    """CFS never checked it: the session fails, the component after its retries, then BOS."""
    prepare(csm17, A)
    csm17.git.commits.clear()
    await boot(csm17)
    csm17.wait(HOUR)
    status = await progress(csm17)
    assert (status["percent_failed"], list(status["error_summary"])) == (
        100,
        ["cfs configuration failed"],
    )
    component = await csm17.json("GET", f"/apis/cfs/v3/components/{A}")
    assert (component["configuration_status"], component["error_count"]) == ("failed", 3)
    assert "not our ref" in "\n".join(Nodes(csm17.site).console(A))
    assert await hsm_state(csm17, A) == "Ready"


async def test_a_session_whose_manifest_is_gone_says_so(csm17: Lab) -> None:
    """BOS 2.50: setup fails, the session is complete with an error."""
    prepare(csm17, A)
    await boot(csm17)
    await csm17.objects.delete("boot-images", f"{IMAGE}/manifest.json")
    csm17.wait(20)
    ended = (await session(csm17))["status"]
    assert ended["status"] == "complete"
    assert "Unable to read manifest file" in ended["error"]


async def test_boots_go_on_after_a_restart(csm17: Lab) -> None:
    """What is under way is kept with the site."""
    from lab.services.fakes import make_lab

    prepare(csm17, A)
    await boot(csm17)
    csm17.wait(60)
    await session(csm17)
    again = make_lab("1.7", csm17.site.state)
    again.objects.bodies, again.objects.infos = csm17.objects.bodies, csm17.objects.infos
    again.git.commits, again.clock.now_s = csm17.git.commits, csm17.clock.now_s
    again.token = csm17.token
    again.wait(HOUR)
    assert (await progress(again))["percent_successful"] == 100


async def test_an_enabled_component_is_brought_to_its_state(csm17: Lab) -> None:
    """BOS 2.50: no session needed: operators act on whatever is enabled."""
    prepare(csm17, A)
    csm17.site.state.components.put(A, node(A))
    await csm17.json("PATCH", f"{BOS}/components/{A}", {"enabled": True})
    csm17.wait(HOUR)
    assert await hsm_state(csm17, A) == "Off"
