# SPDX-License-Identifier: Apache-2.0
"""Who we are at a site, as the configuration says it: its tables `auth`, `vcs`, `nexus` and
`kubernetes`. Secrets are named by the file or the variable that holds them, never written there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poya.errors import ConfigError
from poya.settings.tables import SecretPlace, path_of, refuse_unknown, secret_of, text_of

AUTH_METHODS = ("login", "client-credentials", "password", "token", "none")
TOKEN_STORES = ("file", "keyring")
_AUTH_KEYS = frozenset(
    "method client_id username realm token_url client_secret_file client_secret_env "
    "password_file password_env token_file token_env store".split()
)
_ACCOUNT_KEYS = frozenset("username password_file password_env".split())
_KUBERNETES_KEYS = frozenset("url ca token_file token_env".split())
_SECRET_KEYS = {"client-credentials": "client_secret", "password": "password"}


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How to get a token.

    Attributes:
        method: One of `AUTH_METHODS`.
        token_url: None for the site's own Keycloak, below its gateway.
        store: Where `poya login` leaves its tokens: one of `TOKEN_STORES`.
    """

    method: str = "login"
    client_id: str = ""
    username: str = ""
    realm: str = "shasta"
    token_url: str | None = None
    secret: SecretPlace = field(default_factory=SecretPlace)
    store: str = "file"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who we are at a service with accounts of its own (Gitea, Nexus)."""

    username: str
    password: SecretPlace


@dataclass(frozen=True, slots=True)
class KubernetesSettings:
    """How the site's Kubernetes API is reached, for tenants."""

    url: str
    token: SecretPlace
    ca: Path | None = None


def read_auth(table: object, site: str, base: Path) -> AuthSettings:
    """Read `[sites.<site>.auth]`; a token in the environment wins over it.

    Raises:
        ConfigError: It says something impossible.
    """
    where = f"[sites.{site}.auth]"
    known = _table(table, where, _AUTH_KEYS)
    variable = token_variable(site)
    if os.environ.get(variable):
        return AuthSettings(method="token", secret=SecretPlace(variable=variable))
    method = text_of(known, "method", where) or _method_of(known)
    return AuthSettings(
        method=_one_of(AUTH_METHODS, method, where, "way to log in"),
        client_id=text_of(known, "client_id", where) or "",
        username=text_of(known, "username", where) or "",
        realm=text_of(known, "realm", where) or "shasta",
        token_url=text_of(known, "token_url", where),
        secret=secret_of(known, _SECRET_KEYS.get(method, "token"), where, base, variable),
        store=_one_of(
            TOKEN_STORES, text_of(known, "store", where) or "file", where, "store of tokens"
        ),
    )


def read_account(table: object, where: str, base: Path, usual: str) -> ServiceAccount | None:
    """Read the account at a service; None if there is no such table.

    Raises:
        ConfigError: It says something impossible.
    """
    if table is None:
        return None
    known = _table(table, where, _ACCOUNT_KEYS)
    return ServiceAccount(
        username=text_of(known, "username", where) or usual,
        password=secret_of(known, "password", where, base, None),
    )


def read_kubernetes(table: object, where: str, base: Path) -> KubernetesSettings | None:
    """Read how Kubernetes is reached; None if there is no such table.

    Raises:
        ConfigError: It says something impossible, or no url.
    """
    if table is None:
        return None
    known = _table(table, where, _KUBERNETES_KEYS)
    url = text_of(known, "url", where)
    if not url:
        raise ConfigError(f"{where} needs a url.", todo='url = "https://<address>:6443"')
    return KubernetesSettings(
        url=url,
        token=secret_of(known, "token", where, base, None),
        ca=path_of(known, "ca", where, base),
    )


def token_variable(site: str) -> str:
    """The environment variable that holds a token for a site: `POYA_TOKEN_ALPS`."""
    return f"POYA_TOKEN_{re.sub(r'[^A-Z0-9]', '_', site.upper())}"


def _method_of(table: Mapping[str, Any]) -> str:
    """A token that is named is meant to be used; else somebody logs in."""
    return "token" if "token_file" in table or "token_env" in table else "login"


def _one_of(known: tuple[str, ...], word: str, where: str, noun: str) -> str:
    if word not in known:
        raise ConfigError(f"{where}: '{word}' is no {noun}.", todo=f"Use {', '.join(known)}.")
    return word


def _table(value: object, where: str, keys: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where} is not a table.")
    refuse_unknown(value, keys, where)
    return value
