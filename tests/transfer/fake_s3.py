# SPDX-License-Identifier: Apache-2.0
"""A strict S3 in memory that answers as Ceph RGW 16 does, and fails as it is told to.

It shares no code with poya: signatures, etags and multipart rules are written anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

MIB = 1024 * 1024
_PAGE = 3


@dataclass
class Stored:
    data: bytes
    etag: str
    metadata: dict[str, str] = field(default_factory=dict)
    part_bytes: int | None = None


@dataclass
class Upload:
    bucket: str
    key: str
    metadata: dict[str, str]
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def kind(self) -> str:
        """The S3 operation, roughly."""
        known = {"uploads": "uploads", "partNumber": "part", "uploadId": "upload"}
        for name, kind in known.items():
            if name in self.query:
                return f"{self.method} {kind}"
        return f"{self.method} {'object' if self.path.count('/') > 1 else 'bucket'}"


@dataclass
class Fault:
    """Something that goes wrong with the next requests of a kind.

    action: `reset` before acting, `reset_mid_body` while the body arrives, `lost_ack` after acting,
    `truncate` or `corrupt` the answer's body, `corrupt_stored` what is kept, `wrong_etag`,
    `stall`, `late_error` (200 with an error in it), or an S3 code such as `SlowDown`.
    """

    kind: str
    action: str
    times: int = 1
    after: int = 0
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)

    def applies(self, seen: Seen) -> bool:
        if seen.kind != self.kind or self.times <= 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message or f"it is {code}"


class FakeS3:
    """Buckets, uploads, keys, faults and the log of one store."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, Stored]] = {"boot-images": {}}
        self.uploads: dict[str, Upload] = {}
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.keys: dict[str, tuple[str, str | None, float | None]] = {
            "AKTEST": ("s3cret+/key", None, None)
        }
        self.lock = threading.RLock()
        self.received_bytes = 0
        self.on_request: Callable[[Seen], None] = lambda _seen: None
        self.min_part_bytes = 5 * MIB
        self.latency_s = 0.0
        # RGW takes notice of HEAD ?partNumber from Squid on.
        self.tells_parts = False
        self.keeps_etags = True
        self._ids = itertools.count(1)
        self._completed: dict[str, Stored] = {}

    def put(self, key: str, data: bytes, part_bytes: int | None = None) -> str:
        """Store an object as a client would; its etag."""
        etag = etag_of(data, part_bytes)
        self.buckets["boot-images"][key] = Stored(data, etag, part_bytes=part_bytes)
        return etag

    def data(self, key: str) -> bytes:
        return self.buckets["boot-images"][key].data

    def fail(self, kind: str, action: str, **more: object) -> None:
        self.faults.append(Fault(kind, action, **more))  # type: ignore[arg-type]

    def count(self, kind: str) -> int:
        return sum(seen.kind == kind for seen in self.seen)

    def issue(self, lifetime_s: float) -> tuple[str, str, str, float]:
        """Temporary credentials: key id, secret, token, end."""
        number = next(self._ids)
        expires_at_s = time.time() + lifetime_s
        key, secret, token = f"STS{number}", f"sts-secret-{number}", f"sts-token-{number}/+="
        self.keys[key] = (secret, token, expires_at_s)
        return key, secret, token, expires_at_s

    def new_upload(self, bucket: str, key: str, metadata: dict[str, str]) -> str:
        upload_id = f"2~upload{next(self._ids)}"
        self.uploads[upload_id] = Upload(bucket, key, metadata)
        return upload_id

    def complete(self, upload_id: str, wanted: list[tuple[int, str]]) -> Stored:
        if upload_id not in self.uploads:
            raise Refused(404, "NoSuchUpload")
        upload = self.uploads[upload_id]
        if not wanted or [n for n, _ in wanted] != sorted({n for n, _ in wanted}):
            raise Refused(400, "InvalidPartOrder")
        pieces = []
        for number, etag in wanted:
            data = upload.parts.get(number)
            if data is None or hashlib.md5(data).hexdigest() != etag:
                raise Refused(400, "InvalidPart")
            pieces.append(data)
        if any(len(piece) < self.min_part_bytes for piece in pieces[:-1]):
            raise Refused(400, "EntityTooSmall")
        digests = b"".join(hashlib.md5(piece).digest() for piece in pieces)
        etag = f"{hashlib.md5(digests).hexdigest()}-{len(pieces)}"
        stored = Stored(b"".join(pieces), etag, upload.metadata)
        self.buckets[upload.bucket][upload.key] = stored
        del self.uploads[upload_id]
        return stored


