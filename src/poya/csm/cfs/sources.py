# SPDX-License-Identifier: Apache-2.0
"""CFS sources (`/v3/sources`): logins to repositories outside the site's own Gitea."""

from __future__ import annotations

from dataclasses import replace

from poya.csm.cfs.records import Source, cfs_record
from poya.csm.cfs.store import Dialect, Records
from poya.csm.http.calls import Call, path_of
from poya.csm.releases import CFS_SOURCE_RESTORE, CFS_V3, NeedsRelease, require
from poya.csm.secret import Secret
from poya.csm.versions import Version
from poya.documents import JsonObject
from poya.errors import UsageError


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
            NeedsRelease: CFS has no v3.
            RequestRefused: With status 409 if the name is taken.
        """
        await self._need_v3()
        revealed = password.reveal()
        credentials: JsonObject = {
            "authentication_method": "password",
            "username": username,
            "password": revealed,
        }
        call = self._records.channel.call(
            "POST", "/v3/sources", body={**body, "credentials": credentials}
        )
        return await self._send(call, revealed)

    async def restore(self, name: str, body: JsonObject, *, secret_name: str) -> Source:
        """Create a source whose login is in the site's Vault already, under this name.

        Raises:
            NeedsRelease: CFS is older than 1.23 (1.18.14 of CSM 1.5 can, too).
            RequestRefused: With status 409 if the name is taken.
        """
        dialect = await self._records.dialect()
        version, channel = dialect.version or Version(0, 0), self._records.channel
        require(version, CFS_SOURCE_RESTORE, "Restoring a source", channel.site, "CFS")
        credentials: JsonObject = {
            "authentication_method": "password",
            "secret_name": secret_name,
        }
        whole: JsonObject = {**body, "credentials": credentials}
        answer = await channel.post(f"/v3{_source(name)}", whole)
        return cfs_record(Source, answer, is_v2=False)

    async def update(
        self,
        name: str,
        changes: JsonObject,
        *,
        username: str | None = None,
        password: Secret | None = None,
    ) -> Source:
        """Change a source's URL or CA; its login, if a name and a password are given.

        Raises:
            NotFound: There is none with that name.
            UsageError: A name without a password, or a password without a name.
        """
        await self._need_v3()
        if (username is None) != (password is None):
            raise UsageError("A source's login is changed with both its name and its password.")
        body, revealed = dict(changes), password.reveal() if password else ""
        if password:
            body["credentials"] = {"username": username, "password": revealed}
        call = self._records.channel.call("PATCH", f"/v3{_source(name)}", body=body)
        return await self._send(call, revealed)

    async def delete(self, name: str) -> None:
        """Delete a source.

        Raises:
            NotFound: There is none with that name.
            RequestRefused: A configuration uses it (400).
        """
        await self._need_v3()
        await self._records.delete(_source(name), self._records.channel)

    async def _send(self, call: Call, secret: str) -> Source:
        secrets = (secret,) if secret else ()
        answer = await self._records.channel.send(replace(call, secrets=secrets))
        return cfs_record(Source, answer, is_v2=False)

    async def _need_v3(self) -> Dialect:
        dialect = await self._records.dialect()
        if dialect.is_v2:
            site = self._records.channel.site
            raise NeedsRelease("A CFS source", site, CFS_V3.release, "CFS v2 only")
        return dialect


def _source(name: str) -> str:
    return f"/sources{path_of(name)}"
