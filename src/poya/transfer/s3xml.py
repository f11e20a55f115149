# SPDX-License-Identifier: Apache-2.0
"""The XML of the S3 API: read with bounds and without entities, namespaces ignored."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from poya.errors import BadAnswer
from poya.transfer.etags import clean_etag

_DECLARATION = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_EVERYBODY = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")
_WIDE_ENCODING = re.compile(rb"\x00")


@dataclass(frozen=True, slots=True)
class PartInfo:
    """A part that an open multipart upload holds.

    Attributes:
        number: 1..10,000.
        size_bytes: Its length.
        etag: Md5 of its bytes, without quotes.
    """

    number: int
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """An open multipart upload.

    Attributes:
        key: The object it is to become.
        upload_id: Its id.
        initiated: When it was begun, as the service writes it.
    """

    key: str
    upload_id: str
    initiated: str


@dataclass(frozen=True, slots=True)
class BucketGrants:
    """Who may do what in a bucket.

    Attributes:
        own: Whom the store takes us for: id and name.
        granted: Id of a user or URI of a group, and what it may: `READ`, `WRITE`, `READ_ACP`,
            `WRITE_ACP` or `FULL_CONTROL`.
    """

    own: frozenset[str]
    granted: tuple[tuple[str, str], ...]

    @property
    def may_write(self) -> bool:
        """Whether the list lets us write and delete; a policy of the bucket may differ."""
        return any(
            permission in ("WRITE", "FULL_CONTROL")
            for grantee, permission in self.granted
            if grantee in self.own or grantee.endswith(_EVERYBODY)
        )


def parse_xml(body: bytes) -> ET.Element:
    """Parse an answer.

    Raises:
        BadAnswer: Not XML, or with a document type or entities (which S3 never sends).
    """
    # Services send white space ahead of the document to keep a slow request alive.
    text = body.strip()
    if _DECLARATION.search(text) or _WIDE_ENCODING.search(text):
        raise BadAnswer("The object store answered XML with declarations; it is not read.")
    try:
        return ET.fromstring(text)  # bounded by the transport, no entities by the check above
    except ET.ParseError as error:
        raise BadAnswer("The object store's answer is not XML.", why=str(error)) from error


def name_of(element: ET.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: ET.Element, name: str) -> list[ET.Element]:
    """The direct children of that name, whatever their namespace."""
    return [child for child in element if name_of(child) == name]


def text_of(element: ET.Element, name: str) -> str:
    """The text of the first child of that name; empty if there is none."""
    found = children(element, name)
    return (found[0].text or "").strip() if found else ""


def parse_parts(root: ET.Element) -> list[PartInfo]:
    """Read the parts of a ListParts answer.

    Raises:
        BadAnswer: A number is none.
    """
    try:
        return [
            PartInfo(
                int(text_of(part, "PartNumber")),
                int(text_of(part, "Size")),
                clean_etag(text_of(part, "ETag")),
            )
            for part in children(root, "Part")
        ]
    except ValueError as error:
        raise BadAnswer("The object store's list of parts makes no sense.") from error


def parse_uploads(root: ET.Element) -> list[UploadInfo]:
    """Read the uploads of a ListMultipartUploads answer."""
    return [
        UploadInfo(
            text_of(upload, "Key"), text_of(upload, "UploadId"), text_of(upload, "Initiated")
        )
        for upload in children(root, "Upload")
    ]


def parse_keys(root: ET.Element) -> list[str]:
    """Read the keys of a ListObjectsV2 answer."""
    return [text_of(entry, "Key") for entry in children(root, "Contents")]


def parse_grants(acl: ET.Element, buckets: ET.Element) -> BucketGrants:
    """Read the answers of GetBucketAcl and ListBuckets."""
    owners = children(buckets, "Owner")
    lists = children(acl, "AccessControlList")
    granted = [
        (text_of(grantee, key), text_of(grant, "Permission"))
        for held in lists
        for grant in children(held, "Grant")
        for grantee in children(grant, "Grantee")
        for key in ("ID", "DisplayName", "URI")
    ]
    own = {text_of(owner, key) for owner in owners for key in ("ID", "DisplayName")}
    return BucketGrants(frozenset(own - {""}), tuple(granted))


def completion(parts: Iterable[tuple[int, str]]) -> bytes:
    """The body of CompleteMultipartUpload for (number, etag) pairs in order."""
    root = ET.Element("CompleteMultipartUpload")
    for number, etag in parts:
        part = ET.SubElement(root, "Part")
        ET.SubElement(part, "PartNumber").text = str(number)
        ET.SubElement(part, "ETag").text = f'"{etag}"'
    return ET.tostring(root, encoding="unicode").encode()
