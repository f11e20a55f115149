"""A fuse that blows at one point of a run, and the ports that it is built into.

A point lies before and after every request that can change something and every commit of the
journal. When the fuse blows, the process counts as dead: nothing that still runs (a `finally`, a
thread of the transfer) sends another request or commits another row.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from poya.csm import S3Credentials, Site, SiteConfig
from poya.csm.tls import site_context
from poya.journal import Journal, Upload
from poya.sites.csm.objects import Objects
from poya.transfer import (
    Credentials,
    Guard,
    ObjectHead,
    ObjectPlace,
    RetryPolicy,
    S3Config,
    S3Store,
)
from poya.transfer.http import Body
from poya.transfer.s3xml import PartInfo, UploadInfo

_T = TypeVar("_T")
_READING = ("GET", "HEAD", "OPTIONS")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
IMPATIENT = RetryPolicy(patience_s=0.3, attempts=3, base_s=0.01, cap_s=0.05)


class Crash(BaseException):
    """The process died here."""


class Fuse:
    """Counts the points that a run passes, and kills it at one of them.

    Attributes:
        passed: The points so far, as text.
        secrets: Every secret that went over a wire, for the search that must not find one.
    """

    def __init__(self, at: int | None = None, *, kills: bool = False) -> None:
        self._at, self._kills = at, kills
        self._lock = threading.Lock()
        self.passed: list[str] = []
        self.secrets: set[str] = set()
        self.is_blown = False

    def point(self, label: str) -> None:
        """Pass a point, or die at it."""
        with self._lock:
            self.check()
            self.passed.append(label)
            if len(self.passed) - 1 != self._at:
                return
            if self._kills:
                os.kill(os.getpid(), signal.SIGKILL)
            self.is_blown = True
        raise Crash(label)

    def check(self) -> None:
        """The dead do nothing."""
        if self.is_blown:
            raise Crash("dead already")

    @contextmanager
    def around(self, label: str) -> Iterator[None]:
        """A point before and one after."""
        self.point(f"before {label}")
        yield
        self.point(f"after {label}")


def template_of(path: str) -> str:
    """A path with ids and names of this run taken out."""
    path = _UUID.sub("ID", path)
    path = re.sub(r"x\d+c\d+s\d+b\d+n\d+", "XNAME", path)
    path = re.sub(r"(sessiontemplates(?:valid)?/|configurations/|groups/)[^/]+", r"\1NAME", path)
    return re.sub(r"(bootparameters/|Query/|branches/|commits/|repos/).*", r"\1…", path)


class FusedTransport(httpx2.AsyncBaseTransport):
    """The network to a site's gateway."""

    def __init__(self, config: SiteConfig, fuse: Fuse) -> None:
        self._inner = httpx2.AsyncHTTPTransport(
            verify=site_context(config.ca_path), trust_env=False
        )
        self._fuse = fuse

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._fuse.secrets.add(request.headers.get("Authorization", "").partition(" ")[2])
        if request.method in _READING or "/keycloak/" in request.url.path:
            self._fuse.check()
            return await self._inner.handle_async_request(request)
        if request.url.path.startswith("/apis/sts/"):
            self._fuse.check()
            return await self._inner.handle_async_request(request)
        label = f"{request.method} {template_of(request.url.path)}"
        self._fuse.point(f"before {label}")
        response = await self._inner.handle_async_request(request)
        try:
            self._fuse.point(f"after {label}")
        except Crash:
            await response.aclose()
            raise
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class FusedStore(S3Store):
    """The network to a site's object store."""

    fuse: Fuse

    def head(self, place: ObjectPlace, guard: Guard = Guard()) -> ObjectHead:  # noqa: B008
        self.fuse.check()
        return super().head(place, guard)

    def list_parts(
        self,
        place: ObjectPlace,
        upload_id: str,
        guard: Guard = Guard(),  # noqa: B008
    ) -> list[PartInfo]:
        self.fuse.check()
        return super().list_parts(place, upload_id, guard)

    def list_uploads(
        self,
        bucket: str,
        prefix: str,
        guard: Guard = Guard(),  # noqa: B008
    ) -> list[UploadInfo]:
        self.fuse.check()
        return super().list_uploads(bucket, prefix, guard)

    def put_small(
        self,
        place: ObjectPlace,
        data: bytes,
        metadata: Mapping[str, str] | None = None,
        guard: Guard = Guard(),  # noqa: B008
        *,
        if_absent: bool = False,
    ) -> str:
        with self.fuse.around("S3 PutObject (manifest)"):
            return super().put_small(place, data, metadata, guard, if_absent=if_absent)

    def put(
        self,
        place: ObjectPlace,
        body: Body,
        md5_hex: str,
        metadata: Mapping[str, str],
        guard: Guard = Guard(),  # noqa: B008
    ) -> str:
        with self.fuse.around("S3 PutObject"):
            return super().put(place, body, md5_hex, metadata, guard)

    def delete(self, place: ObjectPlace, guard: Guard = Guard()) -> None:  # noqa: B008
        with self.fuse.around("S3 DeleteObject"):
            super().delete(place, guard)

    def create_multipart(
        self,
        place: ObjectPlace,
        metadata: Mapping[str, str],
        guard: Guard = Guard(),  # noqa: B008
    ) -> str:
        with self.fuse.around("S3 CreateMultipartUpload"):
            return super().create_multipart(place, metadata, guard)

    def upload_part(
        self,
        place: ObjectPlace,
        upload: tuple[str, int],
        body: Body,
        md5_hex: str | None,
        guard: Guard = Guard(),  # noqa: B008
    ) -> str:
        with self.fuse.around("S3 UploadPart"):
            return super().upload_part(place, upload, body, md5_hex, guard)

    def complete(
        self,
        place: ObjectPlace,
        upload_id: str,
        parts: Any,
        guard: Guard = Guard(),  # noqa: B008
    ) -> None:
        with self.fuse.around("S3 CompleteMultipartUpload"):
            super().complete(place, upload_id, parts, guard)

    def abort(
        self,
        place: ObjectPlace,
        upload_id: str,
        guard: Guard = Guard(),  # noqa: B008
    ) -> None:
        with self.fuse.around("S3 AbortMultipartUpload"):
            super().abort(place, upload_id, guard)


