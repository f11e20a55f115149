# SPDX-License-Identifier: Apache-2.0
"""Which S3 endpoint a site's credentials may be used against.

cray-sts names the endpoint in its answer. That name is often one that resolves only inside the
site (`http://rgw.local:8080`), and an answer alone must not decide where signed requests go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from poya.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Scheme, host and port of an S3 service.

    Attributes:
        secure: Whether TLS is spoken.
        host: A name or an address, without brackets.
        port: 1..65535.
    """

    secure: bool
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """Host and port as in a URL; the port is left out where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The endpoint as a URL without a path."""
        return f"{'https' if self.secure else 'http'}://{self.netloc}"

    def with_prefix(self, bucket: str) -> Endpoint:
        """The virtual host of a bucket at this endpoint."""
        return Endpoint(self.secure, f"{bucket}.{self.host}", self.port)


def parse_endpoint(url: str) -> Endpoint:
    """Read an endpoint URL: http or https, a host, perhaps a port, nothing else.

    Raises:
        ConfigError: It is anything else; the message does not repeat user names or passwords.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError("The S3 endpoint is not a URL.", why=str(error)) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            "The S3 endpoint is not an http or https URL.",
            todo="Write it as https://host:port.",
        )
    if _has_more(parts):
        raise ConfigError(
            f"The S3 endpoint at {parts.hostname} holds more than a host and a port.",
            todo="Write it as https://host:port.",
        )
    secure = parts.scheme == "https"
    return Endpoint(secure, parts.hostname, port or (443 if secure else 80))


def choose_endpoint(
    named: str,
    *,
    override: str | None = None,
    allowed_hosts: Sequence[str] = (),
    plain_http: bool = False,
) -> Endpoint:
    """Decide the endpoint: the operator's own if there is one, else the one that STS names.

    Args:
        named: `EndpointURL` of the answer of PUT /apis/sts/token.
        override: The site's `s3_endpoint` from the configuration; wins without further question.
        allowed_hosts: Host names that STS may name; `*.example.org` allows all below it.
        plain_http: Whether STS may name an endpoint without TLS.

    Raises:
        ConfigError: The named endpoint is malformed, not allowed, or without TLS.
    """
    if override is not None:
        return parse_endpoint(override)
    endpoint = parse_endpoint(named)
    todo = "Set `s3_endpoint` of the site to the address that is reachable from here."
    if not any(_matches(endpoint.host, pattern) for pattern in allowed_hosts):
        raise ConfigError(
            f"STS names the S3 endpoint {endpoint.url}, which the site's configuration "
            "does not allow.",
            why=f"Allowed hosts: {', '.join(allowed_hosts) or 'none'}.",
            todo=todo,
        )
    if not endpoint.secure and not plain_http:
        raise ConfigError(f"STS names an S3 endpoint without TLS: {endpoint.url}.", todo=todo)
    return endpoint


def _has_more(parts: SplitResult) -> bool:
    return (
        "@" in parts.netloc or parts.path not in ("", "/") or bool(parts.query or parts.fragment)
    )


def _matches(host: str, pattern: str) -> bool:
    host, pattern = host.lower().rstrip("."), pattern.lower().rstrip(".")
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[2:]
    return host == pattern
