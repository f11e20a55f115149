# SPDX-License-Identifier: Apache-2.0
"""CFS configurations, components, sources, sessions and options as the lab emulates them."""

from __future__ import annotations

from typing import Any

import pytest

from lab.services.fakes import Lab, detail

CFS = "/apis/cfs"
V3 = f"{CFS}/v3/configurations"
V2 = f"{CFS}/v2/configurations"
URL = "https://api-gw-service-nmn.local/vcs/cray/example.git"
SHA = "43ecfa8236bed625b54325ebb70916f599b5b3a4"
LAYER = {"name": "l", "clone_url": URL, "playbook": "site.yml", "commit": SHA}


def layer(**change: Any) -> dict[str, Any]:
    return {k: v for k, v in {**LAYER, **change}.items() if v is not None}


async def put(lab: Lab, name: str, *layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"layers": list(layers), **more}
    stored: dict[str, Any] = await lab.json("PUT", f"{V3}/{name}", body)
    return stored


@pytest.mark.parametrize("version", ["v2", "v3"])
async def test_refuses_its_own_answers_as_read_only(csm16: Lab, version: str) -> None:
    """CFS 1.20: what GET answers cannot be PUT: name and the time are read-only."""
    await put(csm16, "blue", layer())
    path = f"{CFS}/{version}/configurations/blue"
    answer = await csm16.call("PUT", path, await csm16.json("GET", path))
    assert (answer.status_code, detail(answer)) == (400, "Property is read-only - 'name'")


async def test_refuses_branch_and_commit_which_it_answers_itself(csm16: Lab) -> None:
    """CFS 1.20: a branch comes back with its commit; both are a 400 on PUT, in either version."""
    csm16.git.heads[URL, "main"] = SHA
    stored = await put(csm16, "blue", layer(commit=None, branch="main"))
    assert (stored["layers"][0]["branch"], stored["layers"][0]["commit"]) == ("main", SHA)
    answer = await csm16.call("PUT", f"{V3}/blue", {"layers": stored["layers"]})
    assert (answer.status_code, "not both" in detail(answer)) == (400, True)
    old = {"cloneUrl": URL, "branch": "main", "commit": SHA}
    assert (await csm16.call("PUT", f"{V2}/blue", {"layers": [old]})).status_code == 400


async def test_drops_branches_after_refusing_both(csm16: Lab) -> None:
    """CFS 1.20: drop_branches forgets the branch, but does not excuse giving both."""
    csm16.git.heads[URL, "main"] = SHA
    path = f"{V3}/blue?drop_branches=true"
    stored = await csm16.json("PUT", path, {"layers": [layer(commit=None, branch="main")]})
    assert stored["layers"][0] == layer()
    both = {"layers": [layer(branch="main")]}
    assert (await csm16.call("PUT", path, both)).status_code == 400


async def test_clones_to_resolve_a_branch(csm16: Lab) -> None:
    """CFS 1.20: 400 if git cannot; a commit is never looked up."""
    answer = await csm16.call("PUT", f"{V3}/blue", {"layers": [layer(commit=None, branch="gone")]})
    assert answer.status_code == 400
    assert answer.json()["title"] == "Error converting branch name to commit"
    await put(csm16, "blue", layer(clone_url="https://nowhere/x.git"))


async def test_resolves_branches_again_on_patch(csm16: Lab) -> None:
    """CFS 1.20: PATCH without a body."""
    csm16.git.heads[URL, "main"] = SHA
    await put(csm16, "blue", layer(commit=None, branch="main"))
    csm16.git.heads[URL, "main"] = "f" * 40
    patched = await csm16.json("PATCH", f"{V3}/blue")
    assert patched["layers"][0]["commit"] == "f" * 40


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"commit": "HEAD"}, "does not match"),
        ({"commit": SHA.upper()}, "does not match"),
        ({"playbook": None}, "'playbook' is a required property - 'layers.0'"),
        ({"clone_url": None}, "Either source or clone_url"),
        ({"source": "s"}, "Only source or clone_url"),
        ({"clone_url": None, "source": "s"}, "The source s does not exist."),
        ({"name": "n" * 46}, "is too long"),
        ({"size": 1}, "('size' was unexpected)"),
        ({"playbook": "a b"}, "does not match"),
    ],
)
async def test_refuses_wrong_layers(csm16: Lab, change: dict[str, Any], words: str) -> None:
    """CFS 1.20: 400 for each."""
    answer = await csm16.call("PUT", f"{V3}/blue", {"layers": [layer(**change)]})
    assert (answer.status_code, words in detail(answer)) == (400, True), answer.text


