# SPDX-License-Identifier: Apache-2.0
"""BOS: /v2/options."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.profiles import ReleaseProfile
from poya.lab.services import bos_shapes
from poya.lab.services.answers import connexion_body, json_answer
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_KEY = "bos"
_ALWAYS: JsonObject = {
    "cfs_read_timeout": 20,
    "cleanup_completed_session_ttl": "7d",
    "clear_stage": False,
    "component_actual_state_ttl": "4h",
    "default_retry_policy": 3,
    "discovery_frequency": 300,
    "logging_level": "INFO",
    "max_boot_wait_time": 1200,
    "max_component_batch_size": 2800,
    "max_power_off_wait_time": 300,
    "max_power_on_wait_time": 120,
    "polling_frequency": 15,
    "session_limit_required": False,
}
_STRICT: JsonObject = {
    "ims_errors_fatal": False,
    "ims_images_must_exist": False,
    "reject_nids": False,
}
_NEW_TIMEOUTS: JsonObject = {
    "bss_read_timeout": 20,
    "hsm_read_timeout": 20,
    "ims_read_timeout": 20,
    "pcs_read_timeout": 20,
}


class Options:
    """The service's options; what was never set has its default."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._defaults = _defaults(site.profile)

    def routes(self) -> list[Route]:
        """The paths of this part of BOS."""
        return [
            Route("/v2/options", self.get, methods=["GET"]),
            Route("/v2/options", self.patch, methods=["PATCH"]),
        ]

    def current(self) -> JsonObject:
        """All options."""
        return self._defaults | (self._site.state.options.get(_KEY) or {})

    def is_set(self, name: str) -> bool:
        """Whether a switch is on; one that this release does not have is off."""
        return bool(self.current().get(name))

    async def get(self, _request: Request) -> Response:
        """All options."""
        return json_answer(self.current())

    async def patch(self, request: Request) -> Response:
        """Change options."""
        given = await connexion_body(request, bos_shapes.options(self._site.profile))
        records = self._site.state.options
        records.put(_KEY, (records.get(_KEY) or {}) | given)
        return json_answer(self.current())


def _defaults(profile: ReleaseProfile) -> JsonObject:
    old = {"disable_components_on_completion": True} if profile.bos_old_options else {}
    new = _NEW_TIMEOUTS if profile.bos_component_paging else {}
    return _ALWAYS | (_STRICT if profile.bos_strict else {}) | old | new
