# SPDX-License-Identifier: Apache-2.0
"""CompleteMultipartUpload as Ceph RGW 16 answers it: no ETag at first, a bare one afterwards."""

from __future__ import annotations

from urllib.parse import quote
from xml.dom import minidom
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

from poya.lab.storage.manners import etag_of_parts
from poya.lab.storage.moto_app import Answer
from poya.lab.storage.refusals import Refused, request_id

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def completed(host: str, bucket: str, key: str, etag: str = "") -> Answer:
    """The answer of an upload that is complete."""
    location = f"https://{host}/{bucket}/{quote(key)}"
    fields = {"Location": location, "Bucket": bucket, "Key": key, "ETag": etag}
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in fields.items())
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<CompleteMultipartUploadResult xmlns="{_NAMESPACE}">{inner}'
        "</CompleteMultipartUploadResult>"
    )
    headers = {"content-type": "application/xml", "x-amz-request-id": request_id()}
    return Answer(200, headers, body.encode())


def etag_asked_for(body: bytes) -> str:
    """The etag that an object of the parts in a request's body would have.

    It is how RGW knows whether an upload that it does not know was completed before.

    Raises:
        Refused: 400 MalformedXML.
    """
    try:
        named = dict(map(_part, minidom.parseString(body).getElementsByTagName("Part")))
    except (ExpatError, IndexError, AttributeError, ValueError) as error:
        raise Refused(400, "MalformedXML") from error
    return etag_of_parts(named[number] for number in sorted(named))


def _part(element: minidom.Element) -> tuple[int, str]:
    return int(_text(element, "PartNumber")), _text(element, "ETag")


def _text(element: minidom.Element, name: str) -> str:
    (found,) = element.getElementsByTagName(name)
    return "".join(node.nodeValue or "" for node in found.childNodes)
