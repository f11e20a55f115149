# SPDX-License-Identifier: Apache-2.0
"""BOS session templates, their validation, sessions, components and options as emulated."""

from __future__ import annotations

from typing import Any

import pytest

from lab.services.fakes import INITRD, KERNEL, ROOTFS, Lab, detail, place_image, place_manifest

BOS = "/apis/bos/v2"
TEMPLATES = f"{BOS}/sessiontemplates"
ID = "3e0d418f-7757-4df0-b0f7-0b945495f7bf"
PATH = f"s3://boot-images/{ID}/manifest.json"


def boot_set(**change: Any) -> dict[str, Any]:
    base = {"path": PATH, "type": "s3", "etag": "e", "node_groups": ["blue"], "arch": "X86"}
    return {k: v for k, v in {**base, **change}.items() if v is not None}


def template(**change: Any) -> dict[str, Any]:
    return {"enable_cfs": True, "boot_sets": {"compute": boot_set(**change)}}


async def put(lab: Lab, name: str = "t", *, tenant: str = "", **change: Any) -> dict[str, Any]:
    path, body = f"{TEMPLATES}/{name}", template(**change)
    stored: dict[str, Any] = await lab.json("PUT", path, body, tenant=tenant)
    return stored


async def verdict(lab: Lab, name: str = "t") -> str:
    answer = await lab.call("GET", f"{BOS}/sessiontemplatesvalid/{name}")
    assert answer.status_code == 200
    assert isinstance(answer.json(), str)
    return str(answer.json())


def add_image(lab: Lab, **fields: Any) -> None:
    link = place_image(lab, ID)
    record = {"id": ID, "name": "i", "link": link, "arch": "x86_64", "metadata": {}, **fields}
    lab.site.state.images.put(ID, record)


def add_manifest(lab: Lab, *kinds: str) -> None:
    """An image whose manifest lists these kinds of artifacts."""
    add_image(lab)
    artifacts = [
        {"type": kind, "link": {"path": f"s3://boot-images/{ID}/rootfs", "etag": "", "type": "s3"}}
        for kind in kinds
    ]
    place_manifest(lab, ID, {"version": "1.0", "artifacts": artifacts})


async def test_refuses_its_own_answers_as_read_only(csm16: Lab) -> None:
    """BOS 2.30: name and tenant are read-only."""
    await put(csm16)
    body = await csm16.json("GET", f"{TEMPLATES}/t")
    answer = await csm16.call("PUT", f"{TEMPLATES}/t", body)
    assert (answer.status_code, detail(answer)) == (400, "Property is read-only - 'name'")
    del body["name"]
    answer = await csm16.call("PUT", f"{TEMPLATES}/t", body)
    assert detail(answer) == "Property is read-only - 'tenant'"
    del body["tenant"]
    assert (await csm16.call("PUT", f"{TEMPLATES}/t", body)).status_code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "'boot_sets' is a required property"),
        ({"boot_sets": {}}, "does not have enough properties - 'boot_sets'"),
        ({**template(), "colour": 1}, "('colour' was unexpected)"),
        ({**template(), "cfs": None}, "None is not of type 'object' - 'cfs'"),
        ({**template(), "description": ""}, "is too short - 'description'"),
        (template(size=1), "('size' was unexpected) - 'boot_sets.compute'"),
        (template(path=None), "'path' is a required property - 'boot_sets.compute'"),
        (template(arch="x86_64"), "is not one of"),
        (template(node_list=[]), "[] is too short"),
        (template(kernel_parameters="k" * 4097), "is too long"),
        (template(name="other"), "boot_sets key (compute) does not match 'name' field"),
        (template(node_groups=None), "No hardware specifier fields"),
    ],
)
async def test_refuses_wrong_templates(csm16: Lab, body: dict[str, Any], words: str) -> None:
    """BOS 2.30: 400 for each."""
    answer = await csm16.call("PUT", f"{TEMPLATES}/t", body)
    assert (answer.status_code, words in detail(answer)) == (400, True), answer.text


@pytest.mark.parametrize("name", ["-t", "t-", "ö", "t" * 128])
async def test_refuses_odd_names(csm16: Lab, name: str) -> None:
    """BOS 2.30: letters and digits at both ends, 127 characters."""
    assert (await csm16.call("PUT", f"{TEMPLATES}/{name}", template())).status_code == 400


async def test_says_why_a_template_was_not_created(csm16: Lab) -> None:
    """BOS 2.30: what the specification does not catch is worded by BOS."""
    answer = await csm16.call("PUT", f"{TEMPLATES}/t", template(name="x"))
    assert detail(answer).startswith("The session template could not be created: boot_sets key")


