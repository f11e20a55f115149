# SPDX-License-Identifier: Apache-2.0
"""BOS: session templates, sessions, components and options of v2, and v1 where it still is."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import connexion_app, json_answer
from poya.lab.services.bos_components import Components
from poya.lab.services.bos_options import Options
from poya.lab.services.bos_sessions import Sessions
from poya.lab.services.bos_templates import Templates
from poya.lab.services.bos_v1 import V1
from poya.lab.site import LabSite
from poya.lab.state import JsonObject


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at /apis/bos."""
    version = _version(site)

    async def one(_request: Request) -> Response:
        return json_answer(version)

    async def one_of_v1(_request: Request) -> Response:
        return json_answer(version | {"major": "1", "minor": "0", "patch": "0"})

    async def all_of_them(_request: Request) -> Response:
        return json_answer([version])

    async def health(_request: Request) -> Response:
        return json_answer({"dbStatus": "ok", "apiStatus": "ok"})

    options = Options(site)
    templates = Templates(site, options)
    has_v1 = site.profile.bos_v1
    old = {"/v1": one_of_v1, "/v1/version": one_of_v1, "/v1/healthz": health}
    return connexion_app(
        [
            *(Route(p, answer, methods=["GET"]) for p, answer in old.items() if has_v1),
            Route("/", all_of_them, methods=["GET"]),
            Route("/v2", one, methods=["GET"]),
            Route("/v2/version", one, methods=["GET"]),
            Route("/v2/healthz", health, methods=["GET"]),
            *options.routes(),
            *templates.routes(),
            *Sessions(site, templates, options).routes(),
            *Components(site).routes(),
            *V1(site, templates).routes(),
        ]
    )


def _version(site: LabSite) -> JsonObject:
    numbers = dict(zip(("major", "minor", "patch"), site.profile.bos.split("."), strict=True))
    links = [
        {"rel": "self", "href": f"{site.api_url}/apis/bos/"},
        {"rel": "versions", "href": f"{site.api_url}/apis/bos/v2"},
    ]
    return {**numbers, "links": links}
