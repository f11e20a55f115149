# SPDX-License-Identifier: Apache-2.0
"""Whether bytes are what they should be, and if not, where they went wrong: pure decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from poya.errors import DataDamaged
from poya.transfer.etags import is_plain_md5
from poya.transfer.jobs import Proof
from poya.transfer.ports import Expected


@dataclass(frozen=True, slots=True)
class Read:
    """The digests of the bytes as they were read here.

    Attributes:
        md5: Of the whole; None if parts of an earlier run were not read again.
        etags: The etags that these bytes have: etag to part size, None for the plain md5.
    """

    md5: str | None
    etags: Mapping[str, int | None]


def judge(expected_md5: str | None, source_etag: str, read: Read) -> Proof | None:
    """What proves the bytes; None if something disproves them.

    A known md5 decides alone: the etag of an encrypted object is not one of its bytes.
    """
    if expected_md5 is not None and read.md5 is not None:
        return Proof.MD5 if read.md5 == expected_md5 else None
    if source_etag in read.etags:
        return Proof.ETAG
    return None if is_plain_md5(source_etag) else Proof.PARTS


def source_damaged(
    source: str, wanted: Expected, read: Read, *, again_same: bool | None
) -> DataDamaged:
    """The error for bytes that were read from the source and are not what is recorded of them.

    Args:
        source: As messages name it.
        wanted: The recorded md5, and the etag that the store tells of the object.
        read: What was found.
        again_same: Whether a second reading gave the same bytes; None if it was not tried.
    """
    why = f"Recorded: {_recorded(wanted)}. Read here: md5 {read.md5}."
    if wanted.etag in read.etags:
        return DataDamaged(
            f"The source's record of {source} is wrong: its object is intact.",
            why=f"{why} The object store's etag {wanted.etag} agrees with what was read.",
            todo="Check the image at the source; its manifest does not describe its artifact.",
        )
    if again_same is False:
        return DataDamaged(
            f"The way from {source} to here damages data: two readings gave different bytes.",
            why=why,
            todo="Look for a proxy that alters data or bad memory in this machine, then resume.",
        )
    sure = "; a second reading gave the same bytes" if again_same else ""
    return DataDamaged(
        f"The source {source} does not hold the bytes that are recorded of it{sure}.",
        why=why,
        todo="Have the source's object store checked, or rebuild the image there.",
    )


def _recorded(wanted: Expected) -> str:
    named = {"md5": wanted.md5, "etag": wanted.etag}
    return ", ".join(f"{name} {value}" for name, value in named.items() if value)
