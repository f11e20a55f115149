# SPDX-License-Identifier: Apache-2.0
"""Nexus: package repositories, below /service/rest and /repository.

The gateway lets its paths pass; Nexus itself asks for basic authentication, and only for writes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import mimetypes
import uuid
from collections.abc import Callable

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from poya.lab.services.answers import json_answer, no_content, plain_app
from poya.lab.services.orders import scattered_records
from poya.lab.services.times import rfc3339
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

USER = "admin"

_PAGE = 50
_LIMIT_BYTES = 64 * 1024 * 1024
_NAMES = uuid.UUID("0f2b7e9a-1c1e-4f39-8d8c-0a3c52a1d0f4")
_DIGESTS = ("sha1", "sha256", "sha512", "md5")


class _RepositoryIn(msgspec.Struct):
    name: str
    online: bool = True
    storage: dict[str, object] = {}
    group: dict[str, list[str]] = {}
    proxy: dict[str, object] = {}


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at the root of the gateway."""
    nexus = _Nexus(site)
    rest = "/service/rest"
    routes: list[BaseRoute] = [
        Route(f"{rest}/v1/status", nexus.status, methods=["GET"]),
        Route(f"{rest}/v1/status/writable", nexus.status, methods=["GET"]),
        Route(f"{rest}/v1/repositories", nexus.list_repositories, methods=["GET"]),
        Route(f"{rest}/v1/repositories/{{name}}", nexus.get_repository, methods=["GET"]),
        Route(f"{rest}/v1/repositories/{{name}}", nexus.delete_repository, methods=["DELETE"]),
        Route(f"{rest}/v1/repositories/{{name}}/rebuild-index", nexus.rebuild, methods=["POST"]),
        Route(f"{rest}/v1/repository/{{name}}/rebuild-index", nexus.rebuild, methods=["POST"]),
        Route(f"{rest}/{{api}}/repositories/{{format}}/{{kind}}", nexus.create, methods=["POST"]),
        Route(f"{rest}/v1/components", nexus.list_components, methods=["GET"]),
        Route(f"{rest}/v1/assets", nexus.list_assets, methods=["GET"]),
        Route("/repository/{name}/{path:path}", nexus.download, methods=["GET", "HEAD"]),
        Route("/repository/{name}/{path:path}", nexus.upload, methods=["PUT"]),
        Route("/repository/{name}/{path:path}", nexus.remove, methods=["DELETE"]),
    ]
    return plain_app(routes, lambda status: PlainTextResponse("", status))


