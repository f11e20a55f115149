# SPDX-License-Identifier: Apache-2.0
"""IMS as the lab emulates it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.services.fakes import (
    BIG_BYTES,
    KERNEL,
    ROOTFS,
    Lab,
    detail,
    place_image,
    place_manifest,
)

IMAGES = "/apis/ims/v3/images"
DELETED = "/apis/ims/v3/deleted/images"


async def create(lab: Lab, name: str = "cos", **more: Any) -> dict[str, Any]:
    image: dict[str, Any] = await lab.json("POST", IMAGES, {"name": name, **more})
    return image


async def linked(lab: Lab, **more: Any) -> dict[str, Any]:
    image = await create(lab, **more)
    link = place_image(lab, image["id"])
    patched: dict[str, Any] = await lab.json("PATCH", f"{IMAGES}/{image['id']}", {"link": link})
    return patched


async def link_answer(lab: Lab, manifest: Any, *, post: bool = False) -> Any:
    """What IMS answers to a link to this manifest."""
    link = place_manifest(lab, "m", manifest)
    if post:
        return await lab.call("POST", IMAGES, {"name": "n", "link": link})
    image = await create(lab)
    return await lab.call("PATCH", f"{IMAGES}/{image['id']}", {"link": link})


async def test_tells_its_version(csm16: Lab) -> None:
    """IMS 3.20: GET /version."""
    assert await csm16.json("GET", "/apis/ims/version") == {"version": "3.20.0"}


async def test_lets_two_images_share_a_name(csm17: Lab) -> None:
    """IMS 3.33: names are not unique: 201 twice, two ids."""
    first, second = await create(csm17), await create(csm17)
    assert first["id"] != second["id"]
    assert await csm17.json("GET", IMAGES) == [first, second]


async def test_writes_records_as_its_release_does(csm14: Lab, csm15: Lab, csm17: Lab) -> None:
    """IMS 3.8, 3.15, 3.33: arch from 3.15, metadata from 3.16, no time zone in 3.33."""
    old, middle, new = await create(csm14), await create(csm15), await create(csm17)
    assert old.keys() == {"id", "name", "created", "link"}
    assert middle.keys() - old.keys() == {"arch"}
    assert new.keys() - middle.keys() == {"metadata"}
    assert (new["link"], new["arch"], new["metadata"]) == (None, "x86_64", {})
    assert old["created"] == "2023-11-14T22:13:20.000000+00:00"
    assert new["created"] == "2023-11-14T22:13:20.000000"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"name": "n", "id": "x"}, {"id": ["Unknown field."]}),
        ({"arch": "x86_64"}, {"name": ["Missing data for required field."]}),
        ({"name": ""}, {"name": ["name field must not be blank"]}),
        ({"name": 3}, {"name": ["Not a valid string."]}),
        ({"name": "n", "arch": "arm"}, {"arch": ["Must be one of: aarch64, x86_64."]}),
        (
            {"name": "n", "metadata": {"a": 1}},
            {"metadata": {"a": {"value": ["Not a valid string."]}}},
        ),
        (
            {"name": "n", "link": {"type": "http", "size": 1}},
            {
                "link": {
                    "path": ["Missing data for required field."],
                    "type": ["Must be one of: s3."],
                    "size": ["Unknown field."],
                }
            },
        ),
    ],
)
async def test_refuses_wrong_fields_by_name(
    csm17: Lab, body: dict[str, Any], errors: dict[str, Any]
) -> None:
    """IMS 3.33: 422 with marshmallow's words."""
    answer = await csm17.call("POST", IMAGES, body)
    assert answer.status_code == 422
    assert "failed validation" in detail(answer)
    assert answer.json()["errors"] == errors


async def test_refuses_fields_of_later_releases(csm14: Lab, csm15: Lab) -> None:
    """IMS 3.8 knows no arch, IMS 3.15 no metadata: 422."""
    arch = await csm14.call("POST", IMAGES, {"name": "n", "arch": "x86_64"})
    metadata = await csm15.call("POST", IMAGES, {"name": "n", "metadata": {"k": "v"}})
    assert arch.json()["errors"] == {"arch": ["Unknown field."]}
    assert metadata.json()["errors"] == {"metadata": ["Unknown field."]}