async def test_takes_odd_but_harmless_configurations(csm16: Lab) -> None:
    """CFS 1.20: no layers in the list, neither branch nor commit, spaces and capitals in names."""
    await put(csm16, "A b", layer(commit=None))
    assert (await put(csm16, "empty"))["layers"] == []
    await put(csm16, "many", *[layer(playbook=f"{n}.yml") for n in range(60)])


async def test_refuses_long_names_in_v3_only(csm16: Lab) -> None:
    """CFS 1.20: 60 characters; v2 takes more."""
    name = "n" * 61
    assert (await csm16.call("PUT", f"{V3}/{name}", {"layers": []})).status_code == 400
    assert (await csm16.call("PUT", f"{V2}/{name}", {"layers": []})).status_code == 200


@pytest.mark.parametrize("path", [V2, V3])
async def test_crashes_without_layers(csm16: Lab, path: str) -> None:
    """CFS 1.20: 500."""
    assert (await csm16.call("PUT", f"{path}/blue", {"description": "d"})).status_code == 500


async def test_refuses_two_layers_of_one_playbook_and_repository(csm16: Lab) -> None:
    """CFS 1.20: 400 even with different commits."""
    body = {"layers": [layer(), layer(commit="0" * 40, name="m")]}
    answer = await csm16.call("PUT", f"{V3}/blue", body)
    assert answer.json()["title"] == "Error with conflicting layers"


async def test_overwrites_in_silence(csm16: Lab) -> None:
    """CFS 1.20: 200, and what the new body lacks is gone."""
    await put(csm16, "blue", layer(), description="d")
    await put(csm16, "blue")
    stored = await csm16.json("GET", f"{V3}/blue")
    assert stored == {"name": "blue", "last_updated": "2023-11-14T22:13:20Z", "layers": []}


async def test_shows_one_store_in_two_spellings(csm16: Lab) -> None:
    """CFS 1.20: camelCase in v2, additional_inventory spelt the same in both."""
    special = {"ims_require_dkms": True}
    inventory = {"clone_url": URL, "commit": SHA}
    await put(csm16, "blue", layer(special_parameters=special), additional_inventory=inventory)
    old = await csm16.json("GET", f"{V2}/blue")
    assert old == {
        "name": "blue",
        "lastUpdated": "2023-11-14T22:13:20Z",
        "layers": [
            {
                "name": "l",
                "cloneUrl": URL,
                "playbook": "site.yml",
                "commit": SHA,
                "specialParameters": {"imsRequireDkms": True},
            }
        ],
        "additional_inventory": {"cloneUrl": URL, "commit": SHA},
    }
    body = {k: old[k] for k in ("layers", "additional_inventory")}
    await csm16.json("PUT", f"{V2}/red", body)
    red = await csm16.json("GET", f"{V3}/red")
    assert red["layers"] == [layer(special_parameters=special)]
    assert red["additional_inventory"] == inventory


async def test_drops_sources_in_v2(csm16: Lab) -> None:
    """CFS 1.20: a layer from a source has no cloneUrl in v2."""
    await add_source(csm16, "ext")
    await put(csm16, "blue", layer(clone_url=None, source="ext"))
    (only,) = (await csm16.json("GET", f"{V2}/blue"))["layers"]
    assert "source" not in only
    assert "cloneUrl" not in only


async def test_requires_a_url_for_inventory_until_1_7(csm16: Lab, csm17: Lab) -> None:
    """CFS 1.20: additional_inventory must have clone_url; CFS 1.31: or a source."""
    for lab, status in ((csm16, 400), (csm17, 200)):
        await add_source(lab, "ext")
        body = {"layers": [], "additional_inventory": {"source": "ext", "commit": SHA}}
        assert (await lab.call("PUT", f"{V3}/blue", body)).status_code == status


async def test_has_only_v2_before_csm_1_5(csm14: Lab) -> None:
    """CFS 1.12: no v3, no sources, no special parameters; a playbook is optional."""
    assert (await csm14.call("GET", V3)).status_code == 404
    assert (await csm14.call("GET", f"{CFS}/v3/sources")).status_code == 404
    assert (await csm14.call("GET", f"{CFS}/versions")).status_code == 200
    await csm14.json("PUT", f"{V2}/blue", {"layers": [{"cloneUrl": URL}], "description": "d"})
    special = {"cloneUrl": URL, "specialParameters": {}}
    assert (await csm14.call("PUT", f"{V2}/red", {"layers": [special]})).status_code == 400


