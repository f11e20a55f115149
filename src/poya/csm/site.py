# SPDX-License-Identifier: Apache-2.0
"""One CSM site, connected: its services by name, behind one wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from poya.csm.accounts import AccountTokens, LoginTokens
from poya.csm.auth import Basic, Credentials, NoCredentials, StaticBearer
from poya.csm.bos import Bos
from poya.csm.bss import Bss
from poya.csm.capmc import Capmc
from poya.csm.cfs import Cfs
from poya.csm.config import BasicLogin, Login, NoAuth, SiteConfig, StaticToken
from poya.csm.features import Features, probe
from poya.csm.hsm import Hsm
from poya.csm.http.channel import Channel
from poya.csm.http.retry import RetryPolicy
from poya.csm.ims import Ims
from poya.csm.keycloak import Realm
from poya.csm.kubernetes import Kubernetes
from poya.csm.nexus import Nexus
from poya.csm.pcs import Pcs
from poya.csm.secret import Secret
from poya.csm.sls import Sls
from poya.csm.sts import Sts
from poya.csm.tapms import Tapms
from poya.csm.vcs import Vcs
from poya.csm.versions import Once
from poya.errors import ConfigError

if TYPE_CHECKING:
    import httpx2

    from poya.csm.http.peers import Peer
    from poya.csm.http.transport import Wire


class Site:
    """The services of one CSM site.

    Attributes:
        read_only: Whether every mutating request is refused before it is sent.
    """

    def __init__(
        self, config: SiteConfig, open_wire: Callable[[SiteConfig], Wire], *, read_only: bool
    ) -> None:
        self.config = config
        self.read_only = read_only
        self._open_wire = open_wire
        self._wire = wire = open_wire(config)
        self._credentials = _bearer(config, wire)
        self.hsm = Hsm(self._channel("hsm"))
        self.cfs = Cfs(self._channel("cfs"))
        self.bos = Bos(self._channel("bos"))
        self.ims = Ims(self._channel("ims"))
        self.bss = Bss(self._channel("bss"))
        self.sts = Sts(self._channel("sts"), config)
        self.sls = Sls(self._channel("sls"))
        self.capmc = Capmc(self._channel("capmc"))
        self.pcs = Pcs(self._channel("pcs"), self.capmc)
        self.tapms = Tapms(self._channel("tapms"))
        self.vcs = Vcs(self._own_account("vcs", config.vcs_login))
        self.nexus = Nexus(self._own_account("nexus", config.nexus_login))
        self._features = Once(lambda: probe(self.ims, self.cfs, self.bos))

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        config: SiteConfig,
        *,
        read_only: bool = True,
        retry: RetryPolicy | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> AsyncIterator[Site]:
        """Open a site for as long as the block lasts. The first request fetches the token.

        Args:
            config: The site.
            read_only: Refuse every mutating request before it is sent; token requests pass.
            retry: When to ask again; by default up to four times over a few seconds.
            transport: What sends in place of the network, for rehearsals and tests.

        Raises:
            ConfigError: The CA file cannot be used.
        """
        from poya.csm.http.transport import open_wire  # noqa: PLC0415 - httpx2 takes 80 ms

        def wire_to(place: SiteConfig) -> Wire:
            return open_wire(
                place, read_only=read_only, retry=retry or RetryPolicy(), transport=transport
            )

        site = cls(config, wire_to, read_only=read_only)
        try:
            yield site
        finally:
            await site._wire.aclose()

    async def features(self) -> Features:
        """What the site's services know, asked once.

        Raises:
            PoyaError: A service does not answer, or not as its API promises.
        """
        return await self._features.get()

    async def token(self) -> Secret | None:
        """The bearer token that the site takes now, for those who reach it otherwise.

        Returns:
            None for a site without authentication.

        Raises:
            AuthenticationError: Keycloak refuses the account.
            ConfigError: The secret is missing.
        """
        authorization = await self._credentials.authorization()
        return Secret.of(authorization.secrets[0]) if authorization else None

    @asynccontextmanager
    async def kubernetes(self) -> AsyncIterator[Kubernetes]:
        """Open the site's Kubernetes API, which has an address, a CA and a token of its own.

        Read-only like the site itself.

        Raises:
            ConfigError: The configuration does not say how it is reached.
        """
        access = self.config.kubernetes
        if access is None:
            raise ConfigError(
                f"Nothing says where the Kubernetes API of {self.config.name} is.",
                todo=f"Add [sites.{self.config.name}.kubernetes] with url, ca and token_file.",
            )
        config = replace(
            self.config,
            url=access.url,
            auth=StaticToken(access.token),
            ca_path=access.ca_path or self.config.ca_path,
            services={},
        )
        wire = self._open_wire(config)
        try:
            credentials = StaticBearer(StaticToken(access.token))
            yield Kubernetes(Channel(wire, credentials, config.name, access.url.rstrip("/")))
        finally:
            await wire.aclose()

    def realm(self) -> Realm:
        """The realm of the site's Keycloak that its account is of, to log in and out.

        Raises:
            ConfigError: The site has no account there: its token is made elsewhere.
        """
        auth = self.config.auth
        if isinstance(auth, StaticToken | NoAuth):
            raise ConfigError(
                f"Nobody logs in to {self.config.name}.",
                why="Its token is made elsewhere, or it needs none.",
            )
        return Realm(self._wire, self.config, auth)

    async def peer(self) -> Peer:
        """Who answers at the gateway: its clock and its certificate (one request to HSM).

        Raises:
            PoyaError: It does not answer.
        """
        channel = self._channel("hsm")
        call = channel.call("GET", "/service/ready", is_repeatable=True)
        return await self._wire.peer(call, self._credentials)

    def _own_account(self, service: str, login: BasicLogin | None) -> Channel:
        """A channel to a service that has accounts of its own."""
        base_url = self.config.base_url(service)
        return Channel(self._wire, Basic(login), self.config.name, base_url)

    def _channel(self, service: str) -> Channel:
        base_url = self.config.base_url(service)
        return Channel(
            self._wire, self._credentials, self.config.name, base_url, self.config.tenant
        )


def _bearer(config: SiteConfig, wire: Wire) -> Credentials:
    auth = config.auth
    if isinstance(auth, StaticToken):
        return StaticBearer(auth)
    if isinstance(auth, NoAuth):
        return NoCredentials()
    realm = Realm(wire, config, auth)
    return LoginTokens(realm, auth) if isinstance(auth, Login) else AccountTokens(realm, auth)