async def test_refuses_bodies_as_flask_does(csm17: Lab) -> None:
    """IMS 3.33: empty 400 (a problem), malformed 400 and other types 415 (messages)."""
    empty = await csm17.call("POST", IMAGES, {})
    assert (empty.status_code, "No input provided" in detail(empty)) == (400, True)
    malformed = await csm17.call("POST", IMAGES, b"{")
    assert (malformed.status_code, set(malformed.json())) == (400, {"message"})
    other = await csm17.client.post(
        IMAGES, content=b"x", headers={"authorization": f"Bearer {csm17.token}"}
    )
    assert (other.status_code, set(other.json())) == (415, {"message"})


async def test_answers_404_and_405(csm17: Lab) -> None:
    """IMS 3.33: unknown image 404, PUT 405."""
    assert (await csm17.call("GET", f"{IMAGES}/none")).status_code == 404
    assert (await csm17.call("GET", "/apis/ims/v4/images")).status_code == 404
    answer = await csm17.call("PUT", f"{IMAGES}/none", {"name": "n"})
    assert (answer.status_code, set(answer.json())) == (405, {"message"})


async def test_links_an_image_whose_objects_are_all_there(csm17: Lab) -> None:
    """IMS 3.33: PATCH link answers the record, and looked at every artifact."""
    image = await create(csm17, arch="aarch64")
    link = place_image(csm17, image["id"])
    linked = await csm17.json("PATCH", f"{IMAGES}/{image['id']}", {"link": link})
    assert linked == image | {"link": link}
    assert csm17.objects.heads == 4


async def test_takes_the_same_link_again_without_looking(csm17: Lab) -> None:
    """IMS 3.33: idempotent, even when the objects are gone."""
    image = await linked(csm17)
    csm17.objects.infos.clear()
    path = f"{IMAGES}/{image['id']}"
    assert await csm17.json("PATCH", path, {"link": image["link"]}) == image


@pytest.mark.parametrize("change", [{"etag": "other"}, {"path": "s3://boot-images/other"}])
async def test_never_changes_a_link(csm17: Lab, change: dict[str, str]) -> None:
    """IMS 3.33: the link is write-once: 409 for another path or another etag."""
    image = await linked(csm17)
    answer = await csm17.call("PATCH", f"{IMAGES}/{image['id']}", {"link": image["link"] | change})
    assert answer.status_code == 409


async def test_stores_a_link_without_etag_for_good(csm17: Lab) -> None:
    """IMS 3.33: accepted as an empty etag, which cannot be repaired."""
    image = await create(csm17)
    link = place_image(csm17, image["id"])
    bare = {"path": link["path"], "type": "s3"}
    path = f"{IMAGES}/{image['id']}"
    assert (await csm17.json("PATCH", path, {"link": bare}))["link"]["etag"] == ""
    assert (await csm17.call("PATCH", path, {"link": link})).status_code == 409


async def test_does_not_compare_etags_or_md5(csm17: Lab) -> None:
    """IMS 3.33: wrong etags of manifest and artifacts and missing md5 are let pass."""
    image = await create(csm17)
    csm17.objects.place("m/rootfs", b"x")
    artifact = {
        "type": ROOTFS,
        "link": {"path": "s3://boot-images/m/rootfs", "etag": "no", "type": "s3"},
    }
    link = place_manifest(csm17, "m", {"version": "1.0", "artifacts": [artifact]})
    wrong = link | {"etag": "no"}
    answer = await csm17.call("PATCH", f"{IMAGES}/{image['id']}", {"link": wrong})
    assert answer.status_code == 200


async def test_refuses_a_link_to_nothing(csm17: Lab) -> None:
    """IMS 3.33: missing manifest or bucket 422."""
    image = await create(csm17)
    for path in ("s3://boot-images/x/manifest.json", "s3://nowhere/manifest.json"):
        link = {"path": path, "etag": "", "type": "s3"}
        answer = await csm17.call("PATCH", f"{IMAGES}/{image['id']}", {"link": link})
        assert (answer.status_code, path in detail(answer)) == (422, True)


def artifact(kind: str, name: str) -> dict[str, Any]:
    link = {"path": f"s3://boot-images/m/{name}", "etag": "", "type": "s3"}
    return {"type": kind, "md5": "0", "link": link}


