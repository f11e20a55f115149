# SPDX-License-Identifier: Apache-2.0
"""The strict front of the store: what Ceph RGW 16 checks and does, and moto does not.

Signatures, Content-MD5, the payload's sha256 and a body's length are enforced; checksums
(`x-amz-checksum-*`) are ignored and never answered; CompleteMultipartUpload answers an empty ETag
the first time and overwrites whatever If-None-Match says; `?partNumber=` of a GET or HEAD is
ignored. How it words what it answers is in `manners`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from moto.s3.models import OWNER

from poya.lab.storage.backend import DiskBackend, carrying
from poya.lab.storage.bodies import Body, unwrapped
from poya.lab.storage.buckets import (
    in_no_order,
    made_again,
    usage,
    with_location,
    without_location,
)
from poya.lab.storage.completion import completed, etag_asked_for
from poya.lab.storage.contents import Content, Staged
from poya.lab.storage.keys import DiskKey
from poya.lab.storage.manners import finished, kept, range_as_read, require_name
from poya.lab.storage.moto_app import Answer, MotoS3
from poya.lab.storage.refusals import Refused, error_answer
from poya.lab.storage.signature import SignatureCheck, SignedRequest

_MAX_CONTROL_BYTES = 16 * 1024 * 1024
_MD5_BYTES = 16
_MOST_PARTS_OF_MOTO = 10_000
_OBJECT = {"x-rgw-object-type": "Normal"}
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
_ETAG = re.compile(rb"<ETag>(.*?)</ETag>")
# what is made with credentials of cray-sts belongs to the user "STS"
_OWNER = re.compile(rb"(?<=<ID>)%b(?=</ID>)|(?<=<DisplayName>)webfile(?=</)" % OWNER.encode())
_RANGE = re.compile(r"bytes (\d+)-(\d+)/\d+")
_SUB_RESOURCES = frozenset(
    {"acl", "attributes", "legal-hold", "restore", "retention", "select", "tagging"}
    | {"torrent", "uploads"}
)
_NOT_FOR_MOTO = re.compile(
    r"authorization|host|content-length|transfer-encoding|expect|connection|content-md5|range"
    r"|x-moto-.*|x-amz-(content-sha256|decoded-content-length|trailer|checksum-.*|date"
    r"|sdk-checksum-algorithm|security-token)"
)


@dataclass(frozen=True, slots=True)
class S3Request:
    """A request line and its headers (names in lower case)."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """The path as sent, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query as sent."""
        return self.target.partition("?")[2]

    @property
    def parameters(self) -> dict[str, str]:
        """The query, decoded."""
        pairs = (part.partition("=") for part in self.query.split("&") if part)
        return {unquote(name): unquote(value) for name, _, value in pairs}

    def names(self) -> tuple[str, str]:
        """Bucket and key; empty where the path names none."""
        bucket, _, key = self.path.lstrip("/").partition("/")
        return unquote(bucket), unquote(key)


@dataclass(frozen=True, slots=True)
class Download:
    """An answer whose body is a range of an object.

    The files of `content` are kept for whoever sends it, who releases them.
    """

    status: int
    headers: dict[str, str]
    content: Content


class S3Front:
    """Answers S3 requests: checks them, lets moto decide, moves the bytes itself."""

    def __init__(self, backend: DiskBackend, check: SignatureCheck) -> None:
        self.backend = backend
        self._moto = MotoS3(backend.account_id)
        self._check = check

    def handle(self, request: S3Request, body: Body) -> Answer | Download:
        """Answer one request; never raises for what a client may send."""
        try:
            signed = SignedRequest(request.method, request.path, request.query, request.headers)
            payload = self._check.check(signed)
            return self._dispatch(request, body, payload)
        except Refused as refused:
            return error_answer(refused, request.path)

    def _dispatch(self, request: S3Request, body: Body, payload: str) -> Answer | Download:
        parameters = request.parameters
        _, key = request.names()
        require_name(key)
        plain = bool(key) and not _SUB_RESOURCES & parameters.keys()
        if "attributes" in parameters:
            raise Refused(500, "InternalError", "GetObjectAttributes fails on Ceph RGW 16.")
        if request.method == "PUT" and "versioning" in parameters:
            raise Refused(501, "NotImplemented", "The lab keeps one version of an object.")
        if request.method == "GET" and plain and "uploadId" not in parameters:
            return self._download(request)
        copies = "x-amz-copy-source" in request.headers
        if request.method == "PUT" and plain and not copies:
            return self._upload(request, body, payload)
        return self._control(request, body, payload)

    def _upload(self, request: S3Request, body: Body, payload: str) -> Answer:
        self._require_length(body, payload)
        staged = self._staged(request, body, payload)
        with carrying(staged):
            answer = self._beyond_moto(request) or self._ask(request)
        if answer.status >= 400:  # noqa: PLR2004
            self.backend.blobs.discard(staged)
        return finished(request.method, request.path, answer)

    def _beyond_moto(self, request: S3Request) -> Answer | None:
        """Keep a part of a number above 10,000: RGW takes any, moto none of them."""
        (bucket, _), given = request.names(), request.parameters
        number, upload_id = given.get("partNumber", ""), given.get("uploadId", "")
        if not number.isdecimal() or int(number) <= _MOST_PARTS_OF_MOTO:
            return None
        if bucket not in self.backend.buckets or not self.backend.has_upload(bucket, upload_id):
            return None
        part = self.backend.upload_part(bucket, upload_id, int(number), b"")
        return Answer(200, {"etag": part.etag}, b"")

    def _require_length(self, body: Body, payload: str) -> None:
        if body.length_bytes is None or not body.announced:
            raise Refused(411, "MissingContentLength")
        # Ceph RGW 16 takes no checksums behind a body; of a later one at a CSM site none is known
        if payload.endswith("-TRAILER"):
            raise Refused(400, "XAmzContentSHA256Mismatch")

    def _staged(self, request: S3Request, body: Body, payload: str) -> Staged:
        stage = self.backend.blobs.stage(with_sha256=bool(_HEX_SHA256.fullmatch(payload)))
        try:
            for chunk in _plain_chunks(body, payload):
                stage.write(chunk)
            staged = stage.close()
        except BaseException:
            stage.abandon()
            raise
        try:
            _check_digests(request.headers, payload, staged)
        except Refused:
            self.backend.blobs.discard(staged)
            raise
        return staged

    def _download(self, request: S3Request) -> Answer | Download:
        while key := self.backend.hold(*request.names()):
            try:
                answer = self._ask(request, method="HEAD")
                # else it was overwritten between the two looks
                if answer.headers.get("etag", key.etag) == key.etag:
                    return self._range_of(request, key, answer)
            finally:
                self.backend.blobs.release(key.content)
        return finished(request.method, request.path, self._ask(request))

    def _range_of(self, request: S3Request, key: DiskKey, answer: Answer) -> Answer | Download:
        headers = kept(answer.headers) | _OBJECT
        match answer.status:
            case 200:
                return self._held(Download(200, headers, key.content))
            case 206:
                return self._held(Download(206, headers, _range(key.content, headers)))
            case 304:
                return finished(request.method, request.path, answer)
            case 412:
                raise Refused(412, "PreconditionFailed")
            case 416:
                raise Refused(416, "InvalidRange")
        raise Refused(500, "InternalError", f"moto answered {answer.status} to a HEAD.")

    def _held(self, download: Download) -> Download:
        self.backend.blobs.retain(download.content)
        return download

    def _control(self, request: S3Request, body: Body, payload: str) -> Answer:
        staged = self._staged_in_memory(request, body, payload)
        if request.method == "POST" and "uploadId" in request.parameters:
            return self._complete(request, staged)
        bucket, key = request.names()
        if bucket and not key:
            return self._bucket(request, bucket, staged)
        return self._other(request, staged)

    def _bucket(self, request: S3Request, bucket: str, body: bytes) -> Answer:
        """What RGW says of buckets otherwise than moto."""
        is_made = request.method == "PUT" and not request.parameters
        if is_made and (again := made_again(self.backend, bucket, body)):
            return again
        answer = self._other(request, without_location(body) if is_made else body)
        if answer.status >= 400:  # noqa: PLR2004
            return answer
        if request.method == "HEAD":
            return Answer(answer.status, usage(self.backend, bucket), b"")
        if request.method == "GET" and "location" in request.parameters:
            answer.body = with_location(answer.body)
        if request.method == "POST" and "delete" in request.parameters:
            answer.body = in_no_order(answer.body)
        return answer

    def _other(self, request: S3Request, body: bytes) -> Answer:
        answer = finished(request.method, request.path, self._ask(request, body=body))
        answer.body = _OWNER.sub(b"STS", answer.body)
        if request.method == "PUT":
            answer.body = _ETAG.sub(_without_quotes, answer.body)
        if request.method == "HEAD" and request.names()[1]:
            answer.headers |= _OBJECT if answer.status < 400 else {}  # noqa: PLR2004
        return answer

    def _complete(self, request: S3Request, body: bytes) -> Answer:
        bucket, key = request.names()
        host = request.headers.get("host", "")
        if self.backend.has_upload(bucket, request.parameters["uploadId"]):
            answer = self._ask(request, body=body)
            if answer.status == 200:  # noqa: PLR2004
                return completed(host, bucket, key)
            return finished(request.method, request.path, answer)
        found, etag = self.backend.find(bucket, key), etag_asked_for(body)
        if found is None or found.etag.strip('"') != etag:
            raise Refused(500, "InternalError")
        return completed(host, bucket, key, etag)

    def _staged_in_memory(self, request: S3Request, body: Body, payload: str) -> bytes:
        if (body.length_bytes or 0) > _MAX_CONTROL_BYTES:
            raise Refused(400, "EntityTooLarge")
        staged = self._staged(request, body, payload)
        try:
            return b"".join(self.backend.blobs.read(staged.content))
        finally:
            self.backend.blobs.discard(staged)

    def _ask(self, request: S3Request, *, method: str = "", body: bytes = b"") -> Answer:
        headers = {
            name: value
            for name, value in request.headers.items()
            if not _NOT_FOR_MOTO.fullmatch(name)
        }
        wanted = range_as_read(request.headers.get("range", ""))
        if wanted:
            headers["range"] = wanted
        _respell_conditions(request.method, headers)
        if headers.get("content-encoding") == "aws-chunked":
            del headers["content-encoding"]
        return self._moto.ask(method or request.method, _moto_target(request), headers, body)


def _respell_conditions(method: str, headers: dict[str, str]) -> None:
    """Spell etags in conditions as moto compares them.

    RGW takes the quotes off for reads. For writes it does not, so that no quoted etag is ever an
    object's; and it does not look at the conditions of a completion.
    """
    for name in ("if-match", "if-none-match"):
        etag = headers.get(name, "*")
        if method == "POST":
            headers.pop(name, None)
        elif etag != "*":
            quoted = method == "PUT" and etag.startswith('"')
            headers[name] = '"no object has it"' if quoted else '"' + etag.strip('"') + '"'


def _moto_target(request: S3Request) -> str:
    kept = [
        part for part in request.query.split("&") if part and not part.lower().startswith("x-amz-")
    ]
    if "uploadId" not in request.parameters:
        kept = [part for part in kept if not part.startswith("partNumber=")]
    return f"{request.path}?{'&'.join(kept)}" if kept else request.path


def _plain_chunks(body: Body, payload: str) -> Iterator[bytes]:
    return unwrapped(body.chunks()) if payload.startswith("STREAMING-") else body.chunks()


def _check_digests(headers: dict[str, str], payload: str, staged: Staged) -> None:
    if _HEX_SHA256.fullmatch(payload) and staged.sha256 != payload:
        raise Refused(400, "XAmzContentSHA256Mismatch")
    decoded = headers.get("x-amz-decoded-content-length")
    if decoded is not None and decoded != str(staged.content.size_bytes):
        raise Refused(400, "IncompleteBody")
    if "content-md5" not in headers:
        return
    try:
        expected = base64.b64decode(headers["content-md5"], validate=True).hex()
    except binascii.Error:
        raise Refused(400, "InvalidDigest") from None
    if len(expected) != 2 * _MD5_BYTES:
        raise Refused(400, "InvalidDigest")
    if expected != staged.md5:
        raise Refused(400, "BadDigest")


def _range(content: Content, headers: dict[str, str]) -> Content:
    found = _RANGE.fullmatch(headers["content-range"])
    if not found:
        raise Refused(500, "InternalError", "moto answered a range that cannot be read.")
    first, last = int(found[1]), int(found[2])
    return content.cut(first, last - first + 1)


def _without_quotes(found: re.Match[bytes]) -> bytes:
    return b"<ETag>" + found[1].replace(b"&quot;", b"").strip(b'"') + b"</ETag>"
