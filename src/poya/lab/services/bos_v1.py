# SPDX-License-Identifier: Apache-2.0
"""BOS v1, which CSM has up to 1.5: its templates are those of v2, its sessions run as v2's do.

A v1 session names itself by a uuid and its Kubernetes job by `boa-<uuid>`; what becomes of its
nodes is told by boot set, phase and category. At a real site a job (BOA) works it off; here the
operators of v2 do, so it is in the list of v2, too.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.life.boot_sessions import BootSessions
from poya.lab.services import bos_v1_shapes as shapes
from poya.lab.services.answers import Problem, connexion_body, json_answer, no_content
from poya.lab.services.bos_templates import Templates
from poya.lab.services.orders import hashed_by_name, scattered
from poya.lab.services.times import bos_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject, tenant_key

_PHASES = {"boot": ("boot", "configure"), "shutdown": ("shutdown",)}
_PHASES["reboot"] = ("shutdown", *_PHASES["boot"])
_CATEGORIES = ("not_started", "in_progress", "succeeded", "failed", "excluded")
_EXAMPLE: JsonObject = {
    "boot_sets": {
        "name_your_boot_set": {
            "boot_ordinal": 1,
            "etag": "your_boot_image_etag",
            "kernel_parameters": "your-kernel-parameters",
            "network": "nmn",
            "node_list": ["xname1", "xname2", "xname3"],
            "path": "your-boot-path",
            "rootfs_provider": "your-rootfs-provider",
            "rootfs_provider_passthrough": "your-rootfs-provider-passthrough",
            "type": "your-boot-type",
        }
    },
    "cfs": {"configuration": "desired-cfs-config"},
    "enable_cfs": True,
    "name": "name-your-template",
}


class V1:
    """`/v1/sessiontemplate` and `/v1/session`."""

    def __init__(self, site: LabSite, templates: Templates) -> None:
        self._site = site
        self._templates = templates
        self._records = site.state.templates
        self._sessions = site.state.bos_sessions
        self._ids = site.state.kind("bos_v1_sessions")
        self._life = BootSessions(site)

    def routes(self) -> list[Route]:
        """The paths of v1; none where it is gone."""
        if not self._site.profile.bos_v1:
            return []
        template, session = "/v1/sessiontemplate", "/v1/session"
        status = f"{session}/{{id}}/status"
        return [
            Route(template, self.list_templates, methods=["GET"]),
            Route(template, self.create_template, methods=["POST"]),
            Route(f"{template}/{{name}}", self.get_template, methods=["GET"]),
            Route(f"{template}/{{name}}", self.delete_template, methods=["DELETE"]),
            Route("/v1/sessiontemplatetemplate", self.example, methods=["GET"]),
            Route(session, self.list_sessions, methods=["GET"]),
            Route(session, self.create_session, methods=["POST"]),
            Route(f"{session}/{{id}}", self.get_session, methods=["GET"]),
            Route(f"{session}/{{id}}", self.delete_session, methods=["DELETE"]),
            Route(status, self.status, methods=["GET"]),
            Route(f"{status}/{{boot_set}}", self.boot_set_status, methods=["GET"]),
            Route(f"{status}/{{boot_set}}/{{phase}}", self.phase_status, methods=["GET"]),
            Route(f"{status}/{{boot_set}}/{{phase}}/{{category}}", self.category, methods=["GET"]),
        ]

    async def list_templates(self, _request: Request) -> Response:
        """The templates that belong to no tenant, those made through v2 included."""
        return json_answer([t for t in hashed_by_name(self._records) if not t.get("tenant")])

    async def create_template(self, request: Request) -> Response:
        """Create or replace a template; only its name is answered."""
        if "json" not in request.headers.get("content-type", ""):
            return json_answer("Post must be in JSON format", 400)
        given = await connexion_body(request, shapes.TEMPLATE)
        given = self._as_kept(given)
        if self._site.profile.bos_tenants:
            given["tenant"] = None
        self._records.put(tenant_key(given["name"], None), given)
        return json_answer(given["name"], 201)

    async def get_template(self, request: Request) -> Response:
        """One template."""
        return json_answer(self._template(request.path_params["name"]))

    async def delete_template(self, request: Request) -> Response:
        """Delete a template."""
        record = self._template(request.path_params["name"])
        self._records.delete(tenant_key(record["name"], None))
        return no_content()

    async def example(self, _request: Request) -> Response:
        """A template to start from."""
        return json_answer(self._as_kept(copy.deepcopy(_EXAMPLE)))

    async def list_sessions(self, _request: Request) -> Response:
        """The ids of all sessions of v1."""
        return json_answer(scattered(self._ids.keys()))

    async def create_session(self, request: Request) -> Response:
        """Begin to boot, reboot, shut down or configure what a template names."""
        given = await connexion_body(request, shapes.SESSION)
        name = given.get("templateName") or given.get("templateUuid") or ""
        self._template(name)
        operation = given["operation"].lower()
        if operation == "configure":
            raise Problem(400, "The lab does not run configure sessions of BOS v1; use CFS.")
        session = self._session(name, operation, given.get("limit") or "")
        self._sessions.put(tenant_key(session["name"], None), session)
        self._ids.put(session["name"], {})
        self._life.begin(session)
        return json_answer(self._created(session), 201)

    async def get_session(self, request: Request) -> Response:
        """One session, with how far it has come."""
        session = self._found(request)
        return json_answer(
            {
                **self._metadata(session),
                "job": f"boa-{session['name']}",
                "operation": session["operation"],
                "status_link": f"/v1/session/{session['name']}/status",
                "templateName": session["template_name"],
            }
        )

    async def delete_session(self, request: Request) -> Response:
        """Delete a session."""
        name = self._found(request)["name"]
        self._ids.delete(name)
        self._sessions.delete(tenant_key(name, None))
        return no_content()

    async def status(self, request: Request) -> Response:
        """How far a session has come, and its boot sets."""
        session = self._found(request)
        here = f"/v1/session/{session['name']}/status"
        sets = list(self._template(session["template_name"]).get("boot_sets", {}))
        return json_answer(
            {
                "metadata": self._metadata(session),
                "boot_sets": sets,
                "id": session["name"],
                "links": [
                    {"rel": "self", "href": here},
                    *({"rel": "Boot Set", "href": f"{here}/{name}"} for name in sets),
                ],
            }
        )

    async def boot_set_status(self, request: Request) -> Response:
        """One boot set's phases."""
        session, name = self._found(request), request.path_params["boot_set"]
        here = f"/v1/session/{session['name']}/status/{name}"
        phases = list(self._phases(session, name))
        return json_answer(
            {
                "name": name,
                "session": session["name"],
                "metadata": self._metadata(session),
                "phases": phases,
                "links": [
                    {"rel": "self", "href": here},
                    *({"rel": "Phase", "href": f"{here}/{phase['name']}"} for phase in phases),
                ],
            }
        )

    async def phase_status(self, request: Request) -> Response:
        """One phase: its nodes by category."""
        return json_answer(self._phase(request))

    async def category(self, request: Request) -> Response:
        """The nodes of one category of a phase."""
        wanted = request.path_params["category"].lower()
        for category in self._phase(request)["categories"]:
            if category["name"] == wanted:
                return json_answer(category)
        raise Problem(404, f"Category {wanted} could not be found")

    def _as_kept(self, template: JsonObject) -> JsonObject:
        """BOS 2.10 drops what v2 does not have; BOS 2.0 keeps it."""
        return shapes.as_v2(template) if self._site.profile.bos_tenants else template

    def _phase(self, request: Request) -> JsonObject:
        wanted = request.path_params["phase"].lower()
        for phase in self._phases(self._found(request), request.path_params["boot_set"]):
            if phase["name"] == wanted:
                return phase
        raise Problem(404, f"Phase {wanted} could not be found")

    def _phases(self, session: JsonObject, boot_set: str) -> Iterator[JsonObject]:
        if boot_set not in self._template(session["template_name"]).get("boot_sets", {}):
            raise Problem(404, f"Boot Set {boot_set} could not be found")
        nodes = self._nodes(session)
        for phase in _PHASES[session["operation"]]:
            yield {
                "name": phase,
                "metadata": self._metadata(session),
                "categories": [{"name": c, "node_list": nodes[c]} for c in _CATEGORIES],
                "errors": {},
            }

    def _nodes(self, session: JsonObject) -> dict[str, list[str]]:
        nodes: dict[str, list[str]] = {category: [] for category in _CATEGORIES}
        for xname, component in self._site.state.bos_components.items():
            if component.get("session") == session["name"]:
                nodes[_category(component)].append(xname)
        return nodes

    def _metadata(self, session: JsonObject) -> JsonObject:
        told = session["status"]
        return {
            "complete": told["status"] == "complete",
            "error_count": len(self._nodes(session)["failed"]),
            "in_progress": told["status"] == "running",
            "start_time": told["start_time"],
            **({"stop_time": told["end_time"]} if told["end_time"] else {}),
        }

    def _session(self, template: str, operation: str, limit: str) -> JsonObject:
        tenant = {"tenant": None} if self._site.profile.bos_tenants else {}
        return {
            "name": str(uuid.uuid4()),
            "operation": operation,
            "template_name": template,
            "limit": limit,
            "stage": False,
            "components": "",
            "include_disabled": False,
            "status": {
                "start_time": bos_time(self._site.clock()),
                "end_time": None,
                "status": "pending",
                "error": None,
            },
            **tenant,
        }

    def _created(self, session: JsonObject) -> JsonObject:
        job, here = f"boa-{session['name']}", f"/v1/session/{session['name']}"
        link = {"jobId": job, "type": "GET"}
        return {
            "job": job,
            "links": [
                {"href": here, "rel": "session", **link},
                {"href": f"{here}/status", "rel": "status", **link},
            ],
            "operation": session["operation"],
            "templateName": session["template_name"],
        }

    def _template(self, name: str) -> JsonObject:
        record = self._templates.find(name, None)
        if record is None:
            title = "Sessiontemplate could not found."
            raise Problem(404, f"Sessiontemplate {name} could not be found", title=title)
        return record

    def _found(self, request: Request) -> JsonObject:
        name = request.path_params["id"]
        session = self._sessions.get(tenant_key(name, None)) if name in self._ids else None
        if session is None:
            title = "The specified session was not found."
            raise Problem(404, f"Session {name} could not be found", title=title)
        return session


def _category(component: JsonObject) -> str:
    match component.get("status", {}).get("status"):
        case "stable":
            return "succeeded"
        case "failed":
            return "failed"
    return "in_progress"