async def test_is_lenient_before_1_6(csm15: Lab) -> None:
    """BOS 2.10: no limits, no required boot sets, no look at IMS."""
    add_image(csm15, arch="aarch64")
    await csm15.json("PUT", f"{TEMPLATES}/t", {})
    await put(csm15, "u", arch="X86", kernel_parameters="k" * 5000)
    await put(csm15, "v", node_groups=None)
    assert (await csm15.call("PUT", f"{TEMPLATES}/w", template(name="x"))).status_code == 400


async def test_refuses_arch_and_tenant_before_1_5(csm14: Lab) -> None:
    """BOS 2.0.47: both are unknown properties; answers have no tenant."""
    answer = await csm14.call("PUT", f"{TEMPLATES}/t", template())
    assert "('arch' was unexpected)" in detail(answer)
    answer = await csm14.call("PUT", f"{TEMPLATES}/t", template(arch=None) | {"tenant": None})
    assert "('tenant' was unexpected)" in detail(answer)
    assert (await put(csm14, arch=None)).keys() == {"enable_cfs", "boot_sets", "name"}


async def test_fills_in_the_architecture_from_1_6(csm15: Lab, csm16: Lab) -> None:
    """BOS 2.30: X86 if none is given; BOS 2.10 stores none. The own name is not stored."""
    old = await put(csm15, arch=None, name="compute")
    new = await put(csm16, arch=None, name="compute")
    assert old["boot_sets"]["compute"].keys() == {"path", "type", "etag", "node_groups"}
    assert new["boot_sets"]["compute"]["arch"] == "X86"
    assert "name" not in new["boot_sets"]["compute"]


async def test_overwrites_in_silence(csm16: Lab) -> None:
    """BOS 2.30: 200 both times."""
    await put(csm16, etag="one")
    assert (await put(csm16, etag="two"))["boot_sets"]["compute"]["etag"] == "two"
    assert len(await csm16.json("GET", TEMPLATES)) == 1


async def test_stores_templates_of_missing_images(csm16: Lab) -> None:
    """BOS 2.30: PUT only logs it; the verdict tells."""
    await put(csm16)
    assert await verdict(csm16) == (
        "Session template: 't' boot set: 'compute': Can't find boot artifacts. Error: "
        f"ManifestNotFound: Unable to read manifest file '{PATH}'."
    )


async def test_refuses_another_architecture_than_the_image_has(csm16: Lab) -> None:
    """BOS 2.30: 400; Other skips the comparison, Unknown means X86."""
    add_image(csm16)
    answer = await csm16.call("PUT", f"{TEMPLATES}/t", template(arch="ARM"))
    assert detail(answer) == (
        "The session template could not be created: BootSetArchMismatch: Boot set arch 'ARM' "
        "means IMS image arch should be 'aarch64', but actual IMS image arch is 'x86_64'"
    )
    for arch in ("Other", "Unknown", "X86"):
        await put(csm16, arch=arch)


async def test_can_be_told_that_images_must_exist(csm16: Lab) -> None:
    """BOS 2.30: with ims_images_must_exist an absent image is a 400."""
    await csm16.json("PATCH", f"{BOS}/options", {"ims_images_must_exist": True})
    answer = await csm16.call("PUT", f"{TEMPLATES}/t", template())
    assert answer.status_code == 400
    assert f"IMS image id '{ID}' does not exist in IMS" in detail(answer)


async def test_canonises_the_node_list(csm16: Lab) -> None:
    """BOS 2.30: lower case, no zeros; nids stay as they are."""
    stored = await put(csm16, node_list=["X1000C0S0B0N01", "nid000001"])
    nodes = stored["boot_sets"]["compute"]["node_list"]
    assert nodes == ["x1000c0s0b0n1", "nid000001"]


async def test_can_be_told_to_reject_nids(csm16: Lab) -> None:
    """BOS 2.30: reject_nids makes a warning a 400."""
    add_image(csm16)
    await put(csm16, node_list=["nid000001"])
    assert "Has NID in 'node_list'" in await verdict(csm16)
    await csm16.json("PATCH", f"{BOS}/options", {"reject_nids": True})
    answer = await csm16.call("PUT", f"{TEMPLATES}/t", template(node_list=["nid000001"]))
    assert answer.status_code == 400


