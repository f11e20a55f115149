# SPDX-License-Identifier: Apache-2.0
"""The lab's own controls, below /_lab: what no real site has."""

from __future__ import annotations

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.faults import Fault
from poya.lab.services.answers import (
    Problem,
    connexion_app,
    json_answer,
    no_content,
    query_boolean,
)
from poya.lab.site import LabSite


def app(site: LabSite) -> Starlette:
    """The controls of a site."""
    return _Control(site).app()


class _Control:
    def __init__(self, site: LabSite) -> None:
        self._site = site

    def app(self) -> Starlette:
        return connexion_app(
            [
                Route("/site", self.describe, methods=["GET"]),
                Route("/faults", self.list_faults, methods=["GET"]),
                Route("/faults", self.replace_faults, methods=["PUT"]),
                Route("/faults", self.clear_faults, methods=["DELETE"]),
                Route("/requests", self.list_requests, methods=["GET"]),
                Route("/requests", self.clear_requests, methods=["DELETE"]),
            ]
        )

    async def describe(self, _request: Request) -> Response:
        site = self._site
        return json_answer(
            {
                "name": site.name,
                "system": site.system,
                "domain": site.domain,
                "release": site.profile.release,
                "time": site.clock(),
            }
        )

    async def list_faults(self, _request: Request) -> Response:
        return json_answer(self._site.faults.describe())

    async def replace_faults(self, request: Request) -> Response:
        try:
            faults = msgspec.json.decode(await request.body(), type=list[Fault])
        except msgspec.DecodeError as error:
            raise Problem(400, f"{error}") from None
        self._site.faults.replace(faults)
        return json_answer(self._site.faults.describe())

    async def clear_faults(self, _request: Request) -> Response:
        self._site.faults.clear()
        return no_content()

    async def list_requests(self, request: Request) -> Response:
        log = self._site.requests
        return json_answer(log.describe(log.entries(mutating=query_boolean(request, "mutating"))))

    async def clear_requests(self, _request: Request) -> Response:
        self._site.requests.clear()
        return no_content()
