# SPDX-License-Identifier: Apache-2.0
"""CFS configurations: which playbooks of which commits configure nodes and images."""

from __future__ import annotations

from poya.csm.cfs.records import Configuration
from poya.csm.cfs.store import Records
from poya.csm.http.calls import params_of, path_of
from poya.csm.releases import CFS_DESCRIPTION, CFS_TENANTS, CFS_V3, NeedsRelease, require
from poya.csm.versions import Version
from poya.documents import JsonObject


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
        self,
        name: str,
        body: JsonObject,
        *,
        drop_branches: bool = False,
        tenant: str | None = None,
    ) -> Configuration:
        """Create a configuration, or **replace** the one of that name without a question.

        CFS checks no commit and no URL; a branch it clones now. Nodes that desire it are
        configured anew at once. A body without `tenant_name` takes it away from its tenant.

        Args:
            name: At most 60 characters for v3.
            body: In the v3 spelling, as `configuration_body` makes it.
            drop_branches: Keep the commits that branches lead to now, not the branches.
            tenant: Act as this tenant.

        Raises:
            RequestRefused: CFS does not accept the body (400).
            NeedsRelease: CFS has no v3, or no tenants, and the body or call asks for them.
        """
        await self._check(body, drop_branches=drop_branches)
        channel = self._records.channel.acting_as(tenant)
        params = params_of({"drop_branches": True if drop_branches else None})
        return await self._records.write(
            Configuration, _configuration(name), body, method="PUT", channel=channel, params=params
        )

    async def follow_branches(self, name: str, *, tenant: str | None = None) -> Configuration:
        """Bring each layer that has a branch to the commit at its head now.

        Raises:
            NotFound: There is none with that name.
            RequestRefused: A branch cannot be cloned (400).
        """
        channel = self._records.channel.acting_as(tenant)
        return await self._records.write(
            Configuration, _configuration(name), None, method="PATCH", channel=channel
        )

    async def delete(self, name: str, *, tenant: str | None = None) -> None:
        """Delete a configuration.

        Raises:
            NotFound: There is none with that name.
            RequestRefused: Components desire it (400).
        """
        channel = self._records.channel.acting_as(tenant)
        await self._records.delete(_configuration(name), channel)

    async def _check(self, body: JsonObject, *, drop_branches: bool) -> None:
        """Refuse what the site's CFS would refuse or, worse, lose without a word."""
        dialect = await self._records.dialect()
        version, site = dialect.version or Version(0, 0), self._records.channel.site
        if dialect.is_v2 and (drop_branches or _has_sources(body)):
            what = "Dropping branches" if drop_branches else "A configuration with sources"
            raise NeedsRelease(what, site, CFS_V3.release, "CFS v2 only")
        if "tenant_name" in body:
            require(version, CFS_TENANTS, "A configuration of a tenant", site, "CFS")
        if "description" in body:
            require(version, CFS_DESCRIPTION, "A description", site, "CFS")


def _has_sources(body: JsonObject) -> bool:
    layers = body.get("layers")
    every = [*(layers if isinstance(layers, list) else []), body.get("additional_inventory")]
    return any(isinstance(layer, dict) and "source" in layer for layer in every)


def _configuration(name: str) -> str:
    return f"/configurations{path_of(name)}"
