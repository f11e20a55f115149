# SPDX-License-Identifier: Apache-2.0
"""cray-sts: temporary credentials for the object store."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import connexion_app, json_answer
from poya.lab.site import LabSite

CREDENTIALS_LIFETIME_S = 3600


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at /apis/sts."""

    async def issue(_request: Request) -> Response:
        issued = site.objects.issue_credentials(CREDENTIALS_LIFETIME_S)
        credentials = {
            "AccessKeyId": issued.access_key_id,
            "SecretAccessKey": issued.secret_access_key,
            "SessionToken": issued.session_token,
            "Expiration": issued.expiration,
            "EndpointURL": issued.endpoint_url,
        }
        return json_answer({"Credentials": credentials}, 201)

    async def health(_request: Request) -> Response:
        return json_answer({"Status": "ok"})

    return connexion_app(
        [
            Route("/token", issue, methods=["PUT"]),
            Route("/healthz", health, methods=["GET"]),
        ]
    )
