# SPDX-License-Identifier: Apache-2.0
"""Gitea's API of users and of their tokens."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from poya.lab.vcs.accounts import USER, Caller, GitAccounts
from poya.lab.vcs.gitea_answers import json_of, not_found, unauthorised


def user_routes(accounts: GitAccounts, api: str) -> list[Route]:
    """The paths of users and tokens, below `api`."""
    users = _Users(accounts)
    tokens = f"{api}/users/{{user}}/tokens"
    return [
        Route(f"{api}/user", users.whoami, methods=["GET"]),
        Route(f"{api}/admin/users", users.add_user, methods=["POST"]),
        Route(tokens, users.list_tokens, methods=["GET"]),
        Route(tokens, users.add_token, methods=["POST"]),
        Route(f"{tokens}/{{token}}", users.drop_token, methods=["DELETE"]),
    ]


class _Users:
    def __init__(self, accounts: GitAccounts) -> None:
        self._accounts = accounts

    def _caller(self, request: Request) -> Caller | None:
        return self._accounts.caller(request.headers.get("authorization", ""))

    async def whoami(self, request: Request) -> Response:
        caller = self._caller(request)
        return JSONResponse(_user(caller.name)) if caller else unauthorised()

    async def add_user(self, request: Request) -> Response:
        caller, asked = self._caller(request), await json_of(request)
        if caller is None:
            return unauthorised()
        if caller.name != USER:
            return JSONResponse({"message": "user should be an administrator"}, 403)
        name = str(asked.get("username", ""))
        if not self._accounts.add_user(name, str(asked.get("password", ""))):
            return JSONResponse({"message": f"user already exists [name: {name}]"}, 422)
        return JSONResponse(_user(name), 201)

    async def list_tokens(self, request: Request) -> Response:
        if refusal := self._stranger(request):
            return refusal
        return JSONResponse(self._accounts.tokens(request.path_params["user"]))

    async def add_token(self, request: Request) -> Response:
        if refusal := self._stranger(request):
            return refusal
        name = str((await json_of(request)).get("name", ""))
        made = self._accounts.add_token(request.path_params["user"], name)
        if made is None:
            return JSONResponse({"message": "access token name has been used already"}, 400)
        return JSONResponse(made, 201)

    async def drop_token(self, request: Request) -> Response:
        if refusal := self._stranger(request):
            return refusal
        user, token = request.path_params["user"], request.path_params["token"]
        return Response(status_code=204) if self._accounts.drop_token(user, token) else not_found()

    def _stranger(self, request: Request) -> Response | None:
        """The refusal of whoever did not give the password of the user whose tokens these are."""
        caller = self._caller(request)
        if caller is None or not caller.by_password:
            return JSONResponse({"message": "auth required"}, 401)
        if caller.name not in (request.path_params["user"], USER):
            words = "doer should be the site admin or be same as the contextUser"
            return JSONResponse({"message": words}, 403)
        return None


def _user(name: str) -> dict[str, object]:
    return {"login": name, "username": name, "is_admin": name == USER, "active": True}
