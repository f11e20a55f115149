# SPDX-License-Identifier: Apache-2.0
"""The git server's ASGI app: clones, pushes, and the part of Gitea's API that tools use.

Anonymous users may ask for the version and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from poya.lab.vcs.accounts import Caller, GitAccounts
from poya.lab.vcs.gitea_answers import as_object, json_of, not_found, unauthorised
from poya.lab.vcs.gitea_users import user_routes
from poya.lab.vcs.repositories import Declared, Repositories, is_protected
from poya.lab.vcs.running import git
from poya.lab.vcs.smart_http import serve_git

VERSION = "1.21.11"
_JsonObject: TypeAlias = dict[str, object]
_FIELDS = "%H%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x01"
_DEFAULT_PAGE = 30
_MAX_PAGE = 50
_Item = TypeVar("_Item")


def vcs_app(repositories: Repositories, password: str, public_url: str) -> ASGIApp:
    """What is to be served at `/vcs`.

    Args:
        repositories: What it serves.
        password: Of the user `crayvcs`.
        public_url: How the site itself calls this server: `https://vcs.cmn.<domain>/vcs`.
    """
    accounts = GitAccounts(repositories.root / "accounts.json", password)
    server = _Gitea(repositories, accounts, public_url)
    api = "/api/v1"
    repository = f"{api}/repos/{{org}}/{{repo}}"
    routes = [
        Route(f"{api}/version", server.version),
        Route(f"{api}/orgs/{{org}}/repos", server.list_repositories, methods=["GET"]),
        Route(f"{api}/orgs/{{org}}/repos", server.create_repository, methods=["POST"]),
        Route(repository, server.repository),
        Route(f"{repository}/branches", server.branches),
        Route(f"{repository}/branches/{{branch:path}}", server.branch),
        Route(f"{repository}/git/commits/{{sha}}", server.commit),
        Route(f"{repository}/commits", server.commits),
        Route(f"{repository}/branch_protections", server.protections),
        *user_routes(accounts, api),
        Route(f"{api}/orgs", server.add_organisation, methods=["POST"]),
        Route(f"{api}/{{rest:path}}", server.nothing, methods=["GET", "POST", "PUT", "DELETE"]),
        Route("/{org}/{repo}/{service:path}", server.git, methods=["GET", "POST"]),
    ]
    return Starlette(routes=routes)


class _Gitea:
    def __init__(self, repositories: Repositories, accounts: GitAccounts, public_url: str) -> None:
        self._repositories = repositories
        self._accounts = accounts
        self._public_url = public_url

    async def version(self, _: Request) -> Response:
        return JSONResponse({"version": VERSION})

    async def git(self, request: Request) -> Response:
        caller = self._caller(request)
        if caller is None:
            asks = {"WWW-Authenticate": 'Basic realm="Gitea"'}
            return Response("Unauthorized\n", 401, headers=asks)
        path = self._path(request)
        if path is None:
            return Response("Not found.\n", 404, media_type="text/plain")
        return await serve_git(request, path, request.path_params["service"], caller.name)

    async def list_repositories(self, request: Request) -> Response:
        if not self._known(request):
            return unauthorised()
        org = request.path_params["org"]
        names = _page(request, self._repositories.names(org))
        return JSONResponse([await self._described(org, name) for name in names])

    async def create_repository(self, request: Request) -> Response:
        if not self._known(request):
            return unauthorised()
        org, name = request.path_params["org"], str((await json_of(request)).get("name", ""))
        if self._repositories.path(org, name):
            message = "The repository with the same name already exists."
            return JSONResponse({"message": message}, 409)
        try:
            self._repositories.create(org, name)
        except ValueError:
            return JSONResponse({"message": "The name is not valid."}, 422)
        return JSONResponse(await self._described(org, name), 201)

    async def repository(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        name = request.path_params["repo"].removesuffix(".git")
        return JSONResponse(await self._described(request.path_params["org"], name))

    async def branches(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        path, declared = self._existing(request), self._declared(request)
        real = await _branch_names(path)
        names = _page(request, [*real, *(b for b in declared.branches if b not in real)])
        found = [
            await self._branch(path, name)
            if name in real
            else _declared_branch(name, declared.branches[name])
            for name in names
        ]
        return JSONResponse(found)

    async def branch(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        name = request.path_params["branch"]
        known = self._declared(request).branches.get(name)
        if known:
            return JSONResponse(_declared_branch(name, known))
        if name not in await _branch_names(self._existing(request)):
            return not_found()
        return JSONResponse(await self._branch(self._existing(request), name))

    async def commit(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        sha = request.path_params["sha"]
        if sha in self._declared(request).commits:
            return JSONResponse(_declared_commit(sha))
        found = await _log(self._existing(request), sha, limit=1)
        return JSONResponse(found[0]) if found else not_found()

    async def commits(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        start = request.query_params.get("sha", "HEAD")
        found = await _log(self._existing(request), start)
        return JSONResponse(_page(request, found)) if found else not_found()

    async def protections(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        names = [b for b in await _branch_names(self._existing(request)) if is_protected(b)]
        rules = [{"branch_name": n, "rule_name": n, "enable_push": False} for n in names]
        return JSONResponse(rules)

    async def add_organisation(self, request: Request) -> Response:
        if not self._known(request):
            return unauthorised()
        name = str((await json_of(request)).get("username", ""))
        try:
            made = self._repositories.create_organisation(name)
        except ValueError:
            return JSONResponse({"message": "The name is not valid."}, 422)
        if not made:
            return JSONResponse({"message": f"user already exists [name: {name}]"}, 422)
        return JSONResponse({"username": name, "name": name, "visibility": "public"}, 201)

    async def nothing(self, request: Request) -> Response:
        return not_found() if self._known(request) else unauthorised()

    def _refusal(self, request: Request) -> Response | None:
        if not self._known(request):
            return unauthorised()
        return None if self._path(request) else not_found()

    def _caller(self, request: Request) -> Caller | None:
        return self._accounts.caller(request.headers.get("authorization", ""))

    def _known(self, request: Request) -> bool:
        return self._caller(request) is not None

    def _path(self, request: Request) -> Path | None:
        return self._repositories.path(request.path_params["org"], request.path_params["repo"])

    def _declared(self, request: Request) -> Declared:
        name = request.path_params["repo"].removesuffix(".git")
        return self._repositories.declared(request.path_params["org"], name)

    def _existing(self, request: Request) -> Path:
        path = self._path(request)
        if path is None:
            raise AssertionError("the caller has looked for it")
        return path

    async def _described(self, org: str, name: str) -> _JsonObject:
        path = self._repositories.root / org / f"{name}.git"
        return {
            "name": name,
            "full_name": f"{org}/{name}",
            "owner": {"login": org},
            "private": True,
            "empty": not await _branch_names(path),
            "default_branch": "main",
            "html_url": f"{self._public_url}/{org}/{name}",
            "clone_url": f"{self._public_url}/{org}/{name}.git",
            "permissions": {"admin": True, "push": True, "pull": True},
        }

    async def _branch(self, path: Path, name: str) -> _JsonObject:
        commit = (await _log(path, f"refs/heads/{name}", limit=1))[0]
        details = commit["commit"]
        described = {"id": commit["sha"], **as_object(details)}
        return {"name": name, "commit": described, "protected": is_protected(name)}


async def _branch_names(path: Path) -> list[str]:
    _, output, _ = await git(
        "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", directory=path
    )
    return output.decode().split()


async def _log(path: Path, start: str, limit: int = 1000) -> list[_JsonObject]:
    status, output, _ = await git(
        *("log", f"--max-count={limit}", f"--format={_FIELDS}", "--end-of-options", start, "--"),
        directory=path,
    )
    if status:
        return []
    return [_commit(text) for text in output.decode().split("\x01\n") if text.strip()]


def _commit(text: str) -> _JsonObject:
    sha, parents, *people, message = text.split("\0")
    author, committer = _person(people[:3]), _person(people[3:])
    return {
        "sha": sha,
        "commit": {"message": message, "author": author, "committer": committer},
        "parents": [{"sha": parent} for parent in parents.split()],
    }


def _declared_commit(sha: str) -> _JsonObject:
    nobody = {"name": "", "email": "", "date": "1970-01-01T00:00:00Z"}
    details = {"message": "known by name only", "author": nobody, "committer": nobody}
    return {"sha": sha, "commit": details, "parents": []}


def _declared_branch(name: str, sha: str) -> _JsonObject:
    described = {"id": sha, **as_object(_declared_commit(sha)["commit"])}
    return {"name": name, "commit": described, "protected": is_protected(name)}


def _person(fields: Sequence[str]) -> dict[str, str]:
    return dict(zip(("name", "email", "date"), fields, strict=True))


def _page(request: Request, items: Sequence[_Item]) -> list[_Item]:
    page, limit = (_number(request, name) for name in ("page", "limit"))
    size = min(limit or _DEFAULT_PAGE, _MAX_PAGE)
    start = (max(page, 1) - 1) * size
    return list(items[start : start + size])


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isdecimal() else 0