def etag_of(data: bytes, part_bytes: int | None = None) -> str:
    if part_bytes is None:
        return hashlib.md5(data).hexdigest()
    pieces = [data[i : i + part_bytes] for i in range(0, len(data), part_bytes)] or [b""]
    digests = b"".join(hashlib.md5(piece).digest() for piece in pieces)
    return f"{hashlib.md5(digests).hexdigest()}-{len(pieces)}"


@contextmanager
def serving(
    fake: FakeS3, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[str]:
    """Serve a fake on loopback; yields its URL."""

    class Handler(_Handler):
        store = fake

    server = (_Server6 if ":" in host else _Server)((host, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        shown = f"[{host}]" if ":" in host else host
        yield f"{'https' if tls else 'http'}://{shown}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are part of the tests."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Hangup(Exception):
    """The connection ends here."""


class _Handler(BaseHTTPRequestHandler):
    store: FakeS3
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    headers: Message

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, unquote(parts.path), query, headers)
        with self.store.lock:
            self.store.seen.append(seen)
            fault = next((f for f in self.store.faults if f.applies(seen)), None)
        self.store.on_request(seen)
        if self.store.latency_s:
            time.sleep(self.store.latency_s)
        try:
            self._act(seen, fault)
        except Refused as refused:
            self._refuse(refused, fault.headers if fault else {})
        except _Hangup:
            self._reset()

    def _act(self, seen: Seen, fault: Fault | None) -> None:
        action = fault.action if fault else ""
        if action == "reset":
            raise _Hangup
        if action == "stall":
            time.sleep(5)
            raise _Hangup
        body = self._body(seen, reset=action == "reset_mid_body")
        if fault and action[:1].isupper():
            raise Refused(fault.status, action)
        self._check_signature(seen, body)
        self._check_md5(seen, body)
        if action == "late_error":
            self._send(200, b"<?xml version='1.0'?>\n<Error><Code>InternalError</Code></Error>")
            return
        if action == "corrupt_stored":
            body = bytes([body[0] ^ 1]) + body[1:]
        with self.store.lock:
            status, answer, headers = self._operate(seen, body)
        if action == "lost_ack":
            raise _Hangup
        if action == "wrong_etag":
            headers["ETag"] = f'"{"0" * 32}"'
        if action == "corrupt":
            answer = bytes([answer[0] ^ 1]) + answer[1:]
        self._send(status, answer, headers, cut=action == "truncate")

    def _operate(self, seen: Seen, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        _, bucket, *rest = seen.path.split("/", 2)
        key = rest[0] if rest else ""
        if bucket not in self.store.buckets:
            raise Refused(404, "NoSuchBucket")
        operation = getattr(self, "_" + seen.kind.lower().replace(" ", "_"), None)
        if operation is None:
            raise Refused(405, "MethodNotAllowed")
        result: tuple[int, bytes, dict[str, str]] = operation(seen, bucket, key, body)
        return result

    # The operations; each returns status, body, headers.

    def _head_bucket(self, *_: object) -> tuple[int, bytes, dict[str, str]]:
        return 200, b"", {}

    def _get_bucket(
        self, seen: Seen, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        prefix, after = seen.query.get("prefix", ""), seen.query.get("continuation-token", "")
        keys = sorted(k for k in self.store.buckets[bucket] if k.startswith(prefix) and k > after)
        page, more = keys[:_PAGE], len(keys) > _PAGE
        held = self.store.buckets[bucket]
        entries = "".join(
            f"<Contents><Key>{escape(k)}</Key><Size>{len(held[k].data)}</Size></Contents>"
            for k in page
        )
        token = (
            f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        )
        return 200, _xml("ListBucketResult", entries + token, more), {}

    def _head_object(
        self, seen: Seen, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        stored = self._stored(bucket, key)
        meta = {f"x-amz-meta-{name}": value for name, value in stored.metadata.items()}
        headers = {"ETag": f'"{stored.etag}"', **meta}
        if "partNumber" in seen.query and self.store.tells_parts and stored.part_bytes:
            start = (int(seen.query["partNumber"]) - 1) * stored.part_bytes
            return 206, stored.data[start : start + stored.part_bytes], headers
        return 200, stored.data, headers

    _head_part = _head_object

    def _get_object(
        self, seen: Seen, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        stored = self._stored(bucket, key)
        wanted = seen.headers.get("if-match", "").strip('"')
        if wanted and wanted != stored.etag:
            raise Refused(412, "PreconditionFailed")
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", seen.headers.get("range", ""))
        if not match:
            return 200, stored.data, {"ETag": f'"{stored.etag}"'}
        first, last = int(match[1]), min(int(match[2]), len(stored.data) - 1)
        if first >= len(stored.data):
            raise Refused(416, "InvalidRange")
        told = f"bytes {first}-{last}/{len(stored.data)}"
        return 206, stored.data[first : last + 1], {"Content-Range": told}

    def _put_object(
        self, seen: Seen, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        if seen.headers.get("if-none-match") == "*" and key in self.store.buckets[bucket]:
            raise Refused(412, "PreconditionFailed")
        if "x-amz-copy-source" in seen.headers:
            data, metadata = self._copied(seen)
            # RGW keeps the etag of what is copied, whatever it is.
            original = self._original(seen)
            etag = original.etag if self.store.keeps_etags else etag_of(data)
            stored = Stored(data, etag, metadata)
            self.store.buckets[bucket][key] = stored
            # RGW leaves the quotes out here.
            return 200, _xml("CopyObjectResult", f"<ETag>{stored.etag}</ETag>"), {}
        self.store.buckets[bucket][key] = Stored(body, etag_of(body), _metadata(seen))
        return 200, b"", {"ETag": f'"{etag_of(body)}"'}

    def _delete_object(
        self, seen: Seen, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        self.store.buckets[bucket].pop(key, None)
        return 204, b"", {}

    def _post_uploads(
        self, seen: Seen, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        upload_id = self.store.new_upload(bucket, key, _metadata(seen))
        return 200, _xml("InitiateMultipartUploadResult", f"<UploadId>{upload_id}</UploadId>"), {}

    def _get_uploads(
        self, seen: Seen, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        prefix = seen.query.get("prefix", "")
        after = (seen.query.get("key-marker", ""), seen.query.get("upload-id-marker", ""))
        found = sorted(
            (upload.key, upload_id)
            for upload_id, upload in self.store.uploads.items()
            if upload.bucket == bucket and upload.key.startswith(prefix)
        )
        found = [pair for pair in found if pair > after]
        page, more = found[:_PAGE], len(found) > _PAGE
        entries = "".join(
            f"<Upload><Key>{escape(k)}</Key><UploadId>{u}</UploadId></Upload>" for k, u in page
        )
        if more:
            entries += f"<NextKeyMarker>{escape(page[-1][0])}</NextKeyMarker>"
            entries += f"<NextUploadIdMarker>{page[-1][1]}</NextUploadIdMarker>"
        return 200, _xml("ListMultipartUploadsResult", entries, more), {}

    def _put_part(
        self, seen: Seen, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        upload = self._upload(seen, key)
        number = int(seen.query["partNumber"])
        if "x-amz-copy-source" in seen.headers:
            body, _ = self._copied(seen)
            upload.parts[number] = body
            return 200, _xml("CopyPartResult", f"<ETag>{etag_of(body)}</ETag>"), {}
        upload.parts[number] = body
        self.store.received_bytes += len(body)
        return 200, b"", {"ETag": f'"{etag_of(body)}"'}

    def _get_upload(
        self, seen: Seen, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        upload = self._upload(seen, key)
        after = int(seen.query.get("part-number-marker", "0"))
        numbers = sorted(number for number in upload.parts if number > after)
        page, more = numbers[:_PAGE], len(numbers) > _PAGE
        entries = "".join(
            f"<Part><PartNumber>{n}</PartNumber><Size>{len(upload.parts[n])}</Size>"
            f"<ETag>&quot;{etag_of(upload.parts[n])}&quot;</ETag></Part>"
            for n in page
        )
        if more:
            entries += f"<NextPartNumberMarker>{page[-1]}</NextPartNumberMarker>"
        return 200, _xml("ListPartsResult", entries, more), {}

    def _post_upload(
        self, seen: Seen, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        self._upload(seen, key)
        wanted = [
            (int(part.findtext("PartNumber", "")), part.findtext("ETag", "").strip('"'))
            for part in ET.fromstring(body)
        ]
        self.store.complete(seen.query["uploadId"], wanted)
        # RGW 16 answers the first call with an empty etag.
        return 200, _xml("CompleteMultipartUploadResult", "<ETag></ETag>"), {}

    def _delete_upload(
        self, seen: Seen, bucket: str, key: str, body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        self._upload(seen, key)
        del self.store.uploads[seen.query["uploadId"]]
        return 204, b"", {}

    def _upload(self, seen: Seen, key: str) -> Upload:
        upload = self.store.uploads.get(seen.query["uploadId"])
        if upload is None or upload.key != key:
            raise Refused(404, "NoSuchUpload")
        return upload

    def _stored(self, bucket: str, key: str) -> Stored:
        try:
            return self.store.buckets[bucket][key]
        except KeyError:
            raise Refused(404, "NoSuchKey") from None

    def _original(self, seen: Seen) -> Stored:
        _, bucket, key = unquote(seen.headers["x-amz-copy-source"]).split("/", 2)
        stored = self._stored(bucket, key)
        if seen.headers.get("x-amz-copy-source-if-match", "").strip('"') not in ("", stored.etag):
            raise Refused(412, "PreconditionFailed")
        return stored

    def _copied(self, seen: Seen) -> tuple[bytes, dict[str, str]]:
        stored = self._original(seen)
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", seen.headers.get("x-amz-copy-source-range", ""))
        data = stored.data[int(match[1]) : int(match[2]) + 1] if match else stored.data
        replaces = seen.headers.get("x-amz-metadata-directive") == "REPLACE"
        return data, _metadata(seen) if replaces else stored.metadata

    # The wire.

    def _body(self, seen: Seen, *, reset: bool) -> bytes:
        size = int(seen.headers.get("content-length", "0"))
        if reset:
            self.rfile.read(size // 2)
            raise _Hangup
        body = self.rfile.read(size)
        if len(body) != size:
            raise _Hangup
        return body

    def _send(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        cut: bool = False,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            raise _Hangup

    def _refuse(self, refused: Refused, headers: Mapping[str, str]) -> None:
        text = escape(refused.message)
        body = _xml("Error", f"<Code>{refused.code}</Code><Message>{text}</Message>")
        self._send(refused.status, b"" if self.command == "HEAD" else body, headers)

    def _reset(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        linger = struct.pack("ii", 1, 0)
        socket.socket.setsockopt(self.connection, socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.rfile.close()

    # Strictness.

    def _check_md5(self, seen: Seen, body: bytes) -> None:
        told = seen.headers.get("content-md5")
        if told is not None and base64.b64decode(told) != hashlib.md5(body).digest():
            raise Refused(400, "BadDigest")

    def _check_signature(self, seen: Seen, body: bytes) -> None:
        told = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]*)/s3/aws4_request, "
            r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
            seen.headers.get("authorization", ""),
        )
        if told is None:
            raise Refused(403, "AccessDenied")
        key_id, day, region, signed, signature = told.groups()
        if key_id not in self.store.keys:
            raise Refused(403, "InvalidAccessKeyId")
        secret, token, expires_at_s = self.store.keys[key_id]
        if token != seen.headers.get("x-amz-security-token"):
            raise Refused(403, "InvalidToken", f"token {token} of {secret} is not what came")
        if expires_at_s is not None and time.time() >= expires_at_s:
            raise Refused(403, "ExpiredToken")
        payload = seen.headers["x-amz-content-sha256"]
        if payload not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
            raise Refused(400, "XAmzContentSHA256Mismatch")
        must = {"host"} | {n for n in seen.headers if n.startswith("x-amz-") or n == "content-md5"}
        if not must <= set(signed.split(";")):
            raise Refused(403, "AccessDenied")
        parts = urlsplit(self.path)
        pairs = sorted(parse_qsl(parts.query, keep_blank_values=True))
        canonical = "\n".join(
            [
                self.command,
                quote(unquote(parts.path), safe="/-_.~"),
                "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs),
                *(f"{n}:{' '.join(seen.headers[n].split())}" for n in signed.split(";")),
                "",
                signed,
                payload,
            ]
        )
        scope = f"{day}/{region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", seen.headers["x-amz-date"], scope, digest])
        key = f"AWS4{secret}".encode()
        for piece in (day, region, "s3", "aws4_request"):
            key = hmac.new(key, piece.encode(), hashlib.sha256).digest()
        if hmac.new(key, text.encode(), hashlib.sha256).hexdigest() != signature:
            raise Refused(403, "SignatureDoesNotMatch")


def _metadata(seen: Seen) -> dict[str, str]:
    prefix = "x-amz-meta-"
    return {n.removeprefix(prefix): v for n, v in seen.headers.items() if n.startswith(prefix)}


def _xml(root: str, inner: str, more: bool | None = None) -> bytes:
    truncated = "" if more is None else f"<IsTruncated>{str(more).lower()}</IsTruncated>"
    space = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' if root != "Error" else ""
    return f'<?xml version="1.0"?><{root}{space}>{inner}{truncated}</{root}>'.encode()
