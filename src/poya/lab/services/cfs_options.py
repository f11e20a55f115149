# SPDX-License-Identifier: Apache-2.0
"""CFS: /options."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import connexion_body, json_answer
from poya.lab.services.cfs_shapes import options_v2, options_v3
from poya.lab.services.cfs_views import to_v2, to_v3
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_KEY = "cfs"
_DEFAULTS: JsonObject = {
    "default_playbook": "site.yml",
    "default_ansible_config": "cfs-default-ansible-cfg",
    "logging_level": "INFO",
    "default_page_size": 1000,
    "include_ara_links": True,
}
_ONLY_V3 = (
    "default_page_size",
    "include_ara_links",
    "debug_wait_time",
    "additional_inventory_source",
)


class Options:
    """The service's options; what was never set has its default."""

    def __init__(self, site: LabSite) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """The paths of this part of CFS."""
        routes = [
            Route("/v2/options", self.get_v2, methods=["GET"]),
            Route("/v2/options", self.patch_v2, methods=["PATCH"]),
        ]
        if self._site.profile.cfs_v3:
            routes += [
                Route("/v3/options", self.get_v3, methods=["GET"]),
                Route("/v3/options", self.patch_v3, methods=["PATCH"]),
            ]
        return routes

    def current(self) -> JsonObject:
        """All options, in v3 spelling."""
        return _DEFAULTS | (self._site.state.options.get(_KEY) or {})

    @property
    def page_size(self) -> int:
        """The longest list that v2 returns, and v3's page if none is asked for."""
        return int(self.current()["default_page_size"])

    async def get_v2(self, _request: Request) -> Response:
        """The options that v2 knows."""
        return json_answer(self._v2())

    async def get_v3(self, _request: Request) -> Response:
        """All options."""
        return json_answer(self.current())

    async def patch_v2(self, request: Request) -> Response:
        """Change options."""
        self._change(to_v3(await connexion_body(request, options_v2())))
        return json_answer(self._v2())

    async def patch_v3(self, request: Request) -> Response:
        """Change options."""
        self._change(await connexion_body(request, options_v3()))
        return json_answer(self.current())

    def _change(self, patch: JsonObject) -> None:
        options = self._site.state.options
        options.put(_KEY, (options.get(_KEY) or {}) | patch)

    def _v2(self) -> JsonObject:
        profile = self._site.profile
        hidden = _ONLY_V3 if profile.cfs_logging_level else (*_ONLY_V3, "logging_level")
        return to_v2({k: v for k, v in self.current().items() if k not in hidden})
