# SPDX-License-Identifier: Apache-2.0
"""CFS: /sessions. Their jobs are run by `poya.lab.life.configuring`."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.life.configuring import Configuring
from poya.lab.services.ages import age_s, is_of_age
from poya.lab.services.answers import Problem, connexion_body, json_answer, no_content
from poya.lab.services.cfs_options import Options
from poya.lab.services.cfs_shapes import session_v2, session_v3
from poya.lab.services.cfs_views import (
    next_page,
    page,
    tags_of,
    to_v2,
    to_v3,
    v2_page,
    v3_page_request,
    whole,
)
from poya.lab.services.orders import by_key
from poya.lab.services.schema import Shape
from poya.lab.services.times import bos_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_FILTERS = ("age", "min_age", "max_age", "status", "name_contains", "succeeded", "tags")
# What a session has come to is not taken back: there is more than one that tells of it.
_FORWARD = {
    "status": ("pending", "running", "complete"),
    "succeeded": ("none", "unknown", "false", "true"),
}
_ABOUT_GROUPS = {
    "none": "At least one target group must be specified.",
    "empty": "Group member lists must not be empty.",
    "blank": "Group members must not be blank.",
}


class Sessions:
    """Sessions of configuration."""

    def __init__(self, site: LabSite, options: Options) -> None:
        self._site = site
        self._options = options
        self._records = site.state.cfs_sessions
        self._jobs = Configuring(site)

    def routes(self) -> list[Route]:
        """The paths of this part of CFS."""
        v2, v3 = "/v2/sessions", "/v3/sessions"
        routes = [
            Route(v2, self.list_v2, methods=["GET"]),
            Route(v2, self.create_v2, methods=["POST"]),
            Route(v2, self.delete_many_v2, methods=["DELETE"]),
            Route(f"{v2}/{{name}}", self.patch_v2, methods=["PATCH"]),
            Route(f"{v2}/{{name}}", self.get_v2, methods=["GET"]),
            Route(f"{v2}/{{name}}", self.delete, methods=["DELETE"]),
        ]
        if self._site.profile.cfs_v3:
            routes += [
                Route(v3, self.list_v3, methods=["GET"]),
                Route(v3, self.create_v3, methods=["POST"]),
                Route(v3, self.delete_many_v3, methods=["DELETE"]),
                Route(f"{v3}/{{name}}", self.patch_v3, methods=["PATCH"]),
                Route(f"{v3}/{{name}}", self.get_v3, methods=["GET"]),
                Route(f"{v3}/{{name}}", self.delete, methods=["DELETE"]),
            ]
        return routes

    async def list_v2(self, request: Request) -> Response:
        """The sessions that the query asks for, if they fit one page."""
        keep = self._filter(request.query_params)
        found, more = whole(self._site.profile, self._records, self._options.page_size, keep)
        return json_answer(v2_page(found, more=more))

    async def list_v3(self, request: Request) -> Response:
        """A page of the sessions that the query asks for."""
        limit, after_id = v3_page_request(request, self._options.page_size)
        query = request.query_params
        found, more = page(self._records, limit, after_id, self._filter(query))
        parameters = {"limit": limit, **{name: query.get(name) for name in _FILTERS}}
        following = next_page(found, "name", more=more, parameters=parameters)
        return json_answer({"sessions": found, "next": following})

    async def get_v2(self, request: Request) -> Response:
        """One session."""
        return json_answer(to_v2(self._record(request)))

    async def get_v3(self, request: Request) -> Response:
        """One session."""
        return json_answer(self._record(request))

    async def create_v2(self, request: Request) -> Response:
        """Create a session; v2 answers 200."""
        given = to_v3(await connexion_body(request, session_v2()))
        return json_answer(to_v2(self._create(given)))

    async def create_v3(self, request: Request) -> Response:
        """Create a session."""
        return json_answer(self._create(await connexion_body(request, session_v3())), 201)

    async def delete(self, request: Request) -> Response:
        """Delete a session."""
        self._records.delete(self._record(request)["name"])
        return no_content()

    async def delete_many_v2(self, request: Request) -> Response:
        """Delete the sessions that the query asks for; without conditions, all."""
        self._delete_many(request)
        return no_content()

    async def delete_many_v3(self, request: Request) -> Response:
        """The same; v3 tells which."""
        return json_answer({"session_ids": self._delete_many(request)})

    async def patch_v2(self, request: Request) -> Response:
        """Change the status of a session, as its job does."""
        given = to_v3(await connexion_body(request, Shape("object")))
        return json_answer(to_v2(self._patch(request, given)))

    async def patch_v3(self, request: Request) -> Response:
        """The same."""
        return json_answer(self._patch(request, await connexion_body(request, Shape("object"))))

    def _patch(self, request: Request, given: JsonObject) -> JsonObject:
        if set(given) - {"status"}:
            raise Problem(400, "Only status can be updated after session creation")
        record = self._record(request)
        status = given.get("status") or {}
        kept = record["status"]["artifacts"]
        kept += [artifact for artifact in status.get("artifacts") or [] if artifact not in kept]
        for name, value in (status.get("session") or {}).items():
            if value and _goes_forward(name, record["status"]["session"].get(name), value):
                record["status"]["session"][name] = value
        self._records.put(record["name"], record)
        return record

    def _delete_many(self, request: Request) -> list[str]:
        keep = self._filter(request.query_params)
        doomed = [session["name"] for session in by_key(self._records) if keep(session)]
        for name in doomed:
            self._records.delete(name)
        return doomed

    def _filter(self, query: QueryParams) -> Callable[[JsonObject], bool]:
        now_s, tags = self._site.clock(), tags_of(query.get("tags") or "")
        least = query.get("min_age") or query.get("age")
        for age in (least, query.get("max_age")):
            age_s(age or "0s")

        def keep(session: JsonObject) -> bool:
            state = session["status"]["session"]
            return (
                _fits(state, query)
                and (query.get("name_contains") or "") in session["name"]
                and all((session.get("tags") or {}).get(name) == value for name, value in tags)
                and is_of_age(state["start_time"], now_s, least=least, most=query.get("max_age"))
            )

        return keep

    def _record(self, request: Request) -> JsonObject:
        name = request.path_params["name"]
        record = self._records.get(name)
        if record is None:
            raise Problem(404, f"Session {name} could not be found", title="Session not found.")
        return record

    def _create(self, given: JsonObject) -> JsonObject:
        name, configuration = given["name"], given["configuration_name"]
        if name in self._records:
            raise Problem(
                409,
                f"A session with the name {name} already exists",
                title="Conflicting session name",
            )
        if configuration not in self._site.state.configurations:
            raise Problem(
                400,
                f"No configurations exist named {configuration}",
                title="Invalid configuration",
            )
        _require_target(given.get("target") or {})
        session = self._session(given)
        self._records.put(name, session)
        self._jobs.begin(name)
        return session

    def _session(self, given: JsonObject) -> JsonObject:
        default_config = self._options.current()["default_ansible_config"]
        return {
            "name": given["name"],
            "configuration": {
                "name": given["configuration_name"],
                "limit": given.get("configuration_limit", ""),
            },
            "ansible": {
                "config": given.get("ansible_config") or default_config,
                "limit": given.get("ansible_limit", ""),
                "verbosity": given.get("ansible_verbosity", 0),
                "passthrough": given.get("ansible_passthrough", ""),
            },
            "target": given.get("target") or {"definition": "dynamic", "groups": []},
            "tags": given.get("tags", {}),
            "debug_on_failure": given.get("debug_on_failure", False),
            "status": {
                "artifacts": [],
                "session": {
                    "status": "pending",
                    "succeeded": "none",
                    "start_time": bos_time(self._site.clock()),
                },
            },
        }


def _fits(status: JsonObject, query: QueryParams) -> bool:
    return all(query.get(field) in (None, "", status[field]) for field in ("status", "succeeded"))


def _goes_forward(name: str, old: object, new: object) -> bool:
    order = _FORWARD.get(name)
    if order is None:
        return True
    return new in order and (old not in order or order.index(str(new)) > order.index(str(old)))


def _require_target(target: JsonObject) -> None:
    definition = target.get("definition", "dynamic")
    groups = target.get("groups") or []
    if definition in ("repo", "dynamic"):
        if groups:
            raise Problem(
                400, f"'{definition}' target definitions must not contain groups specifications."
            )
        return
    if not groups:
        raise Problem(400, _ABOUT_GROUPS["none"])
    members = [(group.get("name"), group.get("members")) for group in groups]
    if any(not names for _, names in members):
        raise Problem(400, _ABOUT_GROUPS["empty"])
    flat = [(group, name) for group, names in members for name in names]
    if any(name == "" for _, name in flat):
        raise Problem(400, _ABOUT_GROUPS["blank"])
    wrong = [pair for pair in flat if definition == "image" and not _is_uuid(pair[1])]
    if wrong:
        raise Problem(
            400, f"The following Image target group members are not valid UUIDs: {wrong}."
        )


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
