# SPDX-License-Identifier: Apache-2.0
"""The tenant service (TAPMS, `/apis/tapms`), which only reads: tenants are made in Kubernetes.

Its paths changed with each release: `v1` in CSM 1.4, `v1alpha2` in 1.5, `v1alpha3` from 1.6 on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from poya.csm.hsm.components import normalise_xname
from poya.csm.http.answers import Answer
from poya.csm.http.calls import path_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, record_of, records_of
from poya.csm.releases import NeedsRelease
from poya.csm.versions import Once
from poya.documents import Json


class TenantResource(msgspec.Struct, frozen=True):
    """Nodes of a tenant, and the group or partition that TAPMS keeps them in.

    Attributes:
        type: compute or application.
    """

    type: str = ""
    xnames: tuple[str, ...] | None = None
    hsm_group_label: str = msgspec.field(default="", name="hsmgrouplabel")
    hsm_partition_name: str = msgspec.field(default="", name="hsmpartitionname")
    is_exclusive: bool = msgspec.field(default=False, name="enforceexclusivehsmgroups")


class TenantSpec(msgspec.Struct, frozen=True):
    """What a tenant is meant to be.

    Attributes:
        state: New, Deploying, Deployed, Deleting.
    """

    name: str = msgspec.field(default="", name="tenantname")
    state: str = ""
    child_namespaces: tuple[str, ...] | None = msgspec.field(default=None, name="childnamespaces")
    resources: tuple[TenantResource, ...] | None = msgspec.field(
        default=None, name="tenantresources"
    )


class TenantStatus(msgspec.Struct, frozen=True):
    """What a tenant is."""

    uuid: str = ""
    child_namespaces: tuple[str, ...] | None = msgspec.field(default=None, name="childnamespaces")
    resources: tuple[TenantResource, ...] | None = msgspec.field(
        default=None, name="tenantresources"
    )


class Tenant(Record, frozen=True):
    """A tenant, as TAPMS and Kubernetes serve it."""

    spec: TenantSpec = TenantSpec()
    status: TenantStatus | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.spec.name

    @property
    def xnames(self) -> tuple[str, ...]:
        """The nodes that it has, or is to have while TAPMS has not got to it."""
        resources = (self.status.resources if self.status else None) or self.spec.resources or ()
        return tuple(xname for one in resources for xname in one.xnames or ())


@dataclass(frozen=True, slots=True)
class Paths:
    """Where one generation of TAPMS has its tenants.

    Attributes:
        api: The generation, as `v1alpha3`.
    """

    api: str
    many: str
    one: str


_GENERATIONS = (
    Paths("v1alpha3", "/v1alpha3/tenants", "/v1alpha3/tenants"),
    Paths("v1alpha2", "/v1alpha2/tenants", "/v1alpha2/tenants"),
    Paths("v1", "/v1/tenants", "/v1/tenant"),
)


class _TenantList(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw] | None = None


class Tapms:
    """The tenant service of one site."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._paths = Once(self._ask)

    async def api(self) -> str | None:
        """Which generation the site has (`v1`, `v1alpha2`, `v1alpha3`), asked once; None if none.

        CSM 1.3 has none; later it may not be installed.
        """
        paths = await self._paths.get()
        return paths.api if paths else None

    async def list(self) -> tuple[Tenant, ...]:
        """All tenants.

        Raises:
            NeedsRelease: The site has no TAPMS.
        """
        answer = await self._channel.get((await self._require()).many)
        return _tenants(answer)

    async def get(self, name: str) -> Tenant:
        """One tenant, by its name or uuid.

        Raises:
            NotFound: There is none.
            NeedsRelease: The site has no TAPMS.
        """
        path = f"{(await self._require()).one}{path_of(name)}"
        return record_of(Tenant, await self._channel.get(path))

    async def owning(self, xnames: Iterable[str]) -> tuple[Tenant, ...]:
        """The tenants that own any of these nodes; TAPMS itself looks from CSM 1.6 on.

        Raises:
            NeedsRelease: The site has no TAPMS.
        """
        paths, wanted = await self._require(), {normalise_xname(xname) for xname in xnames}
        if not wanted:
            return ()
        if paths.api == "v1alpha3":
            ids: list[Json] = [*sorted(wanted)]
            return _tenants(await self._channel.post(paths.many, ids, is_repeatable=True))
        return tuple(one for one in await self.list() if wanted & {*one.xnames})

    async def _require(self) -> Paths:
        paths = await self._paths.get()
        if paths is None:
            raise NeedsRelease("A tenant", self._channel.site, "1.4", "no TAPMS")
        return paths

    async def _ask(self) -> Paths | None:
        for paths in _GENERATIONS:
            if await self._channel.try_get(paths.many) is not None:
                return paths
        return None


def _tenants(answer: Answer) -> tuple[Tenant, ...]:
    """The tenants in a Kubernetes list, which is what TAPMS serves, or in a plain one.

    Its specification says that it is plain.
    """
    is_plain = answer.body.lstrip().startswith(b"[")
    rows = answer.rows() if is_plain else answer.decode(_TenantList).items or []
    return records_of(Tenant, rows, answer)
