# SPDX-License-Identifier: Apache-2.0
"""A site made of handlers: routes, what was asked of them, and the facts about each service."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from poya.csm import NoAuth, RetryPolicy, Site, SiteConfig

URL = "https://api.cmn.gele.example"
Handler = Callable[[httpx2.Request], httpx2.Response]


def ok(value: Any, status: int = 200, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json=value, headers=headers)


def problem(status: int, detail: str, **more: Any) -> httpx2.Response:
    body = {"type": "about:blank", "title": "Problem", "detail": detail, "status": status, **more}
    headers = {"Content-Type": "application/problem+json"}
    return httpx2.Response(status, content=json.dumps(body).encode(), headers=headers)


async def no_wait(_: float) -> None:
    return None


IMPATIENT = RetryPolicy(sleep=no_wait)


@dataclass
class FakeSite:
    """Answers by route; a request that no route takes gets what Envoy says: an empty 404."""

    routes: list[tuple[str, re.Pattern[str], Handler]] = field(default_factory=list)
    requests: list[httpx2.Request] = field(default_factory=list)

    def on(self, method: str, path: str, *answers: httpx2.Response | Handler) -> None:
        """Answer `method path` with these in turn, the last for ever. New routes go first."""
        left = list(answers)

        def handler(request: httpx2.Request) -> httpx2.Response:
            answer = left.pop(0) if len(left) > 1 else left[0]
            if callable(answer):
                return answer(request)
            return httpx2.Response(
                answer.status_code, headers=answer.headers, content=answer.content
            )

        self.routes.insert(0, (method, re.compile(path), handler))

    def on_any(self, handler: Handler) -> None:
        """Give every request to one handler."""
        for method in ("GET", "PUT", "POST", "PATCH", "DELETE"):
            self.on(method, ".*", handler)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        path = request.url.raw_path.decode().partition("?")[0]
        for method, pattern, handler in self.routes:
            if method == request.method and pattern.fullmatch(path):
                return handler(request)
        return httpx2.Response(404)

    def asked(self) -> list[str]:
        """`METHOD /path?query` of each request so far."""
        return [f"{one.method} {one.url.raw_path.decode()}" for one in self.requests]

    def writes(self) -> list[str]:
        return [line for line in self.asked() if not line.startswith("GET ")]

    def body(self, index: int = -1) -> Any:
        return json.loads(self.requests[index].content)

    @asynccontextmanager
    async def open(
        self, *, read_only: bool = False, retry: RetryPolicy = IMPATIENT, **changes: Any
    ) -> AsyncIterator[Site]:
        config = replace(SiteConfig("gele", URL, NoAuth()), **changes)
        transport = httpx2.MockTransport(self)
        async with Site.connect(
            config, read_only=read_only, retry=retry, transport=transport
        ) as site:
            yield site

    def release(self, *, ims: str = "3.33.0", cfs: str = "1.31.1", bos: str = "2.50.0") -> None:
        """Versions as a CSM release has them: CFS has v3 from 1.17, tells versions from 1.12."""
        self.on("GET", "/apis/ims/version", ok({"version": ims}))
        self.on("GET", "/apis/bos/v2/version", ok(_parts(bos)))
        self.on("GET", "/apis/cfs/healthz", ok({"db_status": "ok"}))
        number = tuple(int(part) for part in cfs.split("."))
        for api, since in (("v2", (1, 12)), ("v3", (1, 17))):
            answer = ok(_parts(cfs)) if number >= since else problem(404, "No such path")
            self.on("GET", f"/apis/cfs/{api}", answer)


def _parts(version: str) -> dict[str, str]:
    major, minor, patch = version.split(".")
    return {"major": major, "minor": minor, "patch": patch}
