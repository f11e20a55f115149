# SPDX-License-Identifier: Apache-2.0
"""Whom to believe: the TLS context of one site."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

from poya.errors import ConfigError

# Where distributions keep their CA bundle, for Pythons built elsewhere (SLES, Debian, RHEL).
_SYSTEM_BUNDLES = (
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
)


def site_context(ca_path: str | None) -> ssl.SSLContext:
    """The context that trusts the CAs in `ca_path` alone, or the system's if there is none.

    `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE` and their like do not count: two sites with a CA each
    are reached from one process. Nor does `SSLKEYLOGFILE`, which would write the keys down.

    Raises:
        ConfigError: The file cannot be read or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_path is None:
        _trust_system(context)
    else:
        _trust_file(context, ca_path)
    return context


def first_to_expire(ca_path: str) -> datetime:
    """When the first of the CAs in a file expires.

    Raises:
        ConfigError: The file cannot be read or holds no certificate.
    """
    certificates = site_context(ca_path).get_ca_certs()
    return min(moment_of_certificate(f"{one['notAfter']}") for one in certificates)


def moment_of_certificate(text: str) -> datetime:
    """A moment as certificates write it (`Nov 25 02:10:04 2026 GMT`)."""
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def _trust_file(context: ssl.SSLContext, ca_path: str) -> None:
    path = Path(ca_path).expanduser()
    try:
        context.load_verify_locations(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(
            f"The CA file {path} cannot be used.",
            why=error.strerror or f"{error}",
            todo="It must be a readable PEM file with the site's CA certificates.",
        ) from error


def _trust_system(context: ssl.SSLContext) -> None:
    compiled_in = ssl.get_default_verify_paths()
    directory = Path(compiled_in.openssl_capath)
    if directory.is_dir():
        context.load_verify_locations(capath=directory)
    for bundle in (compiled_in.openssl_cafile, *_SYSTEM_BUNDLES):
        if Path(bundle).is_file():
            context.load_verify_locations(cafile=bundle)
            return
