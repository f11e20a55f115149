# SPDX-License-Identifier: Apache-2.0
"""The documents that can be finished only once their images stand at the target. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from poya.documents import Document, Json, JsonObject, encode, parse, pointer_keys
from poya.errors import PoyaError
from poya.model.plan import EntityPlan, ImagePlan
from poya.sites.base import Published


@dataclass(frozen=True, slots=True)
class PlacedArtifact:
    """An artifact as it stands at the target.

    Attributes:
        path: `s3://bucket/key`.
        etag: As the target's store answers it.
        md5: Of the whole file, as computed while it was moved, or as the manifest says.
    """

    path: str
    etag: str
    md5: str


def manifest_for(image: ImagePlan, placed: Sequence[PlacedArtifact]) -> bytes:
    """The source's manifest with the target's paths, etags and md5s; all else stays as it is."""
    value = parse(image.source_manifest.encode("utf-8", "surrogateescape"))
    artifacts = value.get("artifacts") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(artifacts, list):
        raise PoyaError("The plan's manifest has no artifacts; the checks should have refused it.")
    value["artifacts"] = [_place(a, p) for a, p in zip(artifacts, placed, strict=True)]
    return encode(value)


def _place(artifact: Json, placed: PlacedArtifact) -> Json:
    entry = dict(artifact) if isinstance(artifact, dict) else {}
    # IMS takes exactly these three members of a link (marshmallow schema, unknown=RAISE).
    entry["link"] = {"path": placed.path, "etag": placed.etag, "type": "s3"}
    entry["md5"] = placed.md5
    return entry


def bound_body(entity: EntityPlan, published: Mapping[str, Published]) -> Document:
    """The entity's body with every binding filled in.

    Raises:
        PoyaError: An image that it refers to is not published yet; a bug of the caller.
    """
    body: JsonObject = copy.deepcopy(entity.body)
    for binding in entity.bindings:
        if binding.image not in published:
            raise PoyaError(f"{entity.ref} refers to image {binding.image} before it stands.")
        image = published[binding.image]
        value = image.path if binding.value == "manifest-path" else image.etag
        _set(body, binding.pointer, value)
    return Document.of(body)


def _set(body: JsonObject, pointer: str, value: str) -> None:
    keys = pointer_keys(pointer)
    here: Json = body
    for key in keys[:-1]:
        here = here.get(key) if isinstance(here, dict) else None
    if not isinstance(here, dict):
        raise PoyaError(f"The plan binds {pointer}, which its body does not have.")
    here[keys[-1]] = value
