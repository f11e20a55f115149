# SPDX-License-Identifier: Apache-2.0
"""IMS: tags at creation on every release, links that can be set once, slow deletes."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from csm.fakes import FakeSite, ok, problem
from poya.csm import Image, Site
from poya.errors import NotFound, RequestRefused, UsageError, VerificationFailed

IMAGES = "/apis/ims/v3/images"


class FakeIms:
    """Images as IMS of a version stores them (its schemas, and what was seen of 3.33)."""

    def __init__(self, fake: FakeSite, version: str) -> None:
        self.version = tuple(int(part) for part in version.split("."))
        self.images: dict[str, dict[str, Any]] = {}
        fake.release(ims=version)
        fake.on("POST", IMAGES, self.create)
        fake.on("PATCH", f"{IMAGES}/[^/]+", self.patch)

    def create(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        known = {"name", "link"}
        if self.version >= (3, 9):
            known |= {"arch"}
        if self.version >= (3, 16):
            known |= {"metadata"}
        if unknown := body.keys() - known:
            errors = {key: ["Unknown field."] for key in unknown}
            return problem(422, "Validation failed", errors=errors)
        image = {"id": f"id-{len(self.images)}", "name": body["name"], "link": None}
        if self.version >= (3, 9):
            image["arch"] = body.get("arch", "x86_64")
        if self.version >= (3, 16):
            image["metadata"] = self.stored(body.get("metadata", {}))
        self.images[image["id"]] = image
        return ok(image, 201)

    def stored(self, metadata: dict[str, str]) -> dict[str, str]:
        if self.version >= (3, 24) and "key" in metadata:
            return {metadata["key"]: metadata.get("value", "")}
        return metadata

    def patch(self, request: httpx2.Request) -> httpx2.Response:
        image = self.images[request.url.path.rpartition("/")[2]]
        for field, change in json.loads(request.content).items():
            if field != "metadata":
                image[field] = change
            elif change["operation"] == "set":
                image["metadata"][change["key"]] = change["value"]
            else:
                image["metadata"].pop(change["key"], None)
        return ok(image)


TAGS = [
    {},
    {"poya-run": "m-17"},
    {"poya-run": "m-17", "migrated_from": "alps/1"},
    {"key": "k", "value": "v", "poya-run": "m-17"},
    {"key": "k"},
    {"value": "v"},
]


@pytest.mark.parametrize("version", ["3.16.0", "3.20.0", "3.23.0", "3.24.0", "3.33.0"])
@pytest.mark.parametrize("tags", TAGS)
async def test_tags_are_stored_whole_on_every_release(
    fake: FakeSite, site: Site, version: str, tags: dict[str, str]
) -> None:
    ims = FakeIms(fake, version)
    image = await site.ims.images.create("blue", metadata=tags)
    assert image.metadata == tags
    assert ims.images[image.id]["metadata"] == tags


async def test_tags_are_there_from_the_first_moment(fake: FakeSite, site: Site) -> None:
    FakeIms(fake, "3.33.0")
    await site.ims.images.create("blue", metadata={"poya-run": "m-17", "source": "1"})
    assert fake.writes() == [f"POST {IMAGES}"]
    assert fake.body()["metadata"] == {"poya-run": "m-17", "source": "1"}


async def test_an_ims_without_tags_gets_none_and_shows_it(fake: FakeSite, site: Site) -> None:
    FakeIms(fake, "3.15.0")
    image = await site.ims.images.create("blue", arch="aarch64", metadata={"poya-run": "m-17"})
    assert (image.arch, image.metadata) == ("aarch64", None)


async def test_an_ims_without_arch_is_sent_none(fake: FakeSite, site: Site) -> None:
    FakeIms(fake, "3.8.6")
    image = await site.ims.images.create("blue")
    assert image.arch is None
    assert fake.body() == {"name": "blue"}


async def test_an_ims_without_arch_is_sent_no_arm_image(fake: FakeSite, site: Site) -> None:
    FakeIms(fake, "3.8.6")
    with pytest.raises(UsageError, match="aarch64"):
        await site.ims.images.create("blue", arch="aarch64")
    assert fake.writes() == []


async def test_tags_that_get_lost_are_noticed(fake: FakeSite, site: Site) -> None:
    forgetful = {"id": "1", "name": "blue", "arch": "x86_64", "metadata": {}}
    fake.on("POST", IMAGES, ok(forgetful, 201))
    fake.on("PATCH", f"{IMAGES}/1", ok(forgetful))
    with pytest.raises(VerificationFailed, match="image 1"):
        await site.ims.images.create("blue", metadata={"poya-run": "m-17"})


async def test_an_arch_that_is_not_stored_is_noticed(fake: FakeSite, site: Site) -> None:
    fake.on("POST", IMAGES, ok({"id": "1", "name": "blue", "arch": "x86_64"}, 201))
    with pytest.raises(VerificationFailed):
        await site.ims.images.create("blue", arch="aarch64")


async def test_a_link_is_patched_as_ims_wants_it(fake: FakeSite, site: Site) -> None:
    FakeIms(fake, "3.33.0")
    image = await site.ims.images.create("blue")
    linked = await site.ims.images.set_link(image.id, path="s3://boot-images/1/m", etag="e1")
    assert fake.body() == {"link": {"path": "s3://boot-images/1/m", "etag": "e1", "type": "s3"}}
    assert linked.link is not None
    assert linked.link.etag == "e1"


async def test_another_link_is_refused_by_ims(fake: FakeSite, site: Site) -> None:
    fake.on("PATCH", f"{IMAGES}/1", problem(409, "link is already set"))
    with pytest.raises(RequestRefused) as caught:
        await site.ims.images.set_link("1", path="s3://boot-images/1/m", etag="e2")
    assert (caught.value.status, caught.value.detail) == (409, "link is already set")


async def test_a_link_without_an_etag_is_never_sent(fake: FakeSite, site: Site) -> None:
    with pytest.raises(UsageError):
        await site.ims.images.set_link("1", path="s3://boot-images/1/m", etag="")
    assert fake.requests == []


async def test_tags_are_set_and_removed_one_by_one(fake: FakeSite, site: Site) -> None:
    FakeIms(fake, "3.33.0")
    image = await site.ims.images.create("blue")
    image = await site.ims.images.set_metadata(image.id, "a", "1")
    assert image.metadata == {"a": "1"}
    image = await site.ims.images.remove_metadata(image.id, "a")
    assert image.metadata == {}
    assert fake.body() == {"metadata": {"operation": "remove", "key": "a"}}


async def test_deleted_images_can_be_listed_brought_back_and_purged(
    fake: FakeSite, site: Site
) -> None:
    deleted = {"id": "1", "name": "blue", "deleted": "2026-01-01T00:00:00", "arch": "x86_64"}
    fake.on("DELETE", f"{IMAGES}/1", httpx2.Response(204))
    fake.on("GET", "/apis/ims/v3/deleted/images", ok([deleted]))
    fake.on("PATCH", "/apis/ims/v3/deleted/images/1", httpx2.Response(204))
    fake.on("DELETE", "/apis/ims/v3/deleted/images/1", httpx2.Response(204))
    await site.ims.images.delete("1")
    (found,) = await site.ims.images.list_deleted()
    assert isinstance(found, Image)
    assert found.deleted == "2026-01-01T00:00:00"
    await site.ims.images.undelete("1")
    assert fake.body() == {"operation": "undelete"}
    await site.ims.images.purge("1")
    assert fake.writes()[-1] == "DELETE /apis/ims/v3/deleted/images/1"
    timeouts = {request.extensions["timeout"]["read"] for request in fake.requests[2:]}
    assert min(timeouts) >= 600  # the service copies gigabytes before it answers


async def test_a_deleted_image_that_is_not_there_is_not_found(fake: FakeSite, site: Site) -> None:
    fake.on("DELETE", f"{IMAGES}/1", problem(404, "gone"))
    with pytest.raises(NotFound):
        await site.ims.images.delete("1")


async def test_recipes_and_public_keys_are_listed(fake: FakeSite, site: Site) -> None:
    recipe = {"id": "r", "name": "cos", "recipe_type": "kiwi-ng", "linux_distribution": "sles15"}
    fake.on("GET", "/apis/ims/v3/recipes", ok([recipe]))
    fake.on("GET", "/apis/ims/v3/recipes/r", ok(recipe))
    fake.on("GET", "/apis/ims/v3/public-keys", ok([{"id": "k", "name": "me", "public_key": "x"}]))
    (found,) = await site.ims.recipes.list()
    assert found == await site.ims.recipes.get("r")
    (key,) = await site.ims.public_keys.list()
    assert key.public_key == "x"
