# SPDX-License-Identifier: Apache-2.0
"""How things stand at a live CSM: rights, clock, storage, nodes that somebody else works with."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from poya.concurrency import both
from poya.csm import Site, StaticToken
from poya.csm.releases import NeedsRelease
from poya.errors import AuthenticationError, NotFound
from poya.model.inventory import Access, Circumstances, Interest, Storage
from poya.model.names import normalise_xname
from poya.sites.csm.asking import Asking, branch_heads
from poya.sites.csm.endings import endings
from poya.sites.csm.objects import Objects
from poya.sites.csm.packages import package_repositories
from poya.sites.csm.shared_boots import shared_boots

BUCKET = "boot-images"
# STS gives credentials for an hour (cray-sts, AssumeRole with DurationSeconds 3600).
_STS_LIFETIME_S = 3600.0
_OPEN_SESSIONS = ("pending", "running")
_TENANT_ADMIN = "-tenant-admin"


class _Roles(msgspec.Struct, frozen=True):
    roles: tuple[str, ...] = ()


class _Claims(msgspec.Struct, frozen=True):
    """What of a token of CSM's Keycloak says who may do what."""

    exp: float | None = None
    resource_access: dict[str, _Roles] = {}
    groups: tuple[str, ...] = ()


async def circumstances(
    site: Site, objects: Objects, interest: Interest, roles: frozenset[str] = frozenset()
) -> Circumstances:
    """Ask all of it at once; what a service does not answer is noted as unasked."""
    asking = Asking()
    (sessions, options), ((partitions, tenants), reserved) = await both(
        both(_busy(site, asking), _bos_options(site, asking)),
        both(
            both(_partitions(site, asking), _tenants(site, asking)),
            _reserved(site, asking, interest.xnames),
        ),
    )
    (branches, sources), (storage, ((access, ahead_s), packages)) = await both(
        both(branch_heads(site, asking, interest.branches), _sources(site, asking)),
        both(
            _storage(objects, asking),
            both(_access(site, asking), package_repositories(site, asking)),
        ),
    )
    ends, shared = await both(
        endings(site, objects, asking),
        asking.about("BSS records of roles", shared_boots(site, roles), ()),
    )
    return Circumstances(
        access=access,
        clock_ahead_s=ahead_s,
        storage=storage,
        bos_options=options,
        partitions=partitions,
        tenants=tenants,
        reserved=reserved,
        busy=sessions,
        branches=branches,
        sources=sources,
        package_repositories=packages,
        unasked=asking.noted(),
        endings=ends,
        shared_boots=tuple(sorted({host for one in shared for host in one.hosts or ()})),
    )


async def partitions_of(site: Site) -> dict[str, str]:
    """The partition of each component that is in one."""
    partitions = await site.hsm.partitions.list()
    return {normalise_xname(x): p.name for p in partitions for x in p.xnames}


def access_of(token: str, now_s: float) -> Access:
    """What a token says its bearer may do; nothing is verified. Unknown if it is no JWT."""
    try:
        payload = token.split(".")[1]
        raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        claims = msgspec.json.decode(raw, type=_Claims)
    except (IndexError, binascii.Error, msgspec.MsgspecError, ValueError):
        return Access()
    tenants = (g.strip("/") for g in claims.groups if g.endswith(_TENANT_ADMIN))
    return Access(
        roles=tuple(sorted(claims.resource_access.get("shasta", _Roles()).roles)),
        tenants=tuple(sorted(name.removesuffix(_TENANT_ADMIN) for name in tenants)),
        expires_in_s=None if claims.exp is None else claims.exp - now_s,
    )


async def _partitions(site: Site, asking: Asking) -> dict[str, str]:
    return await asking.about("HSM partitions", partitions_of(site), {})


async def _tenants(site: Site, asking: Asking) -> dict[str, tuple[str, ...]] | None:
    async def ask() -> dict[str, tuple[str, ...]] | None:
        try:
            tenants = await site.tapms.list()
        except NeedsRelease:  # no TAPMS, no tenants
            return {}
        return {t.name: tuple(sorted({normalise_xname(x) for x in t.xnames})) for t in tenants}

    return await asking.about("TAPMS tenants", ask(), None)


async def _busy(site: Site, asking: Asking) -> dict[str, str]:
    async def ask() -> dict[str, str]:
        open_ones = [
            session
            for session in await site.bos.sessions.list()
            if session.status is None or session.status.status in _OPEN_SESSIONS
        ]
        return {
            normalise_xname(xname): session.name
            for session in open_ones
            for xname in (session.components or "").split(",")
            if xname.strip()
        }

    return await asking.about("BOS sessions", ask(), {})


async def _bos_options(site: Site, asking: Asking) -> dict[str, object]:
    async def ask() -> dict[str, object]:
        return dict((await site.bos.options()).value)

    return await asking.about("BOS options", ask(), {})


async def _reserved(site: Site, asking: Asking, xnames: Iterable[str]) -> frozenset[str]:
    async def ask() -> frozenset[str]:
        try:
            locks = await site.hsm.locks.status(xnames)
        except NotFound:  # SMD knows none of them: the nodes' own check says so
            return frozenset()
        return frozenset(normalise_xname(lock.id) for lock in locks if lock.reserved)

    return await asking.about("reservations of nodes", ask(), frozenset())


async def _sources(site: Site, asking: Asking) -> dict[str, str] | None:
    async def ask() -> dict[str, str] | None:
        if not (await site.features()).cfs_sources:
            return None
        return {source.name: source.clone_url for source in await site.cfs.sources.list()}

    return await asking.about("CFS sources", ask(), None)


async def _storage(objects: Objects, asking: Asking) -> Storage:
    async def ask() -> Storage:
        try:
            room = await objects.bucket_room(BUCKET)
        except NotFound:
            return Storage("absent")
        except AuthenticationError:
            return Storage("denied")
        may_write, lists_uploads = await both(
            asking.about(f"access to the bucket {BUCKET}", objects.may_write(BUCKET), None),
            asking.about("unfinished uploads", objects.lists_uploads(BUCKET), None),
        )
        return Storage("ok", room, may_write, lists_uploads)

    return await asking.about(f"bucket {BUCKET}", ask(), Storage())


async def _access(site: Site, asking: Asking) -> tuple[Access, float | None]:
    """The token's claims, by the site's clock as its fresh S3 credentials tell it."""

    async def ahead_s() -> float | None:
        expires = (await site.sts.credentials()).expires_at
        return (expires - datetime.now(UTC)).total_seconds() - _STS_LIFETIME_S

    async def ask(ahead_s: float) -> Access:
        token = await site.token()
        # A token that we fetched ourselves is renewed in time.
        is_fixed = isinstance(site.config.auth, StaticToken)
        now_s = datetime.now(UTC).timestamp() + ahead_s
        access = access_of(token.reveal(), now_s) if token else Access()
        return access if is_fixed else replace(access, expires_in_s=None)

    ahead = await asking.about("credentials for S3", ahead_s(), None)
    return await asking.about("the token", ask(ahead or 0.0), Access()), ahead