async def test_finds_a_good_template_valid(csm16: Lab) -> None:
    """BOS 2.30: exactly "Valid". Stale etags, groups and configurations are not looked at."""
    add_image(csm16, link=None)
    await put(csm16, etag="stale", node_groups=["none"], cfs={"configuration": "none"})
    assert await verdict(csm16) == "Valid"


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (
            (ROOTFS, INITRD),
            f"Can't find kernel in {PATH}. Error: ArtifactNotFound: No artifact of",
        ),
        ((ROOTFS, KERNEL), f"{PATH} doesn't contain a initrd"),
        ((KERNEL, KERNEL), "TooManyArtifacts: Multiple"),
    ],
)
async def test_words_its_findings(csm16: Lab, kinds: tuple[str, ...], words: str) -> None:
    """BOS 2.30: about the manifest's artifacts."""
    add_manifest(csm16, *kinds)
    await put(csm16)
    assert words in await verdict(csm16)


async def test_misses_objects(csm16: Lab) -> None:
    """BOS 2.30: without kernel an error, without initrd a warning; rootfs is not checked."""
    add_image(csm16)
    await put(csm16)
    del csm16.objects.infos["boot-images", f"{ID}/rootfs"]
    assert await verdict(csm16) == "Valid"
    del csm16.objects.infos["boot-images", f"{ID}/initrd"]
    assert "Unable to check initrd in" in await verdict(csm16)
    del csm16.objects.infos["boot-images", f"{ID}/kernel"]
    words = f"Error: S3ObjectNotFound: s3 object s3://boot-images/{ID}/kernel was not found."
    assert words in await verdict(csm16)


async def test_joins_warnings(csm17: Lab) -> None:
    """BOS 2.50: cpss3 is gone, an absent IMS record and arch Other are only warnings."""
    place_image(csm17, ID)
    await put(csm17, rootfs_provider="cpss3")
    about = "Session template: 't' boot set: 'compute': "
    assert await verdict(csm17) == (
        f"{about}Unsupported rootfs_provider ('cpss3') will cause boot/reboot sessions to fail; "
        f"{about}IMS image id '{ID}' does not exist in IMS"
    )
    add_image(csm17)
    await put(csm17, rootfs_provider="sbps", arch="Other")
    assert await verdict(csm17) == (
        f"{about}Can't validate boot image arch: Boot set arch set to 'Other'"
    )


async def test_takes_cpss3_until_1_6(csm16: Lab) -> None:
    """BOS 2.30: cpss3 and sbps both."""
    add_image(csm16)
    for provider in ("cpss3", "sbps"):
        await put(csm16, rootfs_provider=provider)
        assert await verdict(csm16) == "Valid"


async def test_takes_the_image_id_from_the_key(csm16: Lab) -> None:
    """BOS 2.30: an image under another prefix is no IMS image."""
    link = place_image(csm16, "mine")
    await put(csm16, path=link["path"])
    assert "doesn't follow convention for IMS images" in await verdict(csm16)


async def test_merges_a_patch_into_the_template(csm16: Lab) -> None:
    """BOS 2.30: boot sets and fields that are not named stay; a partial boot set is a 400."""
    await put(csm16, kernel_parameters="quiet")
    path = f"{TEMPLATES}/t"
    answer = await csm16.call("PATCH", path, {"boot_sets": {"compute": {"etag": "x"}}})
    assert "'path' is a required property" in detail(answer)
    patched = await csm16.json("PATCH", path, {"boot_sets": {"uan": boot_set()}})
    assert (patched["boot_sets"].keys(), patched["enable_cfs"]) == ({"compute", "uan"}, True)
    patched = await csm16.json("PATCH", path, {"boot_sets": {"compute": boot_set(etag="new")}})
    changed = patched["boot_sets"]["compute"]
    assert (changed["etag"], changed["kernel_parameters"]) == ("new", "quiet")
    assert (await csm16.call("PATCH", f"{TEMPLATES}/none", template())).status_code == 404


async def test_drops_an_empty_cfs_from_1_7_on(csm16: Lab, csm17: Lab) -> None:
    """BOS 2.50: `cfs` without a configuration is not stored; BOS 2.30 keeps it."""
    empty: tuple[dict[str, Any], ...] = ({}, {"configuration": ""})
    for cfs in empty:
        for lab, kept in ((csm16, True), (csm17, False)):
            body = template(cfs=cfs) | {"cfs": cfs}
            stored = await lab.json("PUT", f"{TEMPLATES}/t", body)
            assert ("cfs" in stored, "cfs" in stored["boot_sets"]["compute"]) == (kept, kept)


