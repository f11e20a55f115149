# SPDX-License-Identifier: Apache-2.0
"""What Ceph RGW 16.2.15 says of buckets and moto does not: seen on the real gateway."""

from __future__ import annotations

import re
import zlib

from poya.lab.storage.backend import DiskBackend
from poya.lab.storage.moto_app import Answer
from poya.lab.storage.refusals import Refused, request_id

_ZONE_GROUP = b"default"
_LOCATION = re.compile(rb"<LocationConstraint[^>]*>([^<]*)<")
_ANY_LOCATION = re.compile(rb"<LocationConstraint[^>]*?(?:/>|>[^<]*</LocationConstraint>)")
_DELETED = re.compile(rb"<Deleted>.*?</Deleted>|<Error>.*?</Error>", re.DOTALL)
_NO_QUOTA = {
    "x-rgw-quota-user-size": "-1",
    "x-rgw-quota-user-objects": "-1",
    "x-rgw-quota-max-buckets": "1000",
    "x-rgw-quota-bucket-size": "-1",
    "x-rgw-quota-bucket-objects": "-1",
}


def usage(backend: DiskBackend, bucket: str) -> dict[str, str]:
    """The headers of a bucket's HEAD: what is in it, and what may be (no limit)."""
    count, size_bytes = backend.usage(bucket)
    used = {"x-rgw-object-count": str(count), "x-rgw-bytes-used": str(size_bytes)}
    return used | _NO_QUOTA | {"x-amz-request-id": request_id()}


def made_again(backend: DiskBackend, bucket: str, body: bytes) -> Answer | None:
    """The answer to making a bucket that is there, which is no fault; None if it is not.

    Raises:
        Refused: 400 InvalidLocationConstraint for any place but this one.
    """
    asked = _LOCATION.search(body)
    if asked and asked[1] not in (b"", _ZONE_GROUP):
        words = "The specified location-constraint is not valid"
        raise Refused(400, "InvalidLocationConstraint", words)
    if bucket not in backend.buckets:
        return None
    return Answer(200, {"x-amz-request-id": request_id()}, b"")


def with_location(body: bytes) -> bytes:
    """The answer to GetBucketLocation: RGW names its zone group."""
    xmlns = b"http://s3.amazonaws.com/doc/2006-03-01/"
    place = b'<LocationConstraint xmlns="%b">%b</LocationConstraint>' % (xmlns, _ZONE_GROUP)
    return _ANY_LOCATION.sub(place, body)


def without_location(body: bytes) -> bytes:
    """The request to make a bucket, as moto takes it."""
    return b"" if _LOCATION.search(body) else body


def in_no_order(body: bytes) -> bytes:
    """The answer to DeleteObjects: RGW deletes side by side and tells as it goes."""
    told = sorted(_DELETED.findall(body), key=zlib.crc32)
    return _DELETED.sub(lambda _found: told.pop(0), body)
