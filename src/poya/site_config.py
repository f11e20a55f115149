# SPDX-License-Identifier: Apache-2.0
"""From a configured site to what the CSM client must know of it."""

from __future__ import annotations

import os

from poya.csm.config import (
    AuthConfig,
    BasicLogin,
    ClientCredentials,
    KubernetesAccess,
    Login,
    NoAuth,
    Password,
    SiteConfig,
    StaticToken,
)
from poya.csm.secret import Secret
from poya.csm.tokens import FileTokens, KeyringTokens, TokenStore
from poya.errors import ConfigError
from poya.settings import (
    SecretPlace,
    ServiceAccount,
    SiteSettings,
    StoreSettings,
    load_settings,
    state_directory,
    token_variable,
)
from poya.transfer import Credentials, CredentialsProvider, S3Config


def site_config(settings: SiteSettings) -> SiteConfig:
    """What the CSM client must know of a configured site."""
    return SiteConfig(
        name=settings.name,
        url=settings.url,
        auth=_auth(settings),
        ca_path=str(settings.ca) if settings.ca else None,
        proxy=settings.proxy,
        tenant=settings.tenant,
        vcs_login=_account(settings.vcs, f"[sites.{settings.name}.vcs]"),
        nexus_login=_account(settings.nexus, f"[sites.{settings.name}.nexus]"),
        kubernetes=_kubernetes(settings),
        services=settings.services,
        s3_endpoint=settings.s3_endpoint,
        allowed_s3_hosts=settings.allowed_s3_hosts,
    )


def store_config(settings: StoreSettings) -> tuple[S3Config, CredentialsProvider]:
    """How a store of bundles is reached; its keys are read when they are needed."""
    where = f"[stores.{settings.name}]"
    access, secret = (_secret(key, where) for key in (settings.access_key, settings.secret_key))

    def credentials() -> Credentials:
        token = os.environ.get("AWS_SESSION_TOKEN") if settings.access_key.file is None else None
        return Credentials(access.reveal(), secret.reveal(), token)

    config = S3Config(
        site=settings.name,
        endpoint_url=settings.endpoint,
        ca_path=settings.ca,
        proxy_url=settings.proxy,
        region=settings.region,
    )
    return config, credentials


def configured(name: str | None = None) -> SiteConfig:
    """A site of the operator's configuration, for scripts; without a name the current one.

    Raises:
        ConfigError: The configuration cannot be read, or no site is current.
        NotFound: It has no such site.
    """
    return site_config(load_settings().site(name))


def _auth(settings: SiteSettings) -> AuthConfig:
    auth = settings.auth
    where = f"[sites.{settings.name}.auth]"
    if auth.method == "none":
        return NoAuth()
    if auth.method == "login":
        return login_of(settings)
    secret = _secret(auth.secret, where)
    if auth.method == "token":
        return StaticToken(secret)
    if auth.method == "client-credentials":
        client_id = auth.client_id or "admin-client"
        return ClientCredentials(client_id, secret, auth.token_url, auth.realm)
    if not auth.username:
        raise ConfigError(f"{where} needs a username.")
    client_id = auth.client_id or "shasta"
    return Password(auth.username, secret, client_id, auth.token_url, auth.realm)


def login_of(settings: SiteSettings) -> Login:
    """The login of a site, whether or not somebody is logged in."""
    auth, name = settings.auth, settings.name
    tokens: TokenStore = FileTokens(state_directory() / "tokens" / f"{name}.json")
    if auth.store == "keyring":
        tokens = KeyringTokens(name)
    return Login(
        tokens,
        client_id=auth.client_id or "shasta",
        token_url=auth.token_url,
        realm=auth.realm,
        advice=f"Type: poya login --site {name}, or put a token into {token_variable(name)}.",
    )


def _account(account: ServiceAccount | None, where: str) -> BasicLogin | None:
    if account is None:
        return None
    return BasicLogin(account.username, _secret(account.password, where))


def _kubernetes(settings: SiteSettings) -> KubernetesAccess | None:
    known = settings.kubernetes
    if known is None:
        return None
    token = _secret(known.token, f"[sites.{settings.name}.kubernetes]")
    return KubernetesAccess(known.url, token, str(known.ca) if known.ca else None)


def _secret(place: SecretPlace, where: str) -> Secret:
    if place.file is not None:
        return Secret.from_file(str(place.file), where=where)
    if place.variable is not None:
        return Secret.from_env(place.variable, where=where)
    raise ConfigError(
        f"{where} does not say where its secret is.",
        todo="Name a file (…_file) or an environment variable (…_env).",
    )
