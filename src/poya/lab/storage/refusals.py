# SPDX-License-Identifier: Apache-2.0
"""What the front answers itself instead of asking moto."""

from __future__ import annotations

import uuid
from urllib.parse import unquote
from xml.sax.saxutils import escape

from poya.lab.storage.moto_app import Answer


class Refused(Exception):
    """The front refuses a request: an HTTP status and S3's code for it."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


def request_id() -> str:
    """One of the form that Ceph RGW has: `tx`, a number, the time, the zone."""
    digits = uuid.uuid4().hex
    return f"tx{digits[:21]}-{digits[21:31]}-100f-default"


def error_answer(refused: Refused, path: str) -> Answer:
    """The XML that Ceph RGW answers an error with; `path` as sent, it may name a bucket."""
    number, bucket = request_id(), unquote(path.lstrip("/").partition("/")[0])
    named = f"<BucketName>{escape(bucket)}</BucketName>" if bucket else ""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<Error><Code>{escape(refused.code)}</Code>"
        f"<Message>{escape(refused.message)}</Message>{named}"
        f"<RequestId>{number}</RequestId><HostId>100f-default-default</HostId></Error>"
    ).encode()
    headers = {
        "content-type": "application/xml",
        "accept-ranges": "bytes",
        "x-amz-request-id": number,
    }
    return Answer(refused.status, headers, body)
