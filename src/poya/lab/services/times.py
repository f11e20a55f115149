# SPDX-License-Identifier: Apache-2.0
"""Times as the services write them."""

from __future__ import annotations

from datetime import UTC, datetime


def cfs_time(now_s: float) -> str:
    """`2024-05-06T11:22:33Z`."""
    return datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def bos_time(now_s: float) -> str:
    """`2024-05-06T11:22:33`: UTC, unsaid."""
    return datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def ims_time(now_s: float, *, zone: bool) -> str:
    """`2024-05-06T11:22:33.123456`, with +00:00 from older releases of IMS."""
    text = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{text}+00:00" if zone else text


def go_time(now_s: float) -> str:
    """`2024-05-06 11:22:33.123456 +0000 +0000`, as Go prints a time."""
    return datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d %H:%M:%S.%f +0000 +0000")


def rfc3339(now_s: float) -> str:
    """`2024-05-06T11:22:33.123456Z`."""
    return datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_of(text: str) -> float:
    """A time that one of these wrote, as seconds since 1970."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
