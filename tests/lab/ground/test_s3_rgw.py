# SPDX-License-Identifier: Apache-2.0
"""The tests of the lab's store, against the store that it stands for: `make test-rgw`.

What holds of the lab and not of Ceph RGW 16 is a fault of the lab.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.transfer import ceph

from lab.ground import test_s3
from lab.ground.conftest import s3_client

pytestmark = [
    pytest.mark.rgw,
    pytest.mark.skipif(bool(ceph.missing_programs()), reason="Ceph is not installed"),
]

_CREDENTIALS: dict[str, str | None] = {
    "aws_access_key_id": ceph.ACCESS_KEY,
    "aws_secret_access_key": ceph.SECRET_KEY,
}
# they look at what only the lab shows: which buckets CSM has, whose the objects are, its threads
_OF_THE_LAB = {
    "test_the_buckets_of_csm_are_there_beforehand",
    "test_objects_belong_to_the_user_of_sts",
}
globals().update(
    {
        name: test
        for name, test in vars(test_s3).items()
        if name.startswith("test_") and name not in _OF_THE_LAB
        if "store" not in inspect.signature(test).parameters
    }
)


@pytest.fixture(scope="module")
def gateway() -> Iterator[ceph.Gateway]:
    """A real gateway."""
    # Ceph puts sockets there: the path must be short
    short = tempfile.TemporaryDirectory(prefix="rgw", dir="/tmp")
    with short as directory, ceph.gateway(Path(directory) / "a", "alps", store_gib=2) as started:
        yield started


@pytest.fixture(scope="module")
def s3(gateway: ceph.Gateway) -> Iterator[Any]:
    """A client of it, with the buckets of CSM that the tests use."""
    client = s3_client(gateway.url, gateway.ca, _CREDENTIALS)
    for bucket in ("boot-images", "ims"):
        client.create_bucket(Bucket=bucket)
    yield client
    client.close()


@pytest.fixture(scope="module")
def trailing_s3(gateway: ceph.Gateway) -> Iterator[Any]:
    """A client that sends checksums behind its bodies."""
    client = s3_client(gateway.url, gateway.ca, _CREDENTIALS, trailers=True)
    yield client
    client.close()
