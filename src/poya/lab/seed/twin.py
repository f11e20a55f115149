# SPDX-License-Identifier: Apache-2.0
"""A lab site made from what is known of a real one: its names and structure, not its bytes.

Objects are as long as the real ones up to a limit, of bytes made up; so etags differ, and
manifests, links, templates and boot parameters follow them. Commits are known by name: git has
no content.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from poya.errors import UsageError
from poya.lab.life.boot_sessions import new_component
from poya.lab.profiles import ReleaseProfile
from poya.lab.seed import records as seeds
from poya.lab.seed.catalog import put_maps
from poya.lab.seed.images import Image, artifact_chunks
from poya.lab.seed.plant import Ground
from poya.lab.services.cfs_views import to_v3
from poya.lab.services.ims_links import split_s3
from poya.lab.state import tenant_key
from poya.lab.storage.objects import PART_BYTES, NewObject

Record: TypeAlias = dict[str, Any]

FORMAT = 1
_KEYS = {
    "components": "ID",
    "hardware": "ID",
    "groups": "label",
    "partitions": "name",
    "images": "id",
    "configurations": "name",
    "cfs_components": "id",
    "sources": "name",
    "sls_hardware": "Xname",
    "sls_networks": "Name",
}


@dataclass(frozen=True, slots=True)
class TwinPlan:
    """What to make a twin of.

    Attributes:
        structure: As `poya lab import` wrote it.
        object_limit_bytes: How long an object is at most.
    """

    structure: Record
    object_limit_bytes: int


def plant_twin(plan: TwinPlan, ground: Ground) -> None:
    """Lay a site's structure. As with a seed, the mark that it is complete comes last.

    Raises:
        UsageError: The structure is not one, or of a later format.
    """
    structure = plan.structure
    if structure.get("format") != FORMAT:
        raise UsageError(
            "The file does not describe a site for the lab.",
            why=f"Its format is {structure.get('format')!r}, not {FORMAT}.",
        )
    new_etags = _put_images(plan, ground)
    _declare_repositories(structure, ground)
    with ground.state.transaction():
        _put_records(structure, new_etags, ground)
        put_maps(ground.state, (structure.get("product_catalog") or {}).get("maps") or ())
        ground.state.kind("seed").put("seed", {"site": "twin"})


def _put_records(structure: Record, new_etags: dict[str, str], ground: Ground) -> None:
    state, given = ground.state, structure["records"]
    for kind, key in _KEYS.items():
        listed = [_fitted(kind, record, structure, ground.profile) for record in given[kind]]
        state.kind(kind).put_many({r[key]: _with_etags(r, new_etags) for r in listed})
    state.templates.put_many(
        {
            tenant_key(t["name"], t.get("tenant")): _with_etags(t, new_etags)
            for t in given["templates"]
        }
    )
    state.tenants.put_many({t["metadata"]["name"]: t for t in _named(given["tenants"])})
    state.boot_parameters.put_many(
        {
            host: _with_etags({**record, "hosts": [host]}, new_etags)
            for record in given["boot_parameters"]
            for host in record.get("hosts") or ()
        }
    )
    nodes = [c for c in given["components"] if c.get("Type") == "Node"]
    managed = [c["ID"] for c in nodes if c.get("Role") != "Management"]
    state.bos_components.put_many({xname: new_component(xname) for xname in managed})
    known = set(state.cfs_components.keys())
    missing = [xname for xname in managed if xname not in known]
    state.cfs_components.put_many({xname: seeds.cfs_component(xname) for xname in missing})


def _fitted(kind: str, record: Record, structure: Record, profile: ReleaseProfile) -> Record:
    if kind in ("configurations", "cfs_components"):
        record = record if structure["cfs_v3"] else to_v3(record)
    if kind == "cfs_components":
        return {"state": [], "error_count": 0, "tags": {}, **record}
    if kind == "groups":
        return {"description": "", **record, "members": record.get("members") or {"ids": []}}
    if kind == "partitions":
        return {**record, "members": record.get("members") or {"ids": []}}
    if kind == "images" and not profile.ims_arch:
        return {k: v for k, v in record.items() if k != "arch"}
    return record


def _named(tenants: list[Record]) -> Iterator[Record]:
    for tenant in tenants:
        spec = tenant.get("spec") or {}
        metadata = tenant.get("metadata") or {}
        name = metadata.get("name") or spec.get("tenantname")
        if name:
            yield {**tenant, "metadata": {**metadata, "name": name, "resourceVersion": "1"}}


def _with_etags(value: Any, new_etags: dict[str, str]) -> Any:  # noqa: ANN401 - any JSON
    """The same record with every etag of the real store replaced by the twin's."""
    if isinstance(value, dict):
        return {k: _with_etags(v, new_etags) for k, v in value.items()}
    if isinstance(value, list):
        return [_with_etags(item, new_etags) for item in value]
    if isinstance(value, str):
        if value in new_etags:
            return new_etags[value]
        if "etag=" in value or "root=" in value:
            return _command_line(value, new_etags)
    return value


def _command_line(params: str, new_etags: dict[str, str]) -> str:
    for old, new in new_etags.items():
        params = params.replace(f"etag={old}", f"etag={new}").replace(f":{old}:", f":{new}:")
    return params


def _put_images(plan: TwinPlan, ground: Ground) -> dict[str, str]:
    """Make the objects of every image; the new etag of each old one."""
    by_id = {record["id"]: record for record in plan.structure["records"]["images"]}
    new_etags: dict[str, str] = {}
    for image in plan.structure["images"]:
        record = by_id[image["id"]]
        artifacts = [_put_artifact(a, record, plan, ground) for a in image["artifacts"]]
        for old, new in zip(image["artifacts"], artifacts, strict=True):
            new_etags[_etag(old)] = _etag(new)
        manifest = {"version": "1.0", "created": record["created"], "artifacts": artifacts}
        bucket, key = split_s3(image["path"])
        body = json.dumps(manifest).encode()
        written = ground.objects.put(NewObject(bucket, key, [body], metadata={}))
        new_etags[(record.get("link") or {}).get("etag") or ""] = written.etag
    new_etags.pop("", None)
    return new_etags


def _put_artifact(artifact: Record, record: Record, plan: TwinPlan, ground: Ground) -> Record:
    """One artifact; an object that the real site lacks is lacking here, too."""
    kept = {k: v for k, v in artifact.items() if k != "size_bytes"}
    size_bytes, link = artifact["size_bytes"], artifact.get("link") or {}
    if size_bytes is None:
        return kept
    model = Image(
        id=record["id"],
        name=record["name"],
        arch=record.get("arch", "x86_64"),
        created=record["created"],
        rootfs_bytes=min(size_bytes, plan.object_limit_bytes),
    )
    bucket, key = split_s3(link["path"])
    chunks = artifact_chunks(model, artifact["type"])
    metadata = {"x-shasta-ims-image-id": model.id, "x-shasta-ims-image-name": model.name}
    written = ground.objects.put(
        NewObject(bucket, key, chunks, part_bytes=PART_BYTES, metadata=metadata)
    )
    return {**kept, "md5": written.metadata["md5sum"], "link": {**link, "etag": written.etag}}


def _etag(artifact: Record) -> str:
    return str((artifact.get("link") or {}).get("etag") or "")


def _declare_repositories(structure: Record, ground: Ground) -> None:
    for name, known in structure["repositories"].items():
        ground.repositories.declare("cray", name, known["branches"], known["commits"])