@pytest.mark.parametrize(
    ("manifest", "status", "words"),
    [
        ({"artifacts": []}, 422, "does not contain a version"),
        ({"version": "1.1", "artifacts": []}, 422, "not supported"),
        ({"version": 1.0, "artifacts": []}, 422, "not supported"),
        ({"version": "1.0"}, 422, "artifacts map"),
        ({"version": "1.0", "artifacts": {}}, 422, "not a json list"),
        ({"version": "1.0", "artifacts": ["a"]}, 422, "not a json dictionary"),
        ({"version": "1.0", "artifacts": [{"type": ROOTFS}]}, 422, "link value"),
        ({"version": "1.0", "artifacts": [{"link": {"path": "p"}}]}, 422, "link type"),
        ({"version": "1.0", "artifacts": [{"link": {"type": "s3"}}]}, 422, "link path"),
        ({"version": "1.0", "artifacts": [artifact(ROOTFS, "gone")]}, 422, "cannot be validated"),
        ({"version": "1.0", "artifacts": [artifact(KERNEL, "a")]}, 400, "any rootfs"),
        (
            {"version": "1.0", "artifacts": [artifact(ROOTFS, "a"), artifact(ROOTFS, "b")]},
            400,
            "multiple rootfs",
        ),
        (b"[" + b" " * 1024 * 1024 + b"]", 400, "larger than"),
    ],
)
async def test_refuses_a_bad_manifest(csm17: Lab, manifest: Any, status: int, words: str) -> None:
    """IMS 3.33: version, artifacts, their objects, then the root file system."""
    csm17.objects.place("m/a", b"a")
    csm17.objects.place("m/b", b"b")
    answer = await link_answer(csm17, manifest)
    assert (answer.status_code, words in detail(answer)) == (status, True), answer.text


async def test_links_an_unreadable_manifest_on_patch_but_not_on_post(csm17: Lab) -> None:
    """IMS 3.33: PATCH logs it and sets the link, POST fails with 500."""
    assert (await link_answer(csm17, b"not json")).status_code == 200
    csm17.site.state.images.clear()
    assert (await link_answer(csm17, b"not json", post=True)).status_code == 500


async def test_refuses_a_path_that_another_image_has(csm17: Lab) -> None:
    """IMS 3.33: 422 with the other image's id; before the manifest is looked at."""
    first = await linked(csm17)
    second = await create(csm17)
    csm17.objects.infos.clear()
    answer = await csm17.call("PATCH", f"{IMAGES}/{second['id']}", {"link": first["link"]})
    words = f"matches the link path for the IMS image record {first['id']}."
    assert (answer.status_code, words in detail(answer)) == (422, True)


async def test_stores_nothing_when_a_link_is_refused(csm17: Lab) -> None:
    """IMS 3.33: the record stays as it was."""
    image = await create(csm17)
    link = {"path": "s3://boot-images/none", "type": "s3"}
    await csm17.call("PATCH", f"{IMAGES}/{image['id']}", {"link": link})
    assert await csm17.json("GET", f"{IMAGES}/{image['id']}") == image


async def test_patches_arch_and_nothing_else_of_the_record(csm17: Lab) -> None:
    """IMS 3.33: an image cannot be renamed: 422."""
    image = await create(csm17)
    path = f"{IMAGES}/{image['id']}"
    assert (await csm17.json("PATCH", path, {"arch": "aarch64"}))["arch"] == "aarch64"
    answer = await csm17.call("PATCH", path, {"name": "new"})
    assert answer.json()["errors"] == {"name": ["Unknown field."]}
    assert (await csm17.call("PATCH", path, {"link": None})).status_code == 422


async def test_reads_posted_metadata_as_one_pair(csm17: Lab) -> None:
    """IMS 3.33: {"key": k, "value": v} becomes {k: v}; a map that has "key" loses the rest."""
    pair = await create(csm17, metadata={"key": "k", "value": "v"})
    plain = await create(csm17, metadata={"a": "1", "b": "2"})
    lossy = await create(csm17, metadata={"key": "k", "a": "1"})
    assert pair["metadata"] == {"k": "v"}
    assert plain["metadata"] == {"a": "1", "b": "2"}
    assert lossy["metadata"] == {"k": ""}


