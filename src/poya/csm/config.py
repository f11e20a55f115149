# SPDX-License-Identifier: Apache-2.0
"""How one CSM site is reached, as whoever configures it says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from poya.csm.secret import Secret
from poya.csm.tokens import TokenStore
from poya.errors import ConfigError

# Where the CSM API gateway publishes each service (docs-csm, REST API documentation).
SERVICE_PATHS: Mapping[str, str] = MappingProxyType(
    {
        "bos": "/apis/bos",
        "bss": "/apis/bss/boot/v1",
        "capmc": "/apis/capmc/capmc/v1",
        "cfs": "/apis/cfs",
        "hsm": "/apis/smd/hsm/v2",
        "ims": "/apis/ims",
        "keycloak": "/keycloak",
        "nexus": "/service/rest",
        "pcs": "/apis/power-control/v1",
        "sls": "/apis/sls/v1",
        "sts": "/apis/sts",
        "tapms": "/apis/tapms",
        "vcs": "/vcs",
    }
)
_URL_FORM = "Write it as scheme://host:port."
_PROXY_SCHEMES = ("socks5h", "socks5", "http", "https")
# What the gateway's policy lets through in the tenant header (cray-opa).
_TENANT = re.compile(r"[a-z0-9][a-z0-9.-]{1,251}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A Keycloak service account (`grant_type=client_credentials`), as `admin-client`."""

    client_id: str
    secret: Secret
    token_url: str | None = None
    realm: str = "shasta"


