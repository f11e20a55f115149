# SPDX-License-Identifier: Apache-2.0
"""BOS: templates that are accepted back, tenants, and the one word that means valid."""

from __future__ import annotations

import json

import httpx2
import pytest

from csm.fakes import FakeSite, ok, problem
from poya.csm import Site, template_body
from poya.csm.bos import Validation
from poya.documents import Document, JsonObject
from poya.errors import BadAnswer, NotFound, RequestRefused

TEMPLATES = "/apis/bos/v2/sessiontemplates"
SERVED: JsonObject = {
    "name": "blue",
    "tenant": None,
    "enable_cfs": True,
    "cfs": {"configuration": "blue-config"},
    "links": [{"rel": "self", "href": "/v2/sessiontemplates/blue"}],
    "boot_sets": {
        "compute": {
            "name": "compute",
            "path": "s3://boot-images/1/manifest.json",
            "etag": "e",
            "type": "s3",
            "arch": "X86",
            "node_groups": ["blue"],
            "rootfs_provider": "sbps",
            "cfs": None,
            "new_in_bos_9": {"kept": True},
        }
    },
}


def accepts_as_bos_does(request: httpx2.Request) -> httpx2.Response:
    body = json.loads(request.content)
    for name in ("name", "tenant", "links"):
        if name in body:
            return problem(400, f"Property is read-only - '{name}'")
    for boot_set in body["boot_sets"].values():
        if None in boot_set.values():
            return problem(400, "None is not of type 'object' - 'boot_sets.compute.cfs'")
    tenant = request.headers.get("Cray-Tenant-Name", "")
    return ok({**body, "name": request.url.path.rpartition("/")[2], "tenant": tenant})


async def test_what_bos_served_it_accepts_back(fake: FakeSite, site: Site) -> None:
    fake.on("GET", f"{TEMPLATES}/blue", ok(SERVED))
    fake.on("PUT", f"{TEMPLATES}/green", accepts_as_bos_does)
    blue = await site.bos.templates.get("blue")
    assert blue.boot_sets is not None
    assert blue.boot_sets["compute"].node_groups == ("blue",)
    green = await site.bos.templates.put(
        "green", template_body(blue.document), tenant="vcluster-blue"
    )
    assert (green.name, green.tenant) == ("green", "vcluster-blue")
    sent = fake.body()["boot_sets"]["compute"]
    assert sent["new_in_bos_9"] == {"kept": True}
    assert "name" not in sent


def test_making_a_body_changes_nothing_of_the_document() -> None:
    document = Document.of(SERVED)
    template_body(document)
    assert document == Document.of(SERVED)


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [("Valid", True), ("valid", False), ("Valid.", False), (" Valid", False), ("", False)],
)
async def test_valid_is_exactly_one_word(
    fake: FakeSite, site: Site, text: str, *, is_valid: bool
) -> None:
    fake.on("GET", "/apis/bos/v2/sessiontemplatesvalid/blue", ok(text))
    validation = await site.bos.templates.validate("blue")
    assert validation == Validation(text)
    assert validation.is_valid is is_valid


async def test_a_validation_that_is_no_text_is_a_bad_answer(fake: FakeSite, site: Site) -> None:
    fake.on("GET", "/apis/bos/v2/sessiontemplatesvalid/blue", ok({"status": "Valid"}))
    with pytest.raises(BadAnswer):
        await site.bos.templates.validate("blue")


async def test_one_name_in_two_tenants_is_two_templates(fake: FakeSite, site: Site) -> None:
    rows = [{"name": "blue", "tenant": ""}, {"name": "blue", "tenant": "vcluster-blue"}]
    fake.on("GET", TEMPLATES, ok(rows))
    found = await site.bos.templates.list()
    assert {(one.name, one.tenant) for one in found} == {("blue", ""), ("blue", "vcluster-blue")}


async def test_a_tenants_template_is_asked_for_as_that_tenant(fake: FakeSite, site: Site) -> None:
    def by_tenant(request: httpx2.Request) -> httpx2.Response:
        is_theirs = request.headers.get("Cray-Tenant-Name") == "vcluster-blue"
        return ok(SERVED) if is_theirs else problem(404, "not found")

    fake.on("GET", f"{TEMPLATES}/blue", by_tenant)
    fake.on("DELETE", f"{TEMPLATES}/blue", httpx2.Response(204))
    with pytest.raises(NotFound):
        await site.bos.templates.get("blue")
    await site.bos.templates.get("blue", tenant="vcluster-blue")
    await site.bos.templates.delete("blue", tenant="vcluster-blue")
    assert fake.requests[-1].headers["Cray-Tenant-Name"] == "vcluster-blue"


async def test_a_session_is_started_once_and_followed(fake: FakeSite, site: Site) -> None:
    row = {"name": "s", "operation": "boot", "status": {"status": "running", "error": None}}
    fake.on("POST", "/apis/bos/v2/sessions", ok(row, 201), problem(409, "exists"))
    fake.on("GET", "/apis/bos/v2/sessions", ok([row]))
    fake.on("GET", "/apis/bos/v2/sessions/s", ok(row))
    fake.on("GET", "/apis/bos/v2/sessions/s/status", ok({"percent_successful": 50.0}))
    fake.on("DELETE", "/apis/bos/v2/sessions/s", httpx2.Response(204))
    body: JsonObject = {"name": "s", "template_name": "blue", "operation": "boot"}
    started = await site.bos.sessions.create(body)
    assert started == await site.bos.sessions.get("s")
    assert await site.bos.sessions.list() == (started,)
    assert (await site.bos.sessions.status("s")).percent_successful == 50.0
    with pytest.raises(RequestRefused, match="409"):
        await site.bos.sessions.create(body)
    await site.bos.sessions.delete("s")


async def test_components_and_options_are_read(fake: FakeSite, site: Site) -> None:
    row = {"id": "x1", "enabled": True, "status": {"phase": "powering_on", "status": "p"}}
    fake.on("GET", "/apis/bos/v2/components", ok([row]))
    fake.on("GET", "/apis/bos/v2/components/x1", ok(row))
    fake.on("GET", "/apis/bos/v2/options", ok({"ims_images_must_exist": True}))
    assert await site.bos.components.list(session="s") == (await site.bos.components.get("x1"),)
    assert fake.asked()[0] == "GET /apis/bos/v2/components?session=s"
    assert (await site.bos.options()).value == {"ims_images_must_exist": True}
