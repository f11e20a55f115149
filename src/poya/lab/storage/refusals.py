# SPDX-License-Identifier: Apache-2.0
"""What the front answers itself instead of asking moto."""

from __future__ import annotations

from xml.sax.saxutils import escape

from poya.lab.storage.moto_app import Answer


class Refused(Exception):
    """The front refuses a request: an HTTP status and S3's code for it."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


def error_answer(refused: Refused, resource: str) -> Answer:
    """The XML that S3 answers an error with."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<Error><Code>{escape(refused.code)}</Code>"
        f"<Message>{escape(refused.message)}</Message>"
        f"<Resource>{escape(resource)}</Resource><RequestId>lab</RequestId></Error>"
    ).encode()
    return Answer(refused.status, {"content-type": "application/xml"}, body)
