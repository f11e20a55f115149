# SPDX-License-Identifier: Apache-2.0
"""The headers and queries of requests to an S3 store."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Mapping

from poya.errors import BadAnswer
from poya.transfer.s3values import ObjectPlace, place_path

META_PREFIX = "x-amz-meta-"


def md5_header(md5_hex: str) -> dict[str, str]:
    """What makes the store check the body."""
    return {"Content-MD5": base64.b64encode(bytes.fromhex(md5_hex)).decode("ascii")}


def metadata_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """An object's own metadata."""
    return {f"{META_PREFIX}{name}": value for name, value in metadata.items()}


def copy_source(source: ObjectPlace) -> dict[str, str]:
    """What is copied within the store."""
    return {"x-amz-copy-source": urllib.parse.quote(f"/{place_path(source)}", safe="/-_.~")}


def part_query(upload: tuple[str, int]) -> dict[str, str]:
    """Which part of which upload."""
    upload_id, number = upload
    return {"uploadId": upload_id, "partNumber": str(number)}


def next_page(query: Mapping[str, str], markers: Mapping[str, str]) -> dict[str, str]:
    """The query for what follows in a list.

    Raises:
        BadAnswer: The store names no way on, or the one that was taken.
    """
    following = {**query, **markers}
    if following == query or not any(markers.values()):
        raise BadAnswer("The object store's list goes in a circle.")
    return following
