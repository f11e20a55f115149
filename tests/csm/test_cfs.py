# SPDX-License-Identifier: Apache-2.0
"""CFS: one spelling over two APIs, pages that end, bodies that are accepted back."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csm.fakes import FakeSite, ok, problem
from poya.csm import ListTooLong, Secret, Site, configuration_body
from poya.csm.cfs.records import to_v2, to_v3
from poya.documents import Document, JsonObject
from poya.errors import BadAnswer, RequestRefused, UsageError

V2, V3 = "/apis/cfs/v2", "/apis/cfs/v3"
COMMIT = "4" * 40
SERVED_V3: JsonObject = {
    "name": "blue",
    "last_updated": "2024-05-06T11:22:33Z",
    "description": "first",
    "layers": [
        {
            "name": "l1",
            "clone_url": "https://api-gw-service-nmn.local/vcs/cray/x.git",
            "playbook": "site.yml",
            "branch": "main",
            "commit": COMMIT,
            "source": None,
            "special_parameters": {"ims_require_dkms": True},
        }
    ],
    "additional_inventory": {"clone_url": "https://x/y.git", "branch": "b", "commit": COMMIT},
}
SERVED_V2: JsonObject = {
    "name": "blue",
    "lastUpdated": "2024-05-06T11:22:33Z",
    "layers": [
        {
            "name": "l1",
            "cloneUrl": "https://api-gw-service-nmn.local/vcs/cray/x.git",
            "playbook": "site.yml",
            "commit": COMMIT,
            "specialParameters": {"imsRequireDkms": True},
        }
    ],
}


def accepts_as_cfs_does(request: httpx2.Request) -> httpx2.Response:
    """What CFS 1.31 refuses in a configuration, of what a copier gets wrong."""
    body = json.loads(request.content)
    for name in ("name", "last_updated", "lastUpdated"):
        if name in body:
            return problem(400, f"Property is read-only - '{name}'")
    for layer in [*body["layers"], body.get("additional_inventory") or {}]:
        if "branch" in layer and "commit" in layer:
            return problem(400, "Only branch or commit should be specified for each layer")
        if None in layer.values():
            return problem(400, "None is not of type 'string'")
    name = request.url.path.rpartition("/")[2]
    return ok({**body, "name": name, "last_updated": "now", "lastUpdated": "now"})


async def test_v3_is_read_in_its_own_spelling(fake: FakeSite, site: Site) -> None:
    fake.on("GET", f"{V3}/configurations/blue", ok(SERVED_V3))
    blue = await site.cfs.configurations.get("blue")
    assert blue.layers[0].clone_url == "https://api-gw-service-nmn.local/vcs/cray/x.git"
    assert blue.layers[0].special_parameters == {"ims_require_dkms": True}
    assert blue.additional_inventory is not None
    assert blue.v3_document is blue.document
    assert blue.document.value == SERVED_V3


async def test_v2_is_told_in_the_v3_spelling_and_kept_as_served(
    fake: FakeSite, site: Site
) -> None:
    fake.release(cfs="1.12.10")
    fake.on("GET", f"{V2}/configurations/blue", ok(SERVED_V2))
    blue = await site.cfs.configurations.get("blue")
    assert blue.document.value == SERVED_V2
    assert json.loads(blue.raw) == SERVED_V2
    assert blue.last_updated == "2024-05-06T11:22:33Z"
    assert blue.layers[0].clone_url == "https://api-gw-service-nmn.local/vcs/cray/x.git"
    assert blue.v3_document.value["layers"] == [
        {
            "name": "l1",
            "clone_url": "https://api-gw-service-nmn.local/vcs/cray/x.git",
            "playbook": "site.yml",
            "commit": COMMIT,
            "special_parameters": {"ims_require_dkms": True},
        }
    ]


@pytest.mark.parametrize(
    ("cfs", "served", "base"),
    [("1.31.1", SERVED_V3, V3), ("1.12.10", SERVED_V2, V2), ("1.11.2", SERVED_V2, V2)],
)
async def test_what_cfs_served_it_accepts_back(
    fake: FakeSite, site: Site, cfs: str, served: JsonObject, base: str
) -> None:
    fake.release(cfs=cfs)
    fake.on("GET", f"{base}/configurations/blue", ok(served))
    fake.on("PUT", f"{base}/configurations/green", accepts_as_cfs_does)
    blue = await site.cfs.configurations.get("blue")
    green = await site.cfs.configurations.put("green", configuration_body(blue.document))
    assert green.name == "green"
    assert green.layers[0].commit == COMMIT
    sent = fake.body()["layers"][0]
    assert ("cloneUrl" in sent) is (base == V2)


def test_a_layer_by_branch_alone_keeps_its_branch() -> None:
    served: JsonObject = {"layers": [{"clone_url": "u", "branch": "main", "commit": None}]}
    assert configuration_body(Document.of(served)) == {
        "layers": [{"clone_url": "u", "branch": "main"}]
    }


def test_making_a_body_changes_nothing_of_the_document() -> None:
    document = Document.of(SERVED_V3)
    configuration_body(document)
    assert document == Document.of(SERVED_V3)


keys = st.sampled_from(
    ["clone_url", "special_parameters", "ims_require_dkms", "tags", "layers", "name", "new_in_1_9"]
)
nested = st.recursive(
    st.text(max_size=5) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(keys, nested, max_size=5))
def test_spelling_there_and_back_changes_nothing(value: JsonObject) -> None:
    assert to_v3(to_v2(value)) == value
    assert to_v3(value) == value


def test_tags_keep_the_users_keys() -> None:
    assert to_v3({"tags": {"cloneUrl": "mine"}}) == {"tags": {"cloneUrl": "mine"}}


def pages(*rows: list[str], wanted_next: list[Any]) -> list[httpx2.Response]:
    return [
        ok({"configurations": [{"name": name, "layers": []} for name in names], "next": after})
        for names, after in zip(rows, wanted_next, strict=True)
    ]


async def test_every_page_is_followed_without_its_nulls(fake: FakeSite, site: Site) -> None:
    after_b = {"after_id": "b", "in_use": None, "limit": 2}
    answers = pages(["a", "b"], ["c"], wanted_next=[after_b, None])
    fake.on("GET", f"{V3}/configurations", *answers)
    found = await site.cfs.configurations.list()
    assert [one.name for one in found] == ["a", "b", "c"]
    assert fake.asked()[-1] == f"GET {V3}/configurations?after_id=b&limit=2"


async def test_pages_that_go_round_are_a_bad_answer(fake: FakeSite, site: Site) -> None:
    after_a, after_b = {"after_id": "a", "limit": 1}, {"after_id": "b", "limit": 1}
    answers = pages(["a"], ["b"], ["a"], wanted_next=[after_a, after_b, after_a])
    fake.on("GET", f"{V3}/configurations", *answers)
    with pytest.raises(BadAnswer, match="configurations at gele"):
        await site.cfs.configurations.list()
    assert len(fake.requests) < 8


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"configurations": None, "next": None},
        {"configurations": [], "next": "b"},
        [],
        {"configurations": [{"name": "a", "layers": None}], "next": None},
    ],
)
async def test_what_is_no_page_is_a_bad_answer(fake: FakeSite, site: Site, page: Any) -> None:
    fake.on("GET", f"{V3}/configurations", ok(page))
    with pytest.raises(BadAnswer):
        await site.cfs.configurations.list()


async def test_a_v2_list_that_is_too_long_has_its_own_error(fake: FakeSite, site: Site) -> None:
    fake.release(cfs="1.12.10")
    fake.on("GET", f"{V2}/configurations", problem(400, "The response size is too large"))
    with pytest.raises(ListTooLong, match="more configurations"):
        await site.cfs.configurations.list()


async def test_another_400_to_a_v2_list_stays_what_it_is(fake: FakeSite, site: Site) -> None:
    fake.release(cfs="1.12.10")
    fake.on("GET", f"{V2}/configurations", problem(400, "no"))
    with pytest.raises(RequestRefused) as caught:
        await site.cfs.configurations.list()
    assert type(caught.value) is RequestRefused


async def test_the_tenant_goes_with_the_call(fake: FakeSite, site: Site) -> None:
    fake.on("GET", f"{V3}/configurations/blue", ok(SERVED_V3))
    await site.cfs.configurations.get("blue", tenant="vcluster-blue")
    assert fake.requests[-1].headers["Cray-Tenant-Name"] == "vcluster-blue"


async def test_a_configuration_in_use_is_found_by_asking_the_components(
    fake: FakeSite, site: Site
) -> None:
    rows = [
        {"id": "x1", "desired_config": "blue", "enabled": False, "state": [], "tags": {}},
        {"id": "x2", "desired_config": "", "enabled": True, "state": [], "tags": {}},
    ]
    fake.on("GET", f"{V3}/components", ok({"components": rows, "next": None}))
    assert [one.id for one in await site.cfs.components.desiring("blue")] == ["x1"]


async def test_a_component_is_changed_in_the_sites_spelling(fake: FakeSite, site: Site) -> None:
    fake.release(cfs="1.12.10")
    row = {"id": "x1", "desiredConfig": "blue", "errorCount": 0, "configurationStatus": "pending"}
    fake.on("PATCH", f"{V2}/components/x1", ok(row))
    changed = await site.cfs.components.update("x1", {"desired_config": "blue"})
    assert fake.body() == {"desiredConfig": "blue"}
    assert (changed.desired_config, changed.configuration_status) == ("blue", "pending")


async def test_sessions_tell_how_far_they_are(fake: FakeSite, site: Site) -> None:
    row = {
        "name": "s1",
        "status": {
            "artifacts": [{"image_id": "a", "result_id": "b", "type": "t"}],
            "session": {"status": "complete", "succeeded": "true", "startTime": "t0"},
        },
    }
    fake.release(cfs="1.12.10")
    fake.on("GET", f"{V2}/sessions/s1", ok(row))
    found = await site.cfs.sessions.get("s1")
    assert found.status.session.succeeded == "true"
    assert found.status.session.start_time == "t0"
    assert found.status.artifacts is not None
    assert found.status.artifacts[0].result_id == "b"


async def test_a_source_is_created_with_its_login_which_no_error_shows(
    fake: FakeSite, site: Site
) -> None:
    fake.on("POST", f"{V3}/sources", problem(400, "'hunter22' is too short"))
    with pytest.raises(RequestRefused) as caught:
        await site.cfs.sources.create(
            {"name": "g", "clone_url": "u"}, username="me", password=Secret.of("hunter22")
        )
    assert caught.value.detail == "'***' is too short"
    assert fake.body()["credentials"]["password"] == "hunter22"


async def test_a_cfs_without_v3_has_no_sources(fake: FakeSite, site: Site) -> None:
    fake.release(cfs="1.12.10")
    assert await site.cfs.sources.list() == ()
    with pytest.raises(UsageError):
        await site.cfs.sources.get("g")


async def test_the_dialect_is_asked_once(fake: FakeSite, site: Site) -> None:
    fake.on("GET", f"{V3}/configurations/blue", ok(SERVED_V3))
    await site.cfs.configurations.get("blue")
    await site.cfs.configurations.get("blue")
    assert fake.asked().count(f"GET {V3}") == 1


async def test_a_cfs_that_is_not_there_is_no_old_cfs(fake: FakeSite) -> None:
    fake.routes.clear()
    async with fake.open() as site:
        with pytest.raises(BadAnswer):
            await site.cfs.dialect()


async def test_a_refused_probe_is_no_old_cfs(fake: FakeSite, site: Site) -> None:
    fake.on("GET", V3, httpx2.Response(500), ok({"major": "1", "minor": "31", "patch": "1"}))
    with pytest.raises(Exception, match="500"):
        await site.cfs.dialect()
    assert (await site.cfs.dialect()).api == "v3"