async def test_tells_its_version(csm15: Lab) -> None:
    """CFS 1.18: on four paths."""
    for path in ("/", "/versions", "/v2", "/v3"):
        assert await csm15.json("GET", CFS + path) == {"major": "1", "minor": "18", "patch": "7"}


async def test_pages_by_name(csm17: Lab) -> None:
    """CFS 1.31: next holds all parameters of the request that follows, unset ones as null."""
    for name in ("c", "a", "b"):
        await put(csm17, name)
    first = await csm17.json("GET", V3, limit=2)
    assert [c["name"] for c in first["configurations"]] == ["a", "b"]
    assert first["next"] == {"after_id": "b", "in_use": None, "limit": 2}
    rest = await csm17.json("GET", V3, limit=2, after_id="b")
    assert ([c["name"] for c in rest["configurations"]], rest["next"]) == (["c"], None)


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
async def test_refuses_odd_limits(csm17: Lab, limit: str) -> None:
    """CFS 1.31: 400."""
    assert (await csm17.call("GET", V3, limit=limit)).status_code == 400


async def test_ignores_unknown_parameters(csm17: Lab) -> None:
    """CFS 1.31: everything is answered."""
    await put(csm17, "blue")
    assert len((await csm17.json("GET", V3, name="red"))["configurations"]) == 1


async def test_refuses_long_lists_in_v2(csm17: Lab) -> None:
    """CFS 1.31: more than default_page_size is a 400; v3 pages."""
    await csm17.json("PATCH", f"{CFS}/v3/options", {"default_page_size": 2})
    for name in ("a", "b"):
        await put(csm17, name)
    assert len(await csm17.json("GET", V2)) == 2
    await put(csm17, "c")
    answer = await csm17.call("GET", V2)
    assert (answer.status_code, answer.json()["title"]) == (400, "The response size is too large")
    assert (await csm17.json("GET", V3))["next"] == {"after_id": "b", "in_use": None, "limit": 2}


async def use(lab: Lab, configuration: str, xname: str = "x1000c0s0b0n0", **more: Any) -> Any:
    body = {"state": [], "desired_config": configuration, "enabled": True, **more}
    return await lab.call("PUT", f"{CFS}/v3/components/{xname}", body)


async def test_never_finds_a_configuration_in_use(csm17: Lab) -> None:
    """CFS 1.31: in_use=true answers none, although DELETE knows better."""
    await put(csm17, "blue", layer())
    await use(csm17, "blue")
    assert (await csm17.json("GET", V3, in_use="true"))["configurations"] == []
    assert len((await csm17.json("GET", V3, in_use="false"))["configurations"]) == 1
    answer = await csm17.call("DELETE", f"{V3}/blue")
    assert (answer.status_code, answer.json()["title"]) == (400, "Configuration is in use.")


async def test_deletes_an_unused_configuration_once(csm17: Lab) -> None:
    """CFS 1.31: 204, then 404."""
    await put(csm17, "blue")
    statuses = [(await csm17.call("DELETE", f"{V3}/blue")).status_code for _ in range(2)]
    assert statuses == [204, 404]


async def test_crashes_on_a_component_without_state(csm17: Lab) -> None:
    """CFS 1.31: it is taken, then reading it and deleting any configuration are 500."""
    await put(csm17, "blue")
    path = f"{CFS}/v3/components/x1"
    assert (await csm17.call("PUT", path, {"desired_config": "other"})).status_code == 200
    for method, broken in (
        ("GET", path),
        ("GET", f"{CFS}/v3/components"),
        ("GET", f"{CFS}/v2/components/x1"),
        ("DELETE", f"{V3}/blue"),
    ):
        assert (await csm17.call(method, broken)).status_code == 500
    assert (await csm17.call("DELETE", path)).status_code == 204
    assert (await csm17.call("DELETE", f"{V3}/blue")).status_code == 204


async def test_judges_components(csm17: Lab) -> None:
    """CFS 1.31: unconfigured, pending, configured and failed; a dangling wish is accepted."""
    await put(csm17, "blue", layer())
    done = {"clone_url": URL, "playbook": "site.yml", "commit": SHA}

    async def status(configuration: str, **more: Any) -> str:
        await use(csm17, configuration, **more)
        component = await csm17.json("GET", f"{CFS}/v3/components/x1000c0s0b0n0")
        assert "state" not in component
        return str(component["configuration_status"])

    assert await status("nothing") == "unconfigured"
    assert await status("blue") == "pending"
    assert await status("blue", state=[{**done, "status": "applied"}]) == "configured"
    failed = [{**done, "status": "failed"}]
    assert await status("blue", state=failed, error_count=3, retry_policy=3) == "failed"


