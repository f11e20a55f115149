# SPDX-License-Identifier: Apache-2.0
"""The site's Nexus (`/service/rest/v1`): package repositories and what is in them."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec

from poya.csm.http.answers import Answer
from poya.csm.http.calls import params_of, path_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, record_of, records_of
from poya.documents import JsonObject


class NexusRepository(Record, frozen=True):
    """A repository.

    Attributes:
        format: yum, raw, docker, helm, …
        type: hosted, proxy or group.
    """

    name: str
    format: str = ""
    type: str = ""
    url: str = ""


class Asset(msgspec.Struct, frozen=True):
    """A file of a component.

    Attributes:
        checksum: Hex digests by algorithm (sha256, md5, …).
    """

    path: str = ""
    id: str = ""
    download_url: str = msgspec.field(default="", name="downloadUrl")
    checksum: dict[str, str] | None = None


class NexusComponent(Record, frozen=True):
    """A package."""

    id: str
    name: str = ""
    group: str | None = None
    version: str | None = None
    format: str = ""
    repository: str = ""
    assets: tuple[Asset, ...] = ()


class _Page(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw]
    continuation_token: str | None = msgspec.field(default=None, name="continuationToken")


class NexusRepositories:
    """Repositories (`/v1/repositories`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self) -> tuple[NexusRepository, ...]:
        """All repositories that the account may see."""
        answer = await self._channel.get("/v1/repositories")
        return records_of(NexusRepository, answer.rows(), answer)

    async def get(self, name: str) -> NexusRepository:
        """One repository.

        Raises:
            NotFound: There is none with that name, or the account may not see it.
        """
        answer = await self._channel.get(f"/v1/repositories{path_of(name)}")
        return record_of(NexusRepository, answer)

    async def create(self, format: str, type: str, body: JsonObject) -> None:  # noqa: A002 - Nexus's
        """Create a repository (`POST /v1/repositories/{format}/{type}`).

        Args:
            format: As yum or raw.
            type: hosted, proxy or group.
            body: name, online, storage and what the format needs.

        Raises:
            RequestRefused: Nexus does not accept the body, or the name is taken (400).
        """
        await self._channel.post(f"/v1/repositories{path_of(format, type)}", body)

    async def rebuild_index(self, name: str) -> None:
        """Rebuild a repository's index.

        Raises:
            NotFound: There is none with that name.
        """
        await self._channel.post(f"/v1/repositories{path_of(name)}/rebuild-index")

    async def delete(self, name: str) -> None:
        """Delete a repository with everything in it.

        Raises:
            NotFound: There is none with that name.
        """
        await self._channel.delete(f"/v1/repositories{path_of(name)}")


class NexusComponents:
    """Packages (`/v1/components`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def stream(self, repository: str) -> AsyncGenerator[NexusComponent, None]:
        """The packages of a repository, a page at a time, as they arrive.

        Raises:
            NotFound: There is no such repository.
            BadAnswer: A page leads back to an earlier one.
        """
        token: str | None = None
        seen: set[str] = set()
        while True:
            wanted = params_of({"repository": repository, "continuationToken": token})
            answer = await self._channel.get("/v1/components", wanted)
            page = answer.decode(_Page)
            for component in records_of(NexusComponent, page.items, answer):
                yield component
            token = page.continuation_token
            if not token:
                return
            _refuse_cycle(token, seen, answer)

    async def list(self, repository: str) -> tuple[NexusComponent, ...]:
        """All packages of a repository.

        Raises:
            NotFound: There is no such repository.
        """
        return tuple([component async for component in self.stream(repository)])

    async def get(self, component_id: str) -> NexusComponent:
        """One package.

        Raises:
            NotFound: There is none with that id.
        """
        answer = await self._channel.get(f"/v1/components{path_of(component_id)}")
        return record_of(NexusComponent, answer)

    async def delete(self, component_id: str) -> None:
        """Delete a package with its files.

        Raises:
            NotFound: There is none with that id.
        """
        await self._channel.delete(f"/v1/components{path_of(component_id)}")


class Nexus:
    """The Nexus of one site, by its own account: it does not take the bearer token."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.repositories = NexusRepositories(channel)
        self.components = NexusComponents(channel)

    async def ready(self) -> None:
        """Return if Nexus can be read (`GET /v1/status`).

        Raises:
            PoyaError: It cannot, or is not there.
        """
        await self._channel.get("/v1/status")


def _refuse_cycle(token: str, seen: set[str], answer: Answer) -> None:
    if token in seen:
        raise answer.bad("Its next page is one that was read already.")
    seen.add(token)
