# SPDX-License-Identifier: Apache-2.0
"""`poya config check`: ask every service of a site, and say what was found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from poya.cli.login.identity import identity_of, in_words
from poya.concurrency import both, together
from poya.csm import SiteConfig
from poya.csm.tls import first_to_expire
from poya.errors import PoyaError

if TYPE_CHECKING:
    from poya.csm import Features, Site

_SOON_DAYS = 30
_MOST_SKEW_S = 5.0


@dataclass(frozen=True, slots=True)
class Check:
    """What one question came to.

    Attributes:
        is_needed: Whether a migration cannot do without.
        error: What went wrong; None if nothing.
    """

    name: str
    found: str
    is_needed: bool = True
    error: PoyaError | None = None

    @property
    def mark(self) -> str:
        """`ok`, `no` for what is needed and missing, `-` for what can be done without."""
        return "ok" if self.error is None else "no" if self.is_needed else "-"


@dataclass(frozen=True, slots=True)
class SiteReport:
    """What was found at one site."""

    site: str
    url: str
    checks: tuple[Check, ...] = field(default=())

    @property
    def failure(self) -> PoyaError | None:
        """The first thing that is needed and missing."""
        return next((one.error for one in self.checks if one.error and one.is_needed), None)


async def report_on(config: SiteConfig) -> SiteReport:
    """Ask every service of a site, all at once. Nothing is written."""
    from poya.csm import Site

    async with Site.connect(config) as site:
        login = await _check("login", lambda: _login(site))
        if login.error:
            return SiteReport(config.name, config.url, (login,))
        gateway = await _check("gateway", lambda: _gateway(site))
        services = await together(
            _check(name, ask, is_needed=is_needed) for name, is_needed, ask in _services(site)
        )
    return SiteReport(config.name, config.url, (login, gateway, *services))


async def _check(name: str, ask: Callable[[], Awaitable[str]], *, is_needed: bool = True) -> Check:
    try:
        return Check(name, await ask(), is_needed)
    except PoyaError as error:
        return Check(name, error.what, is_needed, error)


async def _login(site: Site) -> str:
    token = await site.token()
    identity = identity_of(token.reveal() if token else "", datetime.now(UTC))
    return f"{identity.name}; {identity.rights}; until {identity.until}"


async def _gateway(site: Site) -> str:
    """The clock and the certificates: what ends a night's work at its worst moment."""
    peer, now = await site.peer(), datetime.now(UTC)
    words = []
    if peer.clock_ahead_s is None:
        words.append("does not tell its time")
    elif abs(peer.clock_ahead_s) < _MOST_SKEW_S:
        words.append("clocks agree")
    else:
        side = "ahead" if peer.clock_ahead_s > 0 else "behind"
        words.append(f"its clock is {abs(peer.clock_ahead_s):.0f} s {side} of ours")
    if peer.certificate_ends:
        words.append(f"certificate ends {_when(peer.certificate_ends, now)}")
    if site.config.ca_path:
        words.append(f"CA ends {_when(first_to_expire(site.config.ca_path), now)}")
    return "; ".join(words)


def _when(moment: datetime, now: datetime) -> str:
    soon = " SOON:" if (moment - now).days < _SOON_DAYS else ""
    return f"{soon} {moment:%Y-%m-%d} ({in_words(moment, now)})".strip()


def _services(site: Site) -> list[tuple[str, bool, Callable[[], Awaitable[str]]]]:
    """Name, whether a migration needs it, and how to ask."""
    return [
        ("release", True, lambda: _release(site)),
        ("hsm", True, lambda: _hsm(site)),
        ("ims", True, lambda: _version(site.ims.version())),
        ("cfs", True, lambda: _cfs(site)),
        ("bos", True, lambda: _version(site.bos.version())),
        ("bss", True, lambda: _version(site.bss.version())),
        ("s3", True, lambda: _s3(site)),
        ("sls", False, lambda: _sls(site)),
        ("power", False, lambda: _power(site)),
        ("tenants", False, lambda: _tenants(site)),
        ("vcs", False, lambda: _version(site.vcs.version())),
        ("nexus", False, lambda: _nexus(site)),
        ("kubernetes", False, lambda: _kubernetes(site)),
    ]


async def _release(site: Site) -> str:
    features = await site.features()
    return f"CSM {features.release_guess}: {features_in_words(features)}"


def features_in_words(features: Features) -> str:
    """What the site can do, by the words that operators use."""
    known = {
        "CFS v3": features.cfs_v3,
        "CFS sources": features.cfs_sources,
        "CFS tenants": features.cfs_tenants,
        "image architectures": features.ims_arch,
        "image metadata": features.ims_metadata,
        "BOS tenants": features.bos_tenants,
    }
    words = [name for name, has in known.items() if has]
    providers = sorted(features.rootfs_providers)
    return ", ".join([*words, f"rootfs by {' and '.join(providers) or 'nothing known'}"])


async def _version(answer: Awaitable[object]) -> str:
    return f"{await answer}"


async def _hsm(site: Site) -> str:
    components, groups = await both(site.hsm.components.list(), site.hsm.groups.labels())
    return f"{len(components)} nodes in {len(groups)} groups"


async def _cfs(site: Site) -> str:
    dialect = await site.cfs.dialect()
    return f"{dialect.version or 'before 1.12'}, API {dialect.api}"


async def _s3(site: Site) -> str:
    credentials = await site.sts.credentials()
    return f"{credentials.endpoint_url}; credentials until {credentials.expires_at:%H:%M} UTC"


async def _sls(site: Site) -> str:
    return f"{len(await site.sls.networks.list())} networks"


async def _power(site: Site) -> str:
    return "PCS" if await site.pcs.is_there() else "no PCS: CAPMC"


async def _tenants(site: Site) -> str:
    api = await site.tapms.api()
    return f"TAPMS {api}, {len(await site.tapms.list())} tenants" if api else "no TAPMS"


async def _nexus(site: Site) -> str:
    return f"{len(await site.nexus.repositories.list())} repositories"


async def _kubernetes(site: Site) -> str:
    async with site.kubernetes() as kubernetes:
        return f"{await kubernetes.server_version()}, tenants {await kubernetes.tenants.version()}"
