# SPDX-License-Identifier: Apache-2.0
"""BOS: /v2/sessions and /v2/applystaged. What becomes of them is `poya.lab.life`'s to say."""

from __future__ import annotations

import uuid
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.life.boot_sessions import BootSessions
from poya.lab.services import bos_shapes
from poya.lab.services.ages import is_of_age
from poya.lab.services.answers import Problem, connexion_body, json_answer, no_content
from poya.lab.services.bos_options import Options
from poya.lab.services.bos_templates import Templates
from poya.lab.services.orders import hashed_by_name
from poya.lab.services.tenancy import existing_tenant, tenant_of
from poya.lab.services.times import bos_time, seconds_of
from poya.lab.site import LabSite
from poya.lab.state import JsonObject, tenant_key

_PHASES = ("powering_on", "powering_off", "configuring")


class Sessions:
    """Boot sessions."""

    def __init__(self, site: LabSite, templates: Templates, options: Options) -> None:
        self._site = site
        self._templates = templates
        self._options = options
        self._records = site.state.bos_sessions
        self._life = BootSessions(site)

    def routes(self) -> list[Route]:
        """The paths of this part of BOS."""
        base = "/v2/sessions"
        return [
            Route(base, self.list_all, methods=["GET"]),
            Route(base, self.create, methods=["POST"]),
            Route(base, self.delete_many, methods=["DELETE"]),
            Route(f"{base}/{{name}}", self.get, methods=["GET"]),
            Route(f"{base}/{{name}}", self.patch, methods=["PATCH"]),
            Route(f"{base}/{{name}}", self.delete, methods=["DELETE"]),
            Route(f"{base}/{{name}}/status", self.keep_status, methods=["POST"]),
            Route(f"{base}/{{name}}/status", self.status, methods=["GET"]),
            Route("/v2/applystaged", self.apply_staged, methods=["POST"]),
        ]

    async def list_all(self, request: Request) -> Response:
        """All sessions, of one status or of any; a tenant's own for a tenant."""
        tenant = self._tenant(request)
        status = request.query_params.get("status")
        return json_answer(
            [
                session
                for session in hashed_by_name(self._records)
                if (tenant is None or session.get("tenant") == tenant)
                and status in (None, session["status"]["status"])
            ]
        )

    async def create(self, request: Request) -> Response:
        """Create a session of a template that is fit for it."""
        tenant = existing_tenant(self._site, request) if self._site.profile.bos_tenants else None
        given = await connexion_body(request, bos_shapes.session(self._site.profile))
        if self._options.is_set("session_limit_required") and not given.get("limit"):
            raise Problem(
                400,
                "session_limit_required option is set, but this session has no limit specified",
            )
        await self._require_template(given, tenant)
        name = given.get("name") or str(uuid.uuid4())
        if tenant_key(name, tenant) in self._records:
            raise Problem(
                409,
                f"A session with the name {name} already exists",
                title="Conflicting session name",
            )
        session = self._session(name, given, tenant)
        self._records.put(tenant_key(name, tenant), session)
        self._life.begin(session)
        return json_answer(session, 201)

    async def apply_staged(self, request: Request) -> Response:
        """Let nodes boot what was staged for them."""
        given = await connexion_body(request, bos_shapes.APPLY_STAGED)
        now_s = self._site.clock()
        outcome = self._life.apply_staged(given["xnames"], now_s)
        self._site.agenda.schedule(now_s, "boot-look")
        return json_answer(outcome)

    async def get(self, request: Request) -> Response:
        """One session."""
        return json_answer(self._record(request))

    async def delete(self, request: Request) -> Response:
        """Delete a session."""
        record = self._record(request)
        self._records.delete(tenant_key(record["name"], record.get("tenant")))
        return no_content()

    async def delete_many(self, request: Request) -> Response:
        """Delete the sessions of an age and a status; without conditions, all."""
        tenant, query = self._tenant(request), request.query_params
        least, most, status = (query.get(n) for n in ("min_age", "max_age", "status"))
        now_s = self._site.clock()
        for key, session in list(self._records.items()):
            told = session["status"]
            fits = is_of_age(told["start_time"], now_s, least=least, most=most)
            if (
                fits
                and status in (None, told["status"])
                and tenant in (None, session.get("tenant"))
            ):
                self._records.delete(key)
        return no_content()

    async def patch(self, request: Request) -> Response:
        """Change the status or the components of a session, as BOS's operators do."""
        record = self._record(request)
        given = await connexion_body(request, bos_shapes.SESSION_UPDATE)
        changed = record | given | {"status": record["status"] | given.get("status", {})}
        self._records.put(tenant_key(record["name"], record.get("tenant")), changed)
        return json_answer(changed)

    async def keep_status(self, request: Request) -> Response:
        """Keep how far a session has come, which only matters when its nodes go on to others."""
        return await self.status(request)

    async def status(self, request: Request) -> Response:
        """How far a session has come: reckoned from the components that it manages."""
        session = self._record(request)
        components = list(self._site.state.bos_components.values())
        managed = [c for c in components if c.get("session") == session["name"]]
        staged = [
            c for c in components if c.get("staged_state", {}).get("session") == session["name"]
        ]
        return json_answer(self._progress(session, managed, len(staged)))

    async def _require_template(self, given: JsonObject, tenant: str | None) -> None:
        name = given["template_name"]
        template = self._templates.find(name, tenant)
        if template is None:
            raise Problem(400, f"Session Template Name invalid: {name}")
        verdict = await self._templates.validator.judge(template, name, given["operation"])
        if verdict.fatal:
            raise Problem(400, verdict.text)

    def _session(self, name: str, given: JsonObject, tenant: str | None) -> JsonObject:
        session = {
            "name": name,
            "operation": given["operation"],
            "template_name": given["template_name"],
            "limit": given.get("limit") or "",
            "stage": given.get("stage", False),
            "components": "",
            "include_disabled": given.get("include_disabled", False),
            "status": {
                "start_time": bos_time(self._site.clock()),
                "end_time": None,
                "status": "pending",
                "error": None,
            },
        }
        return session | ({"tenant": tenant} if self._site.profile.bos_tenants else {})

    def _tenant(self, request: Request) -> str | None:
        return tenant_of(request) if self._site.profile.bos_tenants else None

    def _record(self, request: Request) -> JsonObject:
        name = request.path_params["name"]
        record = self._records.get(tenant_key(name, self._tenant(request)))
        if record is None:
            raise Problem(
                404,
                f"Session {name} could not be found",
                title=self._site.profile.bos_not_found_title or "Session could not found.",
            )
        return record

    def _progress(
        self, session: JsonObject, managed: list[JsonObject], staged_count: int
    ) -> JsonObject:
        total = len(managed) + staged_count

        def percent(count: int) -> float:
            return 100 * count / total if total else 0

        phases = [c.get("status", {}).get("phase") for c in managed]
        statuses = [c.get("status", {}).get("status") for c in managed]
        successful, failed = percent(statuses.count("stable")), percent(statuses.count("failed"))
        return {
            "status": session["status"]["status"],
            "managed_components_count": total,
            "phases": {
                "percent_complete": successful + failed,
                **{f"percent_{phase}": percent(phases.count(phase)) for phase in _PHASES},
            },
            "percent_staged": percent(staged_count),
            "percent_successful": successful,
            "percent_failed": failed,
            "error_summary": _errors(managed),
            "timing": self._timing(session["status"]),
        }

    def _timing(self, status: JsonObject) -> JsonObject:
        end = status.get("end_time")
        end_s = seconds_of(end) if end else self._site.clock()
        spent = timedelta(seconds=int(end_s - seconds_of(status["start_time"])))
        return {"start_time": status["start_time"], "end_time": end, "duration": str(spent)}


def _errors(components: list[JsonObject]) -> JsonObject:
    by_text: dict[str, list[str]] = {}
    for component in components:
        if component.get("error"):
            by_text.setdefault(component["error"], []).append(component["id"])
    return {
        text: {"count": len(ids), "list": ",".join(ids[:10]) + ("..." if ids[10:] else "")}
        for text, ids in by_text.items()
    }
