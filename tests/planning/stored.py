# SPDX-License-Identifier: Apache-2.0
"""What a CSM makes of what is written to it, in memory and without any I/O.

Written from the services' observed behaviour (IMS 3.33, CFS 1.31, BOS 2.50, SMD 2.45), not from
poya's own idea of it: it is what the plan is judged by.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

from builders import with_objects
from poya.documents import Document, Json, JsonObject, encode
from poya.migration.publishing import PlacedArtifact, bound_body, manifest_for
from poya.model.image import Image, Manifest
from poya.model.inventory import Inventory
from poya.model.plan import EntityPlan, ImagePlan, Plan
from poya.model.run import CONTENT_KEY, RUN_KEY, SOURCE_KEY
from poya.sites.base import Published


def apply(plan: Plan, inventory: Inventory) -> Inventory:
    """The target after the plan was carried out to its end."""
    made = {i.source_id: _made(i, plan) for i in plan.images if i.action == "create"}
    published = {
        image.source_id: (
            Published(image.target_path, image.target_etag)
            if image.action == "reuse"
            else Published(
                made[image.source_id].manifest_path, made[image.source_id].manifest_etag
            )
        )
        for image in plan.images
    }
    written = {
        entity.ref: _written(entity, published, is_verbatim=plan.verbatim)
        for entity in plan.entities
        if entity.action in ("create", "change")
    }
    has = inventory.capabilities
    images = tuple(
        dataclasses.replace(
            image,
            arch=image.arch if has.has_image_arch else "",
            metadata=image.metadata if has.has_image_metadata or has.is_verbatim else {},
        )
        for image in made.values()
    )
    return dataclasses.replace(
        inventory,
        entities={**inventory.entities, **written},
        images=(*inventory.images, *images),
    )


def _made(plan: ImagePlan, whole: Plan) -> Image:
    image_id = (
        plan.source_id
        if whole.verbatim
        else hashlib.sha256(f"target {plan.source_id}".encode()).hexdigest()[:32]
    )
    placed = [
        PlacedArtifact(
            f"s3://boot-images/{image_id}/{artifact.name}",
            artifact.etag,
            artifact.md5 or artifact.etag,
        )
        for artifact in plan.artifacts
    ]
    assert len({artifact.path for artifact in placed}) == len(placed)
    path = f"s3://boot-images/{image_id}/manifest.json"
    assert path not in {artifact.path for artifact in placed}
    raw = plan.source_manifest.encode() if whole.verbatim else manifest_for(plan, placed)
    marks = {RUN_KEY: "run", SOURCE_KEY: plan.source_id, CONTENT_KEY: plan.content}
    return Image(
        id=image_id,
        name=plan.name,
        arch=plan.arch or "",
        document=Document(plan.source_record.encode()),
        metadata={**plan.metadata, **marks},
        manifest=with_objects(Manifest.of(raw)),
        manifest_path=path,
        manifest_etag=hashlib.md5(raw, usedforsecurity=False).hexdigest(),
    )


def _written(
    entity: EntityPlan, published: Mapping[str, Published], *, is_verbatim: bool
) -> Document:
    body = bound_body(entity, published).editable()
    if is_verbatim:
        return Document(encode(body))
    kept = {"group": _group, "configuration": _configuration, "template": _template}
    return Document(encode(kept[entity.kind](entity.name, body)))


def _group(_: str, body: JsonObject) -> JsonObject:
    """SMD: labels, tags and exclusive groups in lower case, members in an order of its own."""
    members = body.get("members")
    ids = members.get("ids") if isinstance(members, dict) else None
    names = sorted({str(i).lower() for i in ids}, reverse=True) if isinstance(ids, list) else []
    tags = body.get("tags")
    stored: JsonObject = {
        "label": str(body["label"]).lower(),
        "description": body.get("description", ""),
        "members": {"ids": [*names]},
    }
    if body.get("exclusiveGroup"):
        stored["exclusiveGroup"] = str(body["exclusiveGroup"]).lower()
    if isinstance(tags, list) and tags:
        stored["tags"] = [str(tag).lower() for tag in tags]
    return stored


def _configuration(name: str, body: JsonObject) -> JsonObject:
    """CFS: refuses what it says itself, resolves branches, adds name and date."""
    assert not {"name", "last_updated", "lastUpdated"} & body.keys(), "Property is read-only"
    layers = body["layers"]
    assert isinstance(layers, list)
    stored: JsonObject = {**body, "layers": [_resolved(layer) for layer in layers]}
    for layer in layers:
        assert isinstance(layer, dict)
        assert layer.get("playbook"), "'playbook' is a required property"
    if "additional_inventory" in body:
        stored["additional_inventory"] = _resolved(body["additional_inventory"])
    return {**stored, "name": name, "last_updated": "2026-01-01T00:00:00Z"}


def _resolved(layer: Json) -> Json:
    assert isinstance(layer, dict)
    assert not ("branch" in layer and "commit" in layer), "Only branch or commit"
    if "branch" not in layer:
        return layer
    return {**layer, "commit": hashlib.sha1(str(layer["branch"]).encode()).hexdigest()}


def _template(name: str, body: JsonObject) -> JsonObject:
    """BOS: refuses what it says itself and nulls, folds node lists, adds name and tenant."""
    assert not {"name", "tenant", "links"} & body.keys(), "Property is read-only"
    boot_sets = body["boot_sets"]
    assert isinstance(boot_sets, dict)
    stored: JsonObject = {}
    for key, boot_set in boot_sets.items():
        assert isinstance(boot_set, dict)
        assert boot_set.get("name", key) == key
        assert None not in boot_set.values()
        assert boot_set.get("path"), "'path' is a required property"
        assert boot_set.get("type"), "'type' is a required property"
        kept = {k: v for k, v in boot_set.items() if k != "name"}
        listed = boot_set.get("node_list")
        if isinstance(listed, list):
            kept["node_list"] = [str(x).lower() for x in listed]
        stored[key] = kept
    return {**body, "boot_sets": stored, "name": name, "tenant": ""}