@dataclass(frozen=True, slots=True)
class Password:
    """A Keycloak user with a password (`grant_type=password`)."""

    username: str
    secret: Secret
    client_id: str = "shasta"
    token_url: str | None = None
    realm: str = "shasta"


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who logged in before and left tokens behind, which are refreshed from here on.

    Attributes:
        advice: What to tell who is not logged in.
    """

    tokens: TokenStore
    client_id: str = "shasta"
    token_url: str | None = None
    realm: str = "shasta"
    advice: str = "Log in again."


@dataclass(frozen=True, slots=True)
class StaticToken:
    """A bearer token made elsewhere; its file or variable is read again when it is refused."""

    token: Secret


@dataclass(frozen=True, slots=True)
class NoAuth:
    """No token at all: services reached from inside the mesh, or a rehearsal."""


@dataclass(frozen=True, slots=True)
class BasicLogin:
    """A name and a password for a service with accounts of its own (the site's Gitea)."""

    username: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class KubernetesAccess:
    """How the site's Kubernetes API is reached: another address, CA and token than the gateway's.

    Attributes:
        url: As `https://kubeapi.cmn.alps.example:6443`.
        ca_path: PEM file with the CA of the cluster; without it the site's own counts.
    """

    url: str
    token: Secret
    ca_path: str | None = None


AccountConfig: TypeAlias = ClientCredentials | Password | Login
AuthConfig: TypeAlias = AccountConfig | StaticToken | NoAuth


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """One CSM site.

    Attributes:
        url: The API gateway, as `https://api.cmn.alps.example`; a trailing `/apis` is dropped.
        ca_path: PEM file with the CAs that sign the site; without it the system's CAs count.
        proxy: As `socks5h://127.0.0.1:1080`; names are resolved on the far side of SOCKS.
        tenant: The TAPMS tenant to act as (header `Cray-Tenant-Name`).
        vcs_login: The account on the site's Gitea, which does not take the bearer token.
        nexus_login: The account on the site's Nexus, which does not either; None asks as anybody.
        kubernetes: How tenants are made and changed; None where nobody needs to.
        services: Base URLs of services that are not behind the gateway, by SERVICE_PATHS' keys.
        s3_endpoint: Used in place of the endpoint that STS names, which often resolves only
            inside the site.
        allowed_s3_hosts: If any, the only hosts that an S3 endpoint named by STS may have.
        progress_timeout_s: The longest wait without a byte from the service.
    """

    name: str
    url: str
    auth: AuthConfig
    ca_path: str | None = None
    proxy: str | None = field(default=None, repr=False)
    tenant: str | None = None
    vcs_login: BasicLogin | None = None
    nexus_login: BasicLogin | None = None
    kubernetes: KubernetesAccess | None = None
    services: Mapping[str, str] = field(default_factory=dict)
    s3_endpoint: str | None = None
    allowed_s3_hosts: tuple[str, ...] = ()
    max_connections: int = 16
    connect_timeout_s: float = 5.0
    progress_timeout_s: float = 60.0

    def __post_init__(self) -> None:
        _split_url(self.url, f"site {self.name}: url")
        for service, url in self.services.items():
            if service not in SERVICE_PATHS:
                raise ConfigError(
                    f"Site {self.name}: services names {service!r}, which is not known.",
                    todo=f"Known services: {', '.join(SERVICE_PATHS)}.",
                )
            _split_url(url, f"site {self.name}: services.{service}")
        if self.kubernetes is not None:
            _split_url(self.kubernetes.url, f"site {self.name}: kubernetes.url")
        if self.s3_endpoint is not None:
            _split_url(self.s3_endpoint, f"site {self.name}: s3_endpoint")
        _check_token_url(self)
        _check_proxy(self)
        check_tenant(self.tenant)
        _check_limits(self)

    def base_url(self, service: str) -> str:
        """The URL below which `service` answers, without a slash at the end."""
        override = self.services.get(service)
        if override is not None:
            return override.rstrip("/")
        return self.url.rstrip("/").removesuffix("/apis") + SERVICE_PATHS[service]

    def token_endpoint(self, account: AccountConfig) -> str:
        """Where tokens are made: as the account says, or Keycloak behind the gateway."""
        path = f"/realms/{account.realm}/protocol/openid-connect/token"
        return account.token_url or self.base_url("keycloak") + path

    def realm_endpoint(self, account: AccountConfig, name: str) -> str:
        """Another endpoint (`logout`, `auth/device`) of the realm that makes the tokens."""
        return f"{self.token_endpoint(account).removesuffix('/token')}/{name}"

    def proxy_name(self) -> str:
        """The proxy as it may be shown: host and port, never its user; empty without one."""
        if self.proxy is None:
            return ""
        parts = urlsplit(self.proxy)
        return f"{parts.hostname}:{parts.port}" if parts.port else f"{parts.hostname}"


def check_tenant(tenant: str | None) -> None:
    """Refuse a tenant name that the gateway would refuse.

    Raises:
        ConfigError: It is not 3 to 253 lower-case letters, digits, dots and dashes.
    """
    if tenant is not None and not _TENANT.fullmatch(tenant):
        raise ConfigError(
            f"{tenant!r} cannot be a tenant's name.",
            why="The gateway takes 3 to 253 lower-case letters, digits, dots and dashes.",
        )


def _split_url(url: str, what: str) -> SplitResult:
    parts = _parts(url, what)
    if parts.scheme not in ("http", "https"):
        raise ConfigError(
            f"{what} must start with https:// (or http://).", todo="Write it as https://host:port."
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"{what} must not hold a user or password.", todo="Name them in the site's auth."
        )
    if parts.query or parts.fragment:
        raise ConfigError(f"{what} must not hold a query or fragment.", todo=_URL_FORM)
    return parts


def _parts(url: str, what: str) -> SplitResult:
    """Split a URL; the URL itself stays out of the errors, it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError(f"{what} is not a URL.", todo=_URL_FORM) from None
    if not parts.hostname or port == 0 or any(c.isspace() or not c.isprintable() for c in url):
        raise ConfigError(f"{what} is not a URL with a host.", todo=_URL_FORM)
    return parts


def _check_token_url(config: SiteConfig) -> None:
    token_url = getattr(config.auth, "token_url", None)
    if token_url is not None:
        _split_url(token_url, f"site {config.name}: auth.token_url")


def _check_proxy(config: SiteConfig) -> None:
    if config.proxy is None:
        return
    parts = _parts(config.proxy, f"site {config.name}: proxy")
    if parts.scheme not in _PROXY_SCHEMES:
        schemes = ", ".join(f"{scheme}://" for scheme in _PROXY_SCHEMES)
        raise ConfigError(
            f"site {config.name}: proxy must start with one of {schemes}.",
            todo='Write it as proxy = "socks5h://127.0.0.1:1080".',
        )


def _check_limits(config: SiteConfig) -> None:
    if config.max_connections < 1:
        raise ConfigError(f"site {config.name}: max_connections must be at least 1.")
    if config.connect_timeout_s <= 0 or config.progress_timeout_s <= 0:
        raise ConfigError(f"site {config.name}: timeouts must be above zero.")
