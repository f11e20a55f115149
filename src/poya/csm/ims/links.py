# SPDX-License-Identifier: Apache-2.0
"""Where IMS records say that their bytes lie."""

from __future__ import annotations

import msgspec

from poya.documents import JsonObject
from poya.errors import UsageError


class Link(msgspec.Struct, frozen=True):
    """Where an image's manifest or a recipe's archive lies.

    Attributes:
        path: As `s3://boot-images/<id>/manifest.json`.
        etag: May be empty or wrong: IMS stores what it is given.
    """

    path: str
    etag: str | None = None
    type: str = "s3"


def link_body(path: str, etag: str, what: str) -> JsonObject:
    """A link as IMS takes it.

    Raises:
        UsageError: The etag is empty: IMS would store that, for good.
    """
    if not etag:
        raise UsageError(f"The link of {what} needs the object's etag.")
    return {"path": path, "etag": etag, "type": "s3"}
