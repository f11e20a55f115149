# SPDX-License-Identifier: Apache-2.0
"""The manners of Ceph RGW 16.2.15 where moto has those of AWS, as seen on the real gateway."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from xml.sax.saxutils import unescape

from poya.lab.storage.moto_app import Answer
from poya.lab.storage.refusals import Refused, error_answer, request_id

_MAX_KEY_BYTES = 1024
_CODES = {400: "InvalidArgument", 403: "AccessDenied", 404: "NoSuchKey", 500: "InternalError"}
_STATUSES = {"InvalidRange": 416}
_CODE = re.compile(rb"<Code>(.*?)</Code>")
_INITIATOR_OF_PARTS = re.compile(rb"<Initiator>.*?</Initiator>", re.DOTALL)
_NAME_OF_PARTS = re.compile(rb"(</?)ListPartsResponse(?=[ >])")
_NUMBERS = re.compile(r"\s*(-?\d+)")
_NOT_FROM_MOTO = re.compile(
    r"x-amz-checksum-.*|x-amz-sdk-checksum-algorithm|x-amz-mp-parts-count|access-control-.*"
    r"|x-amz-version-id|x-amzn-requestid|x-amz-bucket-region|location|date|server|connection"
    r"|transfer-encoding|vary"
)


def require_name(key: str) -> None:
    """Refuse a key that is too long.

    Raises:
        Refused: 400 InvalidObjectName.
    """
    if len(key.encode()) > _MAX_KEY_BYTES:
        raise Refused(400, "InvalidObjectName")


def range_as_read(text: str) -> str | None:
    """The range that RGW takes `text` for, spelt properly; None if it ignores it.

    It reads numbers as C does (no number is 0) and the first range only; `-0` is everything.

    Raises:
        Refused: 416 if it ends before it begins.
    """
    unit, _, wanted = text.partition("=")
    first, dash, last = wanted.partition("-")
    if unit.strip() != "bytes" or not dash:
        return None
    if not first:
        length = _number(last)
        return f"bytes=-{length}" if length else "bytes=0-"
    start = _number(first)
    if not last:
        return f"bytes={start}-"
    if _number(last) < start:
        raise Refused(416, "InvalidRange")
    return f"bytes={start}-{_number(last)}"


def etag_of_parts(etags: Iterable[str]) -> str:
    """The etag of an object of parts that have these etags; empty if one is none."""
    listed = [etag.strip('"') for etag in etags]
    try:
        digests = b"".join(bytes.fromhex(etag) for etag in listed)
    except ValueError:
        return ""
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(listed)}"


def finished(method: str, path: str, answer: Answer) -> Answer:
    """An answer of moto's as RGW gives it: headers, and errors without AWS's words."""
    if answer.status >= 400:  # noqa: PLR2004
        code = _code(method, answer)
        return error_answer(Refused(_STATUSES.get(code, answer.status), code), path)
    headers = {} if answer.status == 304 else kept(answer.headers)  # noqa: PLR2004
    if method == "PUT":
        headers.pop("last-modified", None)
        if answer.body:
            headers.pop("etag", None)
        else:
            headers.pop("content-type", None)
    if method == "DELETE" and not answer.body:
        headers.pop("content-type", None)
    elif not answer.body:
        headers.setdefault("accept-ranges", "bytes")
    body = _INITIATOR_OF_PARTS.sub(_unless_upload, answer.body)
    return Answer(answer.status, headers, _NAME_OF_PARTS.sub(rb"\1ListPartsResult", body))


def kept(headers: dict[str, str]) -> dict[str, str]:
    """The headers of moto's that RGW sends too, and its own."""
    kept_ones = {k: text for k, text in headers.items() if not _NOT_FROM_MOTO.fullmatch(k)}
    return kept_ones | {"x-amz-request-id": request_id()}


def _unless_upload(found: re.Match[bytes]) -> bytes:
    # ListParts has no initiator, ListMultipartUploads has one in each upload
    return found[0] if b"<Upload>" in found.string else b""


def _code(method: str, answer: Answer) -> str:
    found = _CODE.search(answer.body)
    code = unescape(found[1].decode()) if found else _CODES.get(answer.status, "InternalError")
    # ListParts of an upload that is none
    return "NoSuchKey" if (method, code) == ("GET", "NoSuchUpload") else code


def _number(text: str) -> int:
    found = _NUMBERS.match(text)
    return int(found[1]) if found else 0
