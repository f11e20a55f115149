# SPDX-License-Identifier: Apache-2.0
"""HSM (hms-smd): what the site's hardware is, how it is grouped, and who may touch it.

Go's way: unknown fields are ignored, malformed JSON is a 500, an unknown method is a 404.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, go_app, json_answer, no_content
from poya.lab.services.smd_components import Components
from poya.lab.services.smd_groups import Groups
from poya.lab.services.smd_interfaces import Interfaces
from poya.lab.services.smd_inventory import Inventory
from poya.lab.services.smd_locks import Locks
from poya.lab.services.smd_partitions import Partitions
from poya.lab.services.smd_reservations import ServiceReservations
from poya.lab.site import LabSite

_VALUES = {
    "Arch": ["X86", "ARM", "UNKNOWN", "Other"],
    "Class": ["River", "Mountain", "Hill"],
    "Flag": ["OK", "Warning", "Alert", "Locked", "Unknown"],
    "NetType": ["Sling", "Infiniband", "Ethernet", "OEM", "None"],
    "Role": ["Compute", "Service", "System", "Application", "Storage", "Management"],
    "SubRole": ["Worker", "Master", "Storage", "UAN", "Gateway", "LNETRouter", "Visualization"],
    "State": ["Unknown", "Empty", "Populated", "Off", "On", "Standby", "Halt", "Ready"],
}


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at /apis/smd/hsm/v2."""
    return go_app(
        [
            Route("/service/ready", _ready, methods=["GET"]),
            Route("/service/liveness", _live, methods=["GET"]),
            Route("/service/values", _values, methods=["GET"]),
            Route("/service/values/{kind}", _values_of, methods=["GET"]),
            *Components(site).routes(),
            *Groups(site).routes(),
            *Partitions(site).routes(),
            *Inventory(site).routes(),
            *Interfaces(site).routes(),
            *Locks(site).routes(),
            *ServiceReservations(site).routes(),
        ]
    )


async def _ready(_request: Request) -> Response:
    return json_answer({"code": 0, "message": "HSM is healthy"})


async def _live(_request: Request) -> Response:
    return no_content()


async def _values(_request: Request) -> Response:
    return json_answer(_VALUES)


async def _values_of(request: Request) -> Response:
    kind = request.path_params["kind"].lower()
    found = {name: values for name, values in _VALUES.items() if name.lower() == kind}
    if not found:
        raise Problem(404, "404 page not found")
    return json_answer(found)
