# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of `bundle.json`, made from the classes that read it."""

from __future__ import annotations

from typing import Any

import msgspec

from poya.documents import JsonObject, pretty
from poya.sites.bundle.guard import MEMBER
from poya.sites.bundle.index import VERSION, Index

SCHEMA_ID = f"urn:poya:bundle:{VERSION}"


def bundle_schema() -> bytes:
    """The schema (JSON Schema 2020-12) as it is published in docs/reference.

    It says what one file can say of itself; what members say of each other, and that the paths
    name files of these digests, is in docs/format.md.
    """
    schema: dict[str, Any] = msgspec.json.schema(Index)
    definitions: JsonObject = {
        name: _tidied(definition) for name, definition in sorted(schema["$defs"].items())
    }
    # No class has it: it is of the bytes of a file, and put in as they are written.
    schema["$defs"]["Index"]["properties"][MEMBER] = schema["$defs"]["FileEntry"]["properties"][
        "sha256"
    ]
    return pretty(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": SCHEMA_ID,
            "title": f"bundle.json, format version {VERSION}",
            "$ref": schema["$ref"],
            "$defs": definitions,
        }
    )


def _tidied(definition: dict[str, Any]) -> dict[str, Any]:
    """A definition with the first sentence of its class: the rest speaks of Python."""
    described = str(definition.get("description", "")).partition("\n")[0]
    return {**definition, "description": described}