class FusedObjects(Objects):
    """A site's objects on a fused store that loses patience soon."""

    fuse: Fuse
    stall_s = 60.0

    async def _open(self) -> S3Store:
        async with self._opening:
            if self._store is None:
                first = await self._site.sts.credentials()
                store = FusedStore(self._s3_config(first), self._provider(first))
                store.fuse = self.fuse
                self._store = store
            return self._store

    def _s3_config(self, credentials: S3Credentials) -> S3Config:
        config = super()._s3_config(credentials)
        return replace(config, retry=IMPATIENT, stall_s=self.stall_s)

    def _provider(self, first: S3Credentials) -> Callable[[], Credentials]:
        provide = super()._provider(first)

        def watched() -> Credentials:
            given = provide()
            self.fuse.secrets |= {given.secret_access_key, given.session_token or ""}
            return given

        return watched


def fused_objects(site: Site, config: SiteConfig, fuse: Fuse, stall_s: float) -> FusedObjects:
    objects = FusedObjects(site, config)
    objects.fuse, objects.stall_s = fuse, stall_s
    return objects


class FusedJournal(Journal):
    """A journal with a point before and after every commit."""

    fuse: Fuse = Fuse()

    @classmethod
    def on(cls, path: Path, fuse: Fuse) -> FusedJournal:
        journal = cls.open(path)
        assert isinstance(journal, FusedJournal)
        journal.fuse = fuse
        return journal

    def set_fact(self, key: str, value: str) -> None:
        with self.fuse.around(f"journal {key} is {value}"):
            super().set_fact(key, value)

    def intend(
        self,
        step_id: str,
        *,
        pre_image: bytes | None = None,
        note: Mapping[str, Any] | None = None,
    ) -> None:
        with self.fuse.around(f"journal intends {_plain(step_id)}"):
            super().intend(step_id, pre_image=pre_image, note=note)

    def failed(self, step_id: str, error: str) -> None:
        with self.fuse.around(f"journal notes failure of {_plain(step_id)}"):
            super().failed(step_id, error)

    def undone(self, step_id: str) -> None:
        with self.fuse.around(f"journal notes {_plain(step_id)} undone"):
            super().undone(step_id)

    def _finish(self, step_id: str, state: Any, *, outcome: Mapping[str, Any]) -> None:
        with self.fuse.around(f"journal notes {_plain(step_id)} {state}"):
            super()._finish(step_id, state, outcome=outcome)

    def remember_upload(self, place: str, upload: Upload) -> None:
        with self.fuse.around("journal remembers upload"):
            super().remember_upload(place, upload)

    def forget_upload(self, place: str, upload_id: str) -> None:
        with self.fuse.around("journal forgets upload"):
            super().forget_upload(place, upload_id)


def _plain(step_id: str) -> str:
    return _UUID.sub("ID", step_id)