async def test_shows_failed_layers_in_the_commit_in_v2(csm17: Lab) -> None:
    """CFS 1.31: v3 has a status, v2 a suffix of the commit."""
    state = [{"clone_url": URL, "playbook": "p", "commit": SHA, "status": "failed"}]
    await use(csm17, "blue", state=state)
    old = await csm17.json("GET", f"{CFS}/v2/components/x1000c0s0b0n0")
    assert (old["desiredConfig"], old["state"][0]["commit"]) == ("blue", f"{SHA}_failed")


async def test_patches_many_components(csm17: Lab) -> None:
    """CFS 1.31: a list of patches, or one patch with filters; v3 answers ids."""
    for xname in ("x1", "x2"):
        await use(csm17, "blue", xname)
    base = f"{CFS}/v3/components"
    one = await csm17.json("PATCH", base, [{"id": "x1", "desired_config": "red"}])
    assert one == {"component_ids": ["x1"]}
    body = {"patch": {"enabled": False}, "filters": {"config_name": "blue"}}
    assert await csm17.json("PATCH", base, body) == {"component_ids": ["x2"]}
    disabled = await csm17.json("GET", base, enabled="false")
    assert [c["id"] for c in disabled["components"]] == ["x2"]
    assert (await csm17.call("PATCH", base, [{"id": "x9"}])).status_code == 404


async def add_source(lab: Lab, name: str, **more: Any) -> Any:
    credentials = {"username": "u", "password": "hush"}
    body = {"name": name, "clone_url": "https://git.example", "credentials": credentials, **more}
    return await lab.call("POST", f"{CFS}/v3/sources", body)


async def test_never_tells_a_password(csm17: Lab) -> None:
    """CFS 1.31: only the name of the secret comes back."""
    answer = await add_source(csm17, "ext")
    assert answer.status_code == 201
    assert answer.json()["credentials"].keys() == {"authentication_method", "secret_name"}
    listed = await csm17.call("GET", f"{CFS}/v3/sources")
    assert "hush" not in answer.text + listed.text


async def test_refuses_a_second_source_and_to_delete_a_used_one(csm17: Lab) -> None:
    """CFS 1.31: 409 and 400."""
    await add_source(csm17, "ext")
    assert (await add_source(csm17, "ext")).status_code == 409
    await put(csm17, "blue", layer(clone_url=None, source="ext"))
    assert (await csm17.call("DELETE", f"{CFS}/v3/sources/ext")).status_code == 400
    used = await csm17.json("GET", f"{CFS}/v3/sources", in_use="true")
    assert [source["name"] for source in used["sources"]] == ["ext"]


async def test_finds_sources_whose_names_are_urls(csm17: Lab) -> None:
    """CFS 1.31: escaped in the path; without a name, the URL is the name."""
    credentials = {"username": "u", "password": "p"}
    body = {"clone_url": "https://git.example/x.git", "credentials": credentials}
    await csm17.json("POST", f"{CFS}/v3/sources", body)
    path = f"{CFS}/v3/sources/https%3A%2F%2Fgit.example%2Fx.git"
    assert (await csm17.json("GET", path))["name"] == "https://git.example/x.git"
    assert (await csm17.call("DELETE", path)).status_code == 204


async def test_restores_sources_from_1_7(csm16: Lab, csm17: Lab) -> None:
    """CFS 1.31: POST with the secret's name; CFS 1.20 does not know it."""
    credentials = {"authentication_method": "password", "secret_name": "s"}
    body = {"clone_url": "https://git.example", "credentials": credentials}
    statuses = [
        (await lab.call("POST", f"{CFS}/v3/sources/ext", body)).status_code
        for lab in (csm16, csm17)
    ]
    assert statuses == [405, 201]


async def test_resolves_branches_of_sources(csm17: Lab) -> None:
    """CFS 1.31: from the source's URL."""
    await add_source(csm17, "ext")
    csm17.git.heads["https://git.example", "main"] = SHA
    stored = await put(
        csm17, "blue", layer(clone_url=None, commit=None, source="ext", branch="main")
    )
    assert stored["layers"][0]["commit"] == SHA