async def test_says_so_in_other_words_before_1_6(csm15: Lab) -> None:
    """BOS 2.10: boot parameters are missed too, IMS is not asked; one boot set's warnings only."""
    about = "Session template: 't' boot set: 'compute'"
    await put(csm15)
    assert (await verdict(csm15)).startswith(
        f"{about} could not locate its boot artifacts. Error:"
    )
    add_manifest(csm15, ROOTFS, INITRD)
    assert f"{about} could not locate its kernel. Error: ArtifactNotFound" in await verdict(csm15)
    add_manifest(csm15, ROOTFS, KERNEL)
    assert await verdict(csm15) == "".join(
        f"{about} could not locate its {word}. Warning: ArtifactNotFound: {about} does not "
        f"contain a {word}."
        for word in ("initrd", "boot_parameters")
    )
    body = {"template_name": "t", "operation": "boot"}
    assert (await csm15.call("POST", f"{BOS}/sessions", body)).status_code == 201


async def test_wants_etags_in_the_manifest(csm16: Lab) -> None:
    """BOS 2.30: an artifact's link without an etag is as good as none."""
    add_image(csm16)
    await put(csm16)
    kinds = {ROOTFS: "rootfs", KERNEL: "kernel", INITRD: "initrd"}
    links = {
        k: {"path": f"s3://boot-images/{ID}/{name}", "type": "s3"} for k, name in kinds.items()
    }
    artifacts = [{"type": kind, "link": link} for kind, link in links.items()]
    place_manifest(csm16, ID, {"version": "1.0", "artifacts": artifacts})
    assert f"Can't find kernel in {PATH}. Error: KeyError: 'etag'" in await verdict(csm16)


async def test_wants_boot_sets_in_a_patch_in_1_6_only(csm16: Lab, csm17: Lab) -> None:
    """BOS 2.30: required; BOS 2.44 on: optional."""
    for lab, status in ((csm16, 400), (csm17, 200)):
        await put(lab)
        answer = await lab.call("PATCH", f"{TEMPLATES}/t", {"description": "d"})
        assert answer.status_code == status


async def test_answers_404_for_an_unknown_template(csm16: Lab) -> None:
    """BOS 2.30: reading, deleting, validating."""
    for method, path in (
        ("GET", f"{TEMPLATES}/t"),
        ("DELETE", f"{TEMPLATES}/t"),
        ("GET", f"{BOS}/sessiontemplatesvalid/t"),
        ("GET", "/apis/bos/v1/sessiontemplate"),
    ):
        assert (await csm16.call(method, path)).status_code == 404


async def test_keeps_templates_of_tenants_apart(csm16: Lab) -> None:
    """BOS 2.30: one name for each; the administrator's list shows all, GET only its own."""
    csm16.site.state.tenants.put("blue", {})
    await put(csm16, etag="admin")
    assert (await put(csm16, etag="blue", tenant="blue"))["tenant"] == "blue"
    listed = await csm16.json("GET", TEMPLATES)
    assert {(t["name"], t["tenant"]) for t in listed} == {("t", None), ("t", "blue")}
    mine = await csm16.json("GET", f"{TEMPLATES}/t")
    theirs = await csm16.json("GET", f"{TEMPLATES}/t", tenant="blue")
    assert (mine["tenant"], theirs["tenant"]) == (None, "blue")
    assert (await csm16.call("GET", f"{TEMPLATES}/t", tenant="red")).status_code == 404
    assert (await csm16.call("DELETE", f"{TEMPLATES}/t", tenant="blue")).status_code == 204
    assert len(await csm16.json("GET", TEMPLATES)) == 1


async def test_asks_for_tenants_only_when_writing(csm16: Lab) -> None:
    """BOS 2.30: PUT for an unknown tenant 400, its list is empty."""
    answer = await csm16.call("PUT", f"{TEMPLATES}/t", template(), tenant="green")
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid tenant")
    assert await csm16.json("GET", TEMPLATES, tenant="green") == []


async def test_refuses_bodies_as_connexion_does(csm16: Lab) -> None:
    """BOS 2.30: no JSON 400, none at all 400, another content type 415."""
    for body in (b"{", b"\xff", b""):
        assert (await csm16.call("PUT", f"{TEMPLATES}/t", body)).status_code == 400
    headers = {"authorization": f"Bearer {csm16.token}", "content-type": "text/plain"}
    answer = await csm16.client.put(f"{TEMPLATES}/t", content=b"x", headers=headers)
    assert answer.status_code == 415
    assert (await csm16.call("POST", f"{TEMPLATES}/t", {})).status_code == 405


