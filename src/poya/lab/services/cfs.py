# SPDX-License-Identifier: Apache-2.0
"""CFS: one store, seen as v2 (camelCase) and, from CSM 1.5, as v3 (snake_case)."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from poya.lab.services.answers import connexion_app, json_answer
from poya.lab.services.cfs_components import Components
from poya.lab.services.cfs_configurations import Configurations
from poya.lab.services.cfs_options import Options
from poya.lab.services.cfs_sessions import Sessions
from poya.lab.services.cfs_sources import Sources
from poya.lab.site import LabSite


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at /apis/cfs."""
    options = Options(site)
    components = Components(site, options)
    configurations = Configurations(site, options, components)
    sessions = Sessions(site, options)
    routes: list[BaseRoute] = [
        Route("/healthz", _health if site.profile.cfs_v3 else _old_health, methods=["GET"]),
        *_versions(site),
        *options.routes(),
        *configurations.routes(),
        *components.routes(),
        *sessions.routes(),
    ]
    if site.profile.cfs_v3:
        routes += Sources(site, options).routes()
    return connexion_app(routes)


def _versions(site: LabSite) -> list[Route]:
    profile = site.profile
    if not profile.cfs_versions:
        return []
    version = dict(zip(("major", "minor", "patch"), profile.cfs.split("."), strict=True))

    async def answer(_request: Request) -> Response:
        return json_answer(version)

    paths = ["/", "/versions", "/v2", *(["/v3"] if profile.cfs_v3 else [])]
    return [Route(path, answer, methods=["GET"]) for path in paths]


async def _old_health(_request: Request) -> Response:
    return json_answer({"dbStatus": "ok", "kafkaStatus": "ok"})


async def _health(_request: Request) -> Response:
    return json_answer({"db_status": "ok", "kafka_status": "ok"})