async def test_stores_posted_metadata_as_a_map(csm16: Lab) -> None:
    """IMS 3.20: whatever the keys."""
    image = await create(csm16, metadata={"key": "k", "value": "v"})
    assert image["metadata"] == {"key": "k", "value": "v"}


async def test_patches_metadata_entry_by_entry(csm16: Lab) -> None:
    """IMS 3.20: set and remove; removing what is not there is fine, other operations 422."""
    image = await create(csm16)
    path = f"{IMAGES}/{image['id']}"

    async def change(operation: str, key: str, **value: str) -> Any:
        body = {"metadata": {"operation": operation, "key": key, **value}}
        return await csm16.call("PATCH", path, body)

    assert (await change("set", "k", value="v")).json()["metadata"] == {"k": "v"}
    assert (await change("remove", "other")).status_code == 200
    assert (await change("remove", "k")).json()["metadata"] == {}
    assert (await change("add", "k", value="v")).status_code == 422


async def test_puts_an_image_aside_and_brings_it_back(csm17: Lab) -> None:
    """IMS 3.33: soft delete moves objects below deleted/, undelete moves them back."""
    image = await linked(csm17, arch="aarch64", metadata={"a": "b"})
    before = dict(csm17.objects.bodies)
    assert (await csm17.call("DELETE", f"{IMAGES}/{image['id']}")).status_code == 204
    assert (await csm17.call("GET", f"{IMAGES}/{image['id']}")).status_code == 404
    aside = await csm17.json("GET", f"{DELETED}/{image['id']}")
    key = f"deleted/{image['id']}/deleted_manifest.json"
    assert aside["link"]["path"] == f"s3://boot-images/{key}"
    assert aside["deleted"] == "2023-11-14T22:13:20.000000"
    assert all(k.startswith("deleted/") for _, k in csm17.objects.bodies)
    answer = await csm17.call("PATCH", f"{DELETED}/{image['id']}", {"operation": "undelete"})
    assert answer.status_code == 204
    assert await csm17.json("GET", f"{IMAGES}/{image['id']}") == image
    assert csm17.objects.bodies == before
    assert await csm17.json("GET", DELETED) == []


async def test_brings_big_objects_back_with_another_etag(csm17: Lab) -> None:
    """IMS 3.33 on Ceph RGW: 8 MiB and more lose etag and metadata; the manifest is stale then."""
    image = await create(csm17)
    link = place_image(csm17, image["id"], rootfs=b"x" * BIG_BYTES)
    await csm17.json("PATCH", f"{IMAGES}/{image['id']}", {"link": link})
    old = csm17.objects.infos["boot-images", f"{image['id']}/rootfs"]
    await csm17.call("DELETE", f"{IMAGES}/{image['id']}")
    await csm17.call("PATCH", f"{DELETED}/{image['id']}", {"operation": "undelete"})
    new = csm17.objects.infos["boot-images", f"{image['id']}/rootfs"]
    assert (new.etag != old.etag, new.metadata) == (True, {})
    assert (await csm17.json("GET", f"{IMAGES}/{image['id']}"))["link"] == link


async def test_forgets_arch_and_metadata_when_undeleting(csm16: Lab) -> None:
    """IMS 3.20: an image comes back as x86_64 and without metadata."""
    image = await linked(csm16, arch="aarch64", metadata={"a": "b"})
    await csm16.call("DELETE", f"{IMAGES}/{image['id']}")
    await csm16.call("PATCH", f"{DELETED}/{image['id']}", {"operation": "undelete"})
    back = await csm16.json("GET", f"{IMAGES}/{image['id']}")
    assert (back["arch"], back["metadata"], back["link"]) == ("x86_64", {}, image["link"])


async def test_loses_an_artifact_without_md5_when_put_aside(csm17: Lab) -> None:
    """IMS 3.33: it is moved, but not listed, so it does not come back."""
    csm17.objects.place("m/a", b"a")
    bare = {k: v for k, v in artifact(ROOTFS, "a").items() if k != "md5"}
    image = (await link_answer(csm17, {"version": "1.0", "artifacts": [bare]})).json()
    await csm17.call("DELETE", f"{IMAGES}/{image['id']}")
    await csm17.call("PATCH", f"{DELETED}/{image['id']}", {"operation": "undelete"})
    assert ("boot-images", "m/a") not in csm17.objects.bodies
    assert ("boot-images", "deleted/m/a") in csm17.objects.bodies


