# SPDX-License-Identifier: Apache-2.0
"""The values that a site's object store is described with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from poya.transfer.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where an object lives in a store.

    Attributes:
        bucket: As in `boot-images`.
        key: As in `<image id>/rootfs`; empty for the bucket itself.
    """

    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def place_path(place: ObjectPlace) -> str:
    """A place as `bucket/key`."""
    return f"{place.bucket}/{place.key}" if place.key else place.bucket


@dataclass(frozen=True, slots=True)
class S3Config:
    """How to reach a site's object store.

    Attributes:
        site: The site's name, for messages.
        endpoint_url: `https://host:port`; `choose_endpoint` decides it.
        ca_path: The site's CA; None trusts the system's store.
        proxy_url: `socks5h://…` or `http://…`; None connects directly. Never in a repr.
        region: For the signature; RGW takes any.
        path_style: CSM's RGW has no names for buckets.
        connect_timeout_s: For each of TCP, proxy and TLS.
        stall_s: A request fails when this long (nearly) nothing moves.
        slow_s: The same for requests during which the service itself copies bytes.
        retry: When to try again.
    """

    site: str
    endpoint_url: str
    ca_path: Path | None = None
    proxy_url: str | None = field(default=None, repr=False)
    region: str = ""
    path_style: bool = True
    connect_timeout_s: float = 10.0
    stall_s: float = 60.0
    slow_s: float = 900.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """What HEAD tells of an object.

    Attributes:
        size_bytes: Its length.
        etag: Without quotes.
        metadata: Names in lower case, without `x-amz-meta-`.
        modified: When it was written by the store's clock, as HTTP spells times; maybe empty.
    """

    size_bytes: int
    etag: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified: str = ""
