"""What a migration can meet at its target, on two sites whose images are small."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from migration.console import CONFIGURATION, TEMPLATE
from poya.lab.pytest_plugin import LabPair, TestSite
from poya.lab.seed.images import noise
from poya.lab.storage.objects import NewObject
from poya.model.intent import Policy

PART_BYTES = 5 * 1024 * 1024
# One image keeps two parts, the least that S3 allows.
_ROOTFS_BYTES = {"gele-cos-23.06.0-1": PART_BYTES + 40_000, "gele-uan-23.06.0-1": 60_000}
_HELD_IMAGE = "0a0a0a0a-1111-4222-8333-444444444444"


@dataclass(frozen=True)
class Situation:
    """What the target holds beforehand, and what the operator wants done about it."""

    name: str
    lay: Callable[[LabPair], None] = lambda _: None
    policies: Mapping[str, Policy] = field(default_factory=dict)


def shrink(site: TestSite) -> None:
    """Make gele's root file systems small."""
    for image_id, record in list(site.site.state.images.items()):
        if record["name"] in _ROOTFS_BYTES:
            _shrink_image(site, image_id, record["name"])


def _shrink_image(site: TestSite, image_id: str, name: str) -> None:
    state, objects = site.site.state, site.ground.objects
    manifest = json.loads(objects.read_now("boot-images", f"{image_id}/manifest.json"))
    rootfs = manifest["artifacts"][0]
    content = itertools.chain([b"hsqs".ljust(96, b"\0")], noise(name, _ROOTFS_BYTES[name]))
    key = f"{image_id}/rootfs"
    put = objects.put(NewObject("boot-images", key, content, part_bytes=PART_BYTES))
    rootfs["md5"], rootfs["link"]["etag"] = put.metadata["md5sum"], put.etag
    body = json.dumps(manifest).encode()
    etag = objects.put(NewObject("boot-images", f"{image_id}/manifest.json", [body])).etag
    record = state.images.get(image_id)
    assert record is not None
    state.images.put(image_id, {**record, "link": {**record["link"], "etag": etag}})
    _retarget(site, record["link"]["path"], etag)


def _retarget(site: TestSite, path: str, etag: str) -> None:
    templates = site.site.state.templates
    for key, template in list(templates.items()):
        for boot_set in template["boot_sets"].values():
            if boot_set["path"] == path:
                boot_set["etag"] = etag
        templates.put(key, template)


def _lay_image(pair: LabPair) -> None:
    """The target has the UAN image already, under an id of its own."""
    alps, prealps = pair.alps, pair.prealps
    record = next(r for r in alps.site.state.images.values() if r["name"].startswith("gele-uan"))
    source, target = alps.ground.objects, prealps.ground.objects
    manifest = json.loads(source.read_now("boot-images", f"{record['id']}/manifest.json"))
    for artifact in manifest["artifacts"]:
        key = artifact["link"]["path"].removeprefix("s3://boot-images/")
        mine = key.replace(record["id"], _HELD_IMAGE)
        put = target.put(NewObject("boot-images", mine, [source.read_now("boot-images", key)]))
        artifact["link"] = {"path": f"s3://boot-images/{mine}", "etag": put.etag, "type": "s3"}
    path = f"{_HELD_IMAGE}/manifest.json"
    put = target.put(NewObject("boot-images", path, [json.dumps(manifest).encode()]))
    link = {"path": f"s3://boot-images/{path}", "etag": put.etag, "type": "s3"}
    prealps.site.state.images.put(_HELD_IMAGE, {**record, "id": _HELD_IMAGE, "link": link})


def _lay_others(pair: LabPair) -> None:
    """The target has other things under all of gele's names."""
    state = pair.prealps.site.state
    state.configurations.put(
        CONFIGURATION,
        {"name": CONFIGURATION, "last_updated": "2024-01-01T00:00:00Z", "layers": []},
    )
    members = ["x9000c1s1b1n0", "x9000c1s0b0n0", "x9000c1s0b1n0"]
    state.groups.put(
        "gele", {"label": "gele", "description": "another gele", "members": {"ids": members}}
    )
    key, template = next(iter(state.templates.items()))
    bare = key.replace(template["name"], TEMPLATE)
    state.templates.put(bare, {**template, "name": TEMPLATE, "description": "another"})


def _policy(policy: Policy) -> dict[str, Policy]:
    return {"group": policy, "configuration": policy, "template": policy}


FRESH = Situation("fresh")
REUSE = Situation("reuse", _lay_image)
OVERWRITE = Situation("overwrite", _lay_others, _policy("overwrite"))
RENAME = Situation("rename", _lay_others, _policy("rename"))
SITUATIONS = {s.name: s for s in (FRESH, REUSE, OVERWRITE, RENAME)}
