# SPDX-License-Identifier: Apache-2.0
"""What the emulated services need from the parts of a lab site that hold bytes.

The services (`poya.lab.services`) are written against these; the object store
(`poya.lab.storage`) and the git server (`poya.lab.vcs`) implement them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a HEAD of an object answers.

    Attributes:
        size_bytes: The object's length.
        etag: Without quotes; md5-of-md5s with a part count for multipart objects.
        metadata: User metadata, names without the `x-amz-meta-` prefix, lower case.
    """

    size_bytes: int
    etag: str
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StsCredentials:
    """Temporary credentials as cray-sts hands them out."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: str
    endpoint_url: str


class LabObjects(Protocol):
    """The site's object store, seen from inside the site (no signature, no faults)."""

    async def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """Describe an object; None if the bucket or the key does not exist."""
        ...

    async def read(self, bucket: str, key: str, limit_bytes: int) -> bytes:
        """Read at most `limit_bytes` from the start. Raises KeyError if absent."""
        ...

    async def move(self, bucket: str, key: str, new_key: str) -> ObjectInfo:
        """Move an object as a soft delete or undelete does: by server-side copy.

        Objects of 8 MiB and more come out with a multipart etag and without their metadata, as
        IMS 3.33 leaves them on Ceph RGW. Raises KeyError if absent.
        """
        ...

    async def copy(self, bucket: str, key: str, new_key: str) -> ObjectInfo:
        """Copy an object within its bucket, etag and metadata kept. Raises KeyError if absent."""
        ...

    async def delete(self, bucket: str, key: str) -> None:
        """Delete an object; absent is fine."""
        ...

    async def write(self, bucket: str, key: str, body: bytes) -> ObjectInfo:
        """Write a small object in one piece."""
        ...

    def issue_credentials(self, lifetime_s: int) -> StsCredentials:
        """Make temporary credentials that the object store accepts until they expire."""
        ...


class GitFailed(Exception):
    """Git could not resolve what was asked; the text is git's own."""


class LabGit(Protocol):
    """The site's git server, seen from CFS."""

    async def resolve_branch(self, clone_url: str, branch: str) -> str:
        """Clone as CFS does and return the commit (40 hex digits) at the head of `branch`.

        In-site host names (`api-gw-service-nmn.local`, `vcs.cmn.<system>.<domain>`) mean this
        site's own server. Raises GitFailed if the repository or the branch is not there.
        """
        ...

    async def require_commit(self, clone_url: str, commit: str) -> None:
        """Make sure that a repository can be cloned at a commit, as a CFS session does.

        Raises GitFailed if the host is not this site's, or the repository or the commit is not
        there.
        """
        ...
