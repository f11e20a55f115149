# SPDX-License-Identifier: Apache-2.0
"""The Configuration Framework Service (CFS, `/apis/cfs`): v3 where it exists, else v2."""

from __future__ import annotations

from dataclasses import replace

from poya.csm.calls import path_of
from poya.csm.cfs_records import CfsComponent, CfsSession, Configuration, Source, cfs_record
from poya.csm.cfs_store import Dialect, Records, ask_dialect
from poya.csm.channel import Channel
from poya.csm.secret import Secret
from poya.csm.versions import Once, Version
from poya.documents import Document, JsonObject
from poya.errors import UsageError

# config-framework-service's changelog and specifications.
DESCRIPTION_SINCE = Version(1, 12)
TENANTS_SINCE = Version(1, 26)


class Configurations:
    """CFS configurations (`/configurations`).

    `tenant` on each call acts as that tenant (CFS 1.26 and later; older ones ignore it).
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    async def list(self, *, tenant: str | None = None) -> tuple[Configuration, ...]:
        """All configurations."""
        channel = self._records.channel.acting_as(tenant)
        return await self._records.read_all(Configuration, "configurations", channel)

    async def get(self, name: str, *, tenant: str | None = None) -> Configuration:
        """One configuration.

        Raises:
            NotFound: There is none with that name.
        """
        channel = self._records.channel.acting_as(tenant)
        return await self._records.read(Configuration, _configuration(name), channel)

    async def put(
        self, name: str, body: JsonObject, *, tenant: str | None = None
    ) -> Configuration:
        """Create a configuration, or **replace** the one of that name without a question.

        CFS checks no commit and no URL; a branch it clones now. Nodes that desire it are
        configured anew at once. A body without `tenant_name` takes it away from its tenant.

        Args:
            name: At most 60 characters for v3.
            body: In the v3 spelling, as `configuration_body` makes it.
            tenant: Act as this tenant.

        Raises:
            RequestRefused: CFS does not accept the body (400).
        """
        channel = self._records.channel.acting_as(tenant)
        return await self._records.write(
            Configuration, _configuration(name), body, method="PUT", channel=channel
        )

    async def delete(self, name: str, *, tenant: str | None = None) -> None:
        """Delete a configuration.

        Raises:
            NotFound: There is none with that name.
            RequestRefused: Components desire it (400).
        """
        channel = self._records.channel.acting_as(tenant)
        await self._records.delete(_configuration(name), channel)


class Sources:
    """CFS sources (`/v3/sources`): repositories outside the site's own Gitea."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def list(self) -> tuple[Source, ...]:
        """All sources; none where CFS has no v3, which has no sources either."""
        if (await self._records.dialect()).is_v2:
            return ()
        return await self._records.read_all(Source, "sources", self._records.channel)

    async def get(self, name: str) -> Source:
        """One source, by its name, which may be a URL.

        Raises:
            NotFound: There is none with that name.
        """
        await self._need_v3()
        return await self._records.read(Source, _source(name))

    async def create(self, body: JsonObject, *, username: str, password: Secret) -> Source:
        """Create a source with the login to its repository.

        Raises:
            RequestRefused: With status 409 if the name is taken.
        """
        await self._need_v3()
        revealed = password.reveal()
        credentials: JsonObject = {
            "authentication_method": "password",
            "username": username,
            "password": revealed,
        }
        channel = self._records.channel
        call = channel.call("POST", "/v3/sources", body={**body, "credentials": credentials})
        answer = await channel.send(replace(call, secrets=(revealed,)))
        return cfs_record(Source, answer, is_v2=False)

    async def delete(self, name: str) -> None:
        """Delete a source.

        Raises:
            NotFound: There is none with that name.
            RequestRefused: A configuration uses it (400).
        """
        await self._need_v3()
        await self._records.delete(_source(name), self._records.channel)

    async def _need_v3(self) -> None:
        if (await self._records.dialect()).is_v2:
            raise UsageError(f"CFS of {self._records.channel.site} is too old for sources.")


class CfsComponents:
    """Components as CFS sees them (`/components`)."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def list(self) -> tuple[CfsComponent, ...]:
        """All components."""
        channel = self._records.channel
        return await self._records.read_all(CfsComponent, "components", channel)

    async def get(self, component_id: str) -> CfsComponent:
        """One component.

        Raises:
            NotFound: CFS does not know it.
        """
        return await self._records.read(CfsComponent, f"/components{path_of(component_id)}")

    async def desiring(self, configuration: str) -> tuple[CfsComponent, ...]:
        """The components that a configuration is desired for, enabled or not.

        Asks every component: CFS's own `in_use` says no where this says yes (CFS 1.31).
        """
        return tuple(one for one in await self.list() if one.desired_config == configuration)

    async def update(self, component_id: str, changes: JsonObject) -> CfsComponent:
        """Change fields of a component (desired_config, enabled, tags …), v3 spelling.

        Raises:
            NotFound: CFS does not know it.
        """
        path = f"/components{path_of(component_id)}"
        channel = self._records.channel
        return await self._records.write(
            CfsComponent, path, changes, method="PATCH", channel=channel
        )


class CfsSessions:
    """CFS sessions (`/sessions`): runs of a configuration on nodes or on an image."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def list(self) -> tuple[CfsSession, ...]:
        """All sessions."""
        return await self._records.read_all(CfsSession, "sessions", self._records.channel)

    async def get(self, name: str) -> CfsSession:
        """One session.

        Raises:
            NotFound: There is none with that name.
        """
        return await self._records.read(CfsSession, f"/sessions{path_of(name)}")

    async def create(self, body: JsonObject) -> CfsSession:
        """Start a session, given in the v3 spelling (name, configuration_name, target …).

        Raises:
            RequestRefused: The name is taken (409), or the configuration is missing (400).
        """
        channel = self._records.channel
        return await self._records.write(
            CfsSession, "/sessions", body, method="POST", channel=channel
        )

    async def delete(self, name: str) -> None:
        """Delete a session; a running one is stopped.

        Raises:
            NotFound: There is none with that name.
        """
        await self._records.delete(f"/sessions{path_of(name)}", self._records.channel)


class Cfs:
    """The Configuration Framework Service of one site."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._dialect = Once(lambda: ask_dialect(channel))
        records = Records(channel, self._dialect)
        self.configurations = Configurations(records)
        self.sources = Sources(records)
        self.components = CfsComponents(records)
        self.sessions = CfsSessions(records)

    async def dialect(self) -> Dialect:
        """Which API and version the site has, asked once (`GET /v3`, `/v2`, `/healthz`)."""
        return await self._dialect.get()

    async def options(self) -> Document:
        """The service's options, as served (`GET /options`)."""
        answer = await self._channel.get(f"/{(await self.dialect()).api}/options")
        return answer.document()


def _configuration(name: str) -> str:
    return f"/configurations{path_of(name)}"


def _source(name: str) -> str:
    return f"/sources{path_of(name)}"