async def test_creates_sessions_of_valid_templates(csm16: Lab) -> None:
    """BOS 2.30: 201, duplicate 409; unknown or invalid template 400 with the verdict's words."""
    body = {"template_name": "t", "operation": "boot", "name": "s"}
    assert (await csm16.call("POST", f"{BOS}/sessions", body)).status_code == 400
    await put(csm16)
    answer = await csm16.call("POST", f"{BOS}/sessions", body)
    assert (answer.status_code, detail(answer)) == (400, await verdict(csm16))
    shutdown = body | {"operation": "shutdown", "name": "off"}
    assert (await csm16.call("POST", f"{BOS}/sessions", shutdown)).status_code == 201
    add_image(csm16)
    answer = await csm16.call("POST", f"{BOS}/sessions", body)
    assert answer.status_code == 201
    assert answer.json() == await csm16.json("GET", f"{BOS}/sessions/s")
    assert answer.json()["status"]["status"] == "pending"
    assert (await csm16.call("POST", f"{BOS}/sessions", body)).status_code == 409
    listed = await csm16.json("GET", f"{BOS}/sessions", status="pending")
    assert {session["name"] for session in listed} == {"off", "s"}


async def test_can_want_a_limit_for_sessions(csm16: Lab) -> None:
    """BOS 2.30: session_limit_required."""
    add_image(csm16)
    await put(csm16)
    await csm16.json("PATCH", f"{BOS}/options", {"session_limit_required": True})
    body = {"template_name": "t", "operation": "boot"}
    assert (await csm16.call("POST", f"{BOS}/sessions", body)).status_code == 400
    limited = await csm16.json("POST", f"{BOS}/sessions", body | {"limit": "x1"})
    assert limited["limit"] == "x1"


async def test_reckons_the_status_of_a_session(csm16: Lab) -> None:
    """BOS 2.30: percentages over its components."""
    add_image(csm16)
    await put(csm16)
    body = {"template_name": "t", "operation": "boot", "name": "s"}
    csm16.site.pace.times = 0.1  # so slow that nothing happens by itself
    await csm16.json("POST", f"{BOS}/sessions", body)
    for xname, status, error in (("x1", "stable", ""), ("x2", "failed", "too late")):
        csm16.site.state.bos_components.put(
            xname, {"id": xname, "session": "s", "status": {"status": status}, "error": error}
        )
    csm16.clock.now_s += 61
    status = await csm16.json("GET", f"{BOS}/sessions/s/status")
    assert status["managed_components_count"] == 2
    assert (status["percent_successful"], status["percent_failed"]) == (50, 50)
    assert status["error_summary"] == {"too late": {"count": 1, "list": "x2"}}
    assert status["timing"]["duration"] == "0:01:01"
    assert (await csm16.call("DELETE", f"{BOS}/sessions/s")).status_code == 204


async def test_keeps_components(csm17: Lab) -> None:
    """BOS 2.50: filtered, patched in depth, in pages."""
    base = f"{BOS}/components"
    for number in (1, 2, 3):
        body = {"enabled": number > 1, "status": {"phase": "", "status": "stable"}}
        await csm17.json("PUT", f"{base}/x{number}", body)
    enabled = await csm17.json("GET", base, enabled="true", page_size=1)
    assert [c["id"] for c in enabled] == ["x2"]
    rest = await csm17.json("GET", base, enabled="true", page_size=1, start_after_id="x2")
    assert [c["id"] for c in rest] == ["x3"]
    patch = {"patch": {"status": {"phase": "powering_on"}}, "filters": {"ids": "x1"}}
    (changed,) = await csm17.json("PATCH", base, patch)
    assert changed["status"] == {"phase": "powering_on", "status": "stable"}
    assert (await csm17.call("GET", f"{base}/x9")).status_code == 404


async def test_has_the_options_of_its_release(csm15: Lab, csm17: Lab) -> None:
    """BOS 2.10 and 2.50: disable_components_on_completion went, reject_nids came."""
    old = await csm15.json("GET", f"{BOS}/options")
    new = await csm17.json("GET", f"{BOS}/options")
    assert "disable_components_on_completion" in old.keys() - new.keys()
    assert {"reject_nids", "bss_read_timeout"} <= new.keys() - old.keys()
    answer = await csm17.call("PATCH", f"{BOS}/options", {"cfs_read_timeout": 1})
    assert detail(answer) == "1 is less than the minimum of 10 - 'cfs_read_timeout'"


async def test_tells_version_and_health(csm16: Lab) -> None:
    """BOS 2.30: version as strings."""
    version = await csm16.json("GET", f"{BOS}/version")
    assert (version["major"], version["minor"], version["patch"]) == ("2", "30", "5")
    assert await csm16.json("GET", "/apis/bos/") == [version]
    assert await csm16.json("GET", f"{BOS}/healthz") == {"dbStatus": "ok", "apiStatus": "ok"}
