# SPDX-License-Identifier: Apache-2.0
"""BOS v2: session templates, sessions, components and options."""

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
from poya.lab.site import LabSite
from poya.lab.state import JsonObject


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at /apis/bos."""
    version = _version(site)

    async def one(_request: Request) -> Response:
        return json_answer(version)

    async def all_of_them(_request: Request) -> Response:
        return json_answer([version])

    async def health(_request: Request) -> Response:
        return json_answer({"dbStatus": "ok", "apiStatus": "ok"})

    options = Options(site)
    templates = Templates(site, options)
    return connexion_app(
        [
            Route("/", all_of_them, methods=["GET"]),
            Route("/v2", one, methods=["GET"]),
            Route("/v2/version", one, methods=["GET"]),
            Route("/v2/healthz", health, methods=["GET"]),
            *options.routes(),
            *templates.routes(),
            *Sessions(site, templates, options).routes(),
            *Components(site).routes(),
        ]
    )


def _version(site: LabSite) -> JsonObject:
    numbers = dict(zip(("major", "minor", "patch"), site.profile.bos.split("."), strict=True))
    links = [
        {"rel": "self", "href": f"{site.api_url}/apis/bos/"},
        {"rel": "versions", "href": f"{site.api_url}/apis/bos/v2"},
    ]
    return {**numbers, "links": links}