class _Nexus:
    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._repositories = site.state.nexus_repositories
        self._assets = site.state.nexus_assets

    async def status(self, _request: Request) -> Response:
        return Response(status_code=200)

    async def list_repositories(self, _request: Request) -> Response:
        """All repositories, in one array."""
        return json_answer([self._described(r) for r in scattered_records(self._repositories)])

    async def get_repository(self, request: Request) -> Response:
        found = self._repositories.get(request.path_params["name"])
        return Response(status_code=404) if found is None else json_answer(self._described(found))

    async def create(self, request: Request) -> Response:
        """Create a hosted, proxy or group repository."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        try:
            asked = msgspec.json.decode(await request.body(), type=_RepositoryIn)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Response(status_code=400)
        members = asked.group.get("memberNames") or []
        wrong = _wrong_repository(asked.name, taken=asked.name in self._repositories)
        wrong += [
            f"Member repository does not exist: {m}"
            for m in members
            if m not in self._repositories
        ]
        if wrong:
            return json_answer([{"id": "*", "message": words} for words in wrong], 400)
        self._repositories.put(
            asked.name,
            {
                "name": asked.name,
                "format": request.path_params["format"],
                "type": request.path_params["kind"],
                "members": members,
            },
        )
        return Response(status_code=201)

    async def delete_repository(self, request: Request) -> Response:
        name = request.path_params["name"]
        if (refusal := self._refusal(request)) is not None:
            return refusal
        if not self._repositories.delete(name):
            return Response(status_code=404)
        for key in self._own(name):
            self._assets.delete(key)
        return no_content()

    async def rebuild(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        known = request.path_params["name"] in self._repositories
        return Response(status_code=204 if known else 404)

    async def list_components(self, request: Request) -> Response:
        """A page of the components of one repository."""
        return self._page(request, self._component)

    async def list_assets(self, request: Request) -> Response:
        """A page of the assets of one repository."""
        return self._page(request, self._asset)

    async def download(self, request: Request) -> Response:
        asset = self._find(request.path_params["name"], request.path_params["path"])
        if asset is None:
            return Response(status_code=404)
        headers = {"etag": f'"{{SHA1{{{asset["checksum"]["sha1"]}}}}}"'}
        return Response(_content(asset), media_type=asset["contentType"], headers=headers)

    async def upload(self, request: Request) -> Response:
        """Keep a file of a hosted repository."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        name, path = request.path_params["name"], request.path_params["path"]
        repository = self._repositories.get(name)
        if repository is None:
            return Response(status_code=404)
        if repository["type"] != "hosted":
            return Response(status_code=405)
        body = await request.body()
        if len(body) > _LIMIT_BYTES:
            return Response(status_code=413)
        self._assets.put(f"{name}/{path}", new_asset(name, path, body, self._site.clock()))
        return Response(status_code=201 if repository["format"] == "raw" else 200)

    async def remove(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        key = f"{request.path_params['name']}/{request.path_params['path']}"
        return Response(status_code=204 if self._assets.delete(key) else 404)

    def _page(self, request: Request, show: Callable[[JsonObject], JsonObject]) -> Response:
        name = request.query_params.get("repository", "")
        if name not in self._repositories:
            return Response(status_code=404 if name else 422)
        after = _read_token(request.query_params.get("continuationToken", ""))
        if after is None:
            return PlainTextResponse("Unable to decode continuation token", 406)
        keys = [key for key in sorted(self._keys(name)) if key > after]
        shown = [show(self._assets.get(key) or {}) for key in keys[:_PAGE]]
        token = _token(keys[_PAGE - 1]) if keys[_PAGE:] else None
        return json_answer({"items": shown, "continuationToken": token})

    def _keys(self, name: str) -> list[str]:
        """The assets of a repository, a group's members' among them."""
        members = (self._repositories.get(name) or {}).get("members") or [name]
        return [key for member in members for key in self._own(member)]

    def _own(self, name: str) -> list[str]:
        return [key for key in sorted(self._assets.keys()) if key.startswith(f"{name}/")]

    def _find(self, name: str, path: str) -> JsonObject | None:
        members = (self._repositories.get(name) or {}).get("members") or [name]
        found = (self._assets.get(f"{member}/{path}") for member in members)
        return next((asset for asset in found if asset is not None), None)

    def _described(self, repository: JsonObject) -> JsonObject:
        return {
            **{field: repository[field] for field in ("name", "format", "type")},
            "url": self._url(repository["name"]),
            "attributes": {},
        }

    def _asset(self, asset: JsonObject) -> JsonObject:
        shown = {k: v for k, v in asset.items() if k != "content"}
        repository = self._repositories.get(asset["repository"]) or {"format": "raw"}
        url = f"{self._url(asset['repository'])}/{asset['path']}"
        return {"downloadUrl": url, "format": repository["format"], **shown}

    def _component(self, asset: JsonObject) -> JsonObject:
        shown = self._asset(asset)
        directory, _, name = asset["path"].rpartition("/")
        return {
            "id": str(uuid.uuid5(_NAMES, asset["id"])),
            "repository": asset["repository"],
            "format": shown["format"],
            "group": f"/{directory}",
            "name": name,
            "version": None,
            "assets": [shown],
        }

    def _url(self, name: str) -> str:
        return f"https://packages.local/repository/{name}"

    def _refusal(self, request: Request) -> Response | None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        password = self._site.accounts.nexus_password
        if scheme.lower() == "basic" and password:
            try:
                user, _, word = base64.b64decode(given).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                user, word = "", ""
            if user == USER and hmac.compare_digest(word.encode(), password.encode()):
                return None
        challenge = 'BASIC realm="Sonatype Nexus Repository Manager"'
        return Response(status_code=401, headers={"www-authenticate": challenge})


def new_asset(repository: str, path: str, body: bytes, now_s: float) -> JsonObject:
    """The record of a file in a repository."""
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return {
        "repository": repository,
        "path": path,
        "id": str(uuid.uuid5(_NAMES, f"{repository}/{path}")),
        "checksum": {name: hashlib.new(name, body).hexdigest() for name in _DIGESTS},
        "contentType": kind,
        "lastModified": rfc3339(now_s),
        "fileSize": len(body),
        "content": base64.b64encode(body).decode(),
    }


def _content(asset: JsonObject) -> bytes:
    return base64.b64decode(asset["content"])


def _wrong_repository(name: str, *, taken: bool) -> list[str]:
    if taken:
        return [f"A repository with the same name '{name}' already exists"]
    return [] if name and name[0] not in "._" else ["Name must be valid"]


def _token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _read_token(token: str) -> str | None:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
