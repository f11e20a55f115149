# SPDX-License-Identifier: Apache-2.0
"""SLS (hms-sls): how the site is meant to be: its hardware, its networks, its names.

Go's way, with one of its own: refusals are problems, successes without a record are
`{"code": 0, "message": ...}`.
"""

from __future__ import annotations

import io
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from werkzeug.formparser import parse_form_data

from poya.lab.services.answers import Problem, go_app, json_answer, no_content
from poya.lab.services.sls_hardware import Hardware
from poya.lab.services.sls_layout import Layout
from poya.lab.services.sls_networks import Networks
from poya.lab.site import LabSite


class _DumpIn(msgspec.Struct):
    hardware: dict[str, dict[str, Any]] = msgspec.field(name="Hardware", default_factory=dict)
    networks: dict[str, dict[str, Any]] = msgspec.field(name="Networks", default_factory=dict)


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at /apis/sls/v1."""
    layout = Layout(site)
    service = _Whole(layout)
    return go_app(
        [
            Route("/health", service.health, methods=["GET"]),
            Route("/liveness", service.alive, methods=["GET"]),
            Route("/readiness", service.alive, methods=["GET"]),
            Route("/version", service.version, methods=["GET"]),
            *Hardware(layout).routes(),
            *Networks(layout).routes(),
            Route("/dumpstate", service.dump, methods=["GET", "POST"]),
            Route("/loadstate", service.load, methods=["POST"]),
        ]
    )


class _Whole:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    async def health(self, _request: Request) -> Response:
        return json_answer({"Vault": "Enabled and initialized", "DBConnection": "Ready"})

    async def alive(self, _request: Request) -> Response:
        return no_content()

    async def version(self, _request: Request) -> Response:
        counter, when = self._layout.version()
        return json_answer({"Counter": counter, "LastUpdated": when})

    async def dump(self, _request: Request) -> Response:
        """The whole layout. Without a public key, which POST may bring, no credentials."""
        hardware, networks = self._layout.hardware, self._layout.networks
        return json_answer(
            {"Hardware": dict(hardware.items()), "Networks": dict(networks.items())}
        )

    async def load(self, request: Request) -> Response:
        """Replace everything by a dump."""
        dumped = _uploaded(await request.body(), request.headers.get("content-type", ""))
        if dumped is None:
            raise Problem(400, "Unable to parse SLS dump form file")
        try:
            dump = msgspec.json.decode(dumped, type=_DumpIn)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Problem(400, "Unable to unmarshal config file") from None
        self._layout.replace(dump.hardware, dump.networks)
        return no_content()


def _uploaded(body: bytes, content_type: str) -> bytes | None:
    """The file `sls_dump` of a multipart form, or None if there is none."""
    environment = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    upload = parse_form_data(environment)[2].get("sls_dump")
    if upload is None:
        return None
    with upload.stream as stream:
        content: bytes = stream.read()
    return content
