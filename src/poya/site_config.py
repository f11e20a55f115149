# SPDX-License-Identifier: Apache-2.0
"""From a configured site to what the CSM client must know of it."""

from __future__ import annotations

from poya.csm.config import (
    AuthConfig,
    BasicLogin,
    ClientCredentials,
    NoAuth,
    Password,
    SiteConfig,
    StaticToken,
)
from poya.csm.secret import Secret
from poya.errors import ConfigError
from poya.settings import SecretPlace, SiteSettings


def site_config(settings: SiteSettings) -> SiteConfig:
    """What the CSM client must know of a configured site."""
    return SiteConfig(
        name=settings.name,
        url=settings.url,
        auth=_auth(settings),
        ca_path=str(settings.ca) if settings.ca else None,
        proxy=settings.proxy,
        tenant=settings.tenant,
        vcs_login=_vcs_login(settings),
        services=settings.services,
        s3_endpoint=settings.s3_endpoint,
        allowed_s3_hosts=settings.allowed_s3_hosts,
    )


def _auth(settings: SiteSettings) -> AuthConfig:
    auth = settings.auth
    where = f"[sites.{settings.name}.auth]"
    if auth.method == "none":
        return NoAuth()
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


def _vcs_login(settings: SiteSettings) -> BasicLogin | None:
    if settings.vcs is None:
        return None
    where = f"[sites.{settings.name}.vcs]"
    return BasicLogin(settings.vcs.username, _secret(settings.vcs.password, where))


def _secret(place: SecretPlace, where: str) -> Secret:
    if place.file is not None:
        return Secret.from_file(str(place.file), where=where)
    if place.variable is not None:
        return Secret.from_env(place.variable, where=where)
    raise ConfigError(
        f"{where} does not say where its secret is.",
        todo="Name a file (…_file) or an environment variable (…_env).",
    )