async def test_creates_sessions(csm17: Lab) -> None:
    """CFS 1.31: v3 201, v2 200; duplicate 409, unknown configuration and odd name 400."""
    await put(csm17, "blue")
    base = f"{CFS}/v3/sessions"
    body = {"name": "s1", "configuration_name": "blue"}
    answer = await csm17.call("POST", base, body)
    assert (answer.status_code, answer.json()["status"]["session"]["status"]) == (201, "pending")
    assert (await csm17.call("POST", base, body)).status_code == 409
    old = {"name": "s2", "configurationName": "blue"}
    assert (await csm17.call("POST", f"{CFS}/v2/sessions", old)).status_code == 200
    for wrong in (
        {"name": "S", "configuration_name": "blue"},
        body | {"name": "x", "configuration_name": "no"},
    ):
        assert (await csm17.call("POST", base, wrong)).status_code == 400
    assert [s["name"] for s in (await csm17.json("GET", base))["sessions"]] == ["s1", "s2"]


async def test_wants_groups_for_image_sessions(csm17: Lab) -> None:
    """CFS 1.31: image targets name IMS images by id."""
    await put(csm17, "blue")
    body: dict[str, Any] = {"name": "s", "configuration_name": "blue"}
    group = {"name": "Compute", "members": ["not-an-id"]}
    for target in ({"definition": "image"}, {"definition": "image", "groups": [group]}):
        answer = await csm17.call("POST", f"{CFS}/v3/sessions", body | {"target": target})
        assert answer.status_code == 400


async def test_keeps_options(csm17: Lab) -> None:
    """CFS 1.31: defaults, changed in one spelling and seen in the other."""
    changed = await csm17.json("PATCH", f"{CFS}/v3/options", {"batch_size": 7})
    assert (changed["batch_size"], changed["default_page_size"]) == (7, 1000)
    old = await csm17.json("GET", f"{CFS}/v2/options")
    assert (old["batchSize"], "defaultPageSize" in old) == (7, False)
    assert (await csm17.call("PATCH", f"{CFS}/v3/options", {"colour": 1})).status_code == 400


@pytest.fixture
def tenants(csm17: Lab) -> Lab:
    csm17.site.state.tenants.put("blue", {})
    csm17.site.state.tenants.put("red", {})
    return csm17


async def test_refuses_unknown_tenants(tenants: Lab) -> None:
    """CFS 1.31: 400 "Invalid tenant" for reading and writing."""
    for method, path in (("GET", V3), ("PUT", f"{V3}/a")):
        answer = await tenants.call(method, path, {"layers": []}, tenant="green")
        assert (answer.status_code, answer.json()["title"]) == (400, "Invalid tenant")


async def test_keeps_tenants_apart(tenants: Lab) -> None:
    """CFS 1.31: another tenant's configuration is a 403; v2 does not care."""
    stored = await tenants.json("PUT", f"{V3}/a", {"layers": []}, tenant="blue")
    assert stored["tenant_name"] == "blue"
    for method in ("GET", "PUT", "DELETE"):
        answer = await tenants.call(method, f"{V3}/a", {"layers": []}, tenant="red")
        assert answer.status_code == 403
    body = {"layers": [], "tenant_name": "red"}
    assert (await tenants.call("PUT", f"{V3}/b", body, tenant="blue")).status_code == 403
    assert (await tenants.json("GET", V3, tenant="red"))["configurations"] == []
    assert "tenantName" not in await tenants.json("GET", f"{V2}/a", tenant="red")


async def test_loses_the_tenant_when_the_administrator_overwrites(tenants: Lab) -> None:
    """CFS 1.31: PUT without tenant_name removes it; any name, even unknown, can be set."""
    await tenants.json("PUT", f"{V3}/a", {"layers": []}, tenant="blue")
    assert "tenant_name" not in await tenants.json("PUT", f"{V3}/a", {"layers": []})
    stored = await tenants.json("PUT", f"{V3}/a", {"layers": [], "tenant_name": "nobody"})
    assert stored["tenant_name"] == "nobody"


async def test_knows_no_tenants_before_1_7(csm16: Lab) -> None:
    """CFS 1.20: the header is ignored, the field refused."""
    await csm16.json("PUT", f"{V3}/a", {"layers": []}, tenant="green")
    body = {"layers": [], "tenant_name": "blue"}
    assert (await csm16.call("PUT", f"{V3}/a", body)).status_code == 400


async def test_is_bare_on_csm_1_3(csm13: Lab) -> None:
    """CFS 1.11: no /versions, and no description of configurations."""
    assert (await csm13.call("GET", f"{CFS}/versions")).status_code == 404
    body = {"layers": [], "description": "d"}
    assert (await csm13.call("PUT", f"{V2}/blue", body)).status_code == 400
    assert (await csm13.call("PUT", f"{V2}/blue", {"layers": []})).status_code == 200