async def test_deletes_a_put_aside_image_for_good(csm17: Lab) -> None:
    """IMS 3.33: record and objects."""
    image = await linked(csm17)
    await csm17.call("DELETE", f"{IMAGES}/{image['id']}")
    assert (await csm17.call("DELETE", f"{DELETED}/{image['id']}")).status_code == 204
    assert csm17.objects.bodies == {}
    assert (await csm17.call("DELETE", f"{DELETED}/{image['id']}")).status_code == 404


@pytest.mark.parametrize(("query", "left"), [({}, 0), ({"cascade": "false"}, 4)])
async def test_deletes_for_good_through_v2(csm17: Lab, query: dict[str, str], left: int) -> None:
    """IMS 3.33: v2 deletes the objects too unless cascade is false; nothing is put aside."""
    image = await linked(csm17)
    path = f"/apis/ims/v2/images/{image['id']}"
    assert (await csm17.call("DELETE", path, **query)).status_code == 204
    assert len(csm17.objects.bodies) == left
    assert await csm17.json("GET", DELETED) == []


async def test_shows_the_same_images_in_v2_and_without_prefix(csm17: Lab) -> None:
    """IMS 3.33: three paths, one store."""
    image = await create(csm17)
    for path in ("/apis/ims/v2/images", "/apis/ims/images"):
        assert await csm17.json("GET", path) == [image]


async def test_ignores_the_tenant(csm17: Lab) -> None:
    """IMS 3.33: images belong to nobody."""
    await create(csm17)
    assert len(await csm17.json("GET", IMAGES, tenant="blue")) == 1


async def test_crashes_on_a_second_recipe_of_a_path(csm17: Lab) -> None:
    """IMS 3.33: 500 instead of 422."""
    csm17.objects.place("r", b"r", "ims")
    body = {
        "name": "r",
        "recipe_type": "kiwi-ng",
        "linux_distribution": "sles15",
        "link": {"path": "s3://ims/r", "etag": "", "type": "s3"},
    }
    statuses = [
        (await csm17.call("POST", "/apis/ims/v3/recipes", body)).status_code for _ in range(2)
    ]
    assert statuses == [201, 500]


async def test_keeps_public_keys(csm17: Lab) -> None:
    """IMS 3.33: created, read, deleted."""
    base = "/apis/ims/v3/public-keys"
    key = await csm17.json("POST", base, {"name": "me", "public_key": "ssh-ed25519 A"})
    assert await csm17.json("GET", base) == [key]
    assert (await csm17.call("DELETE", f"{base}/{key['id']}")).status_code == 204
    assert (await csm17.call("POST", base, {"name": "me"})).status_code == 422


async def test_puts_all_images_aside_and_brings_all_back(csm17: Lab) -> None:
    """IMS 3.33: DELETE /v3/images, PATCH and DELETE /v3/deleted/images: 204 each."""
    first, second = await linked(csm17), await create(csm17)
    assert (await csm17.call("DELETE", IMAGES)).status_code == 204
    assert len(await csm17.json("GET", DELETED)) == 2
    assert (await csm17.call("PATCH", DELETED, {"operation": "no"})).status_code == 422
    assert (await csm17.call("PATCH", DELETED, {"operation": "undelete"})).status_code == 204
    assert await csm17.json("GET", IMAGES) == [first, second]
    await csm17.call("DELETE", IMAGES)
    assert (await csm17.call("DELETE", DELETED)).status_code == 204
    assert await csm17.json("GET", DELETED) == []
    assert csm17.objects.bodies == {}


async def test_jobs_tell_how_far_they_have_come(csm17: Lab) -> None:
    """IMS 3.33, PATCH /v3/jobs/{id}: one of nine statuses, and the image that came of it."""
    image = await create(csm17)
    job = {"job_type": "customize", "image_root_archive_name": "r", "artifact_id": image["id"]}
    made = await csm17.json("POST", "/apis/ims/v3/jobs", job)
    path = f"/apis/ims/v3/jobs/{made['id']}"
    done = {"status": "success", "resultant_image_id": image["id"]}
    assert (await csm17.json("PATCH", path, done)).items() >= done.items()
    assert (await csm17.call("PATCH", path, {"status": "done"})).status_code == 422
