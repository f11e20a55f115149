# SPDX-License-Identifier: Apache-2.0
"""Certificates of authorities: where systems keep those that they trust, and what they are."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator

from poya.model.image_contents import Certificate

# Where administrators, packages and CSM put certificates that shall be trusted: SUSE (p11-kit),
# RHEL and Fedora, Debian and Ubuntu, and what CSM's own software reads.
ANCHORS = (
    "/etc/pki/trust/anchors",
    "/usr/share/pki/trust/anchors",
    "/etc/pki/ca-trust/source/anchors",
    "/usr/share/pki/ca-trust-source/anchors",
    "/usr/local/share/ca-certificates",
    "/etc/cray/ca",
)
# What the tools of these systems make from them, and what programs read.
BUNDLES = (
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/certs/ca-certificates.crt",
)
MOST_FILE_BYTES = 2 * 1024 * 1024
MOST_FILES = 500
MOST_CERTIFICATES = 2000

_PEM = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----([A-Za-z0-9+/=\s]+?)-----END ", re.ASCII
)
_DER_SEQUENCE = 0x30


def certificates_in(data: bytes, place: str) -> tuple[Certificate, ...]:
    """The certificates of a file: any number in PEM, or one in DER; none if it is something else.

    Args:
        data: The file's content.
        place: What the certificates are to say of where they were found.
    """
    found = [*_pem_blocks(data)] or ([data] if _looks_like_der(data) else [])
    return tuple(
        Certificate(hashlib.sha256(der).hexdigest(), subject_of(der), place)
        for der in found[:MOST_CERTIFICATES]
    )


def each_once(found: Iterable[Certificate]) -> tuple[Certificate, ...]:
    """The certificates without repetitions, each with the place where it was found first."""
    first: dict[str, Certificate] = {}
    for certificate in found:
        first.setdefault(certificate.sha256, certificate)
    return tuple(first.values())[:MOST_CERTIFICATES]


def subject_of(der: bytes) -> str:
    """The common name of a certificate, or its whole subject; empty if it cannot be understood."""
    from cryptography import x509  # noqa: PLC0415 - heavy, and seldom needed
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old authorities break rules of today
            subject = x509.load_der_x509_certificate(der).subject
            names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            return str(names[0].value) if names else subject.rfc4514_string()
    except (ValueError, TypeError, x509.InvalidVersion):
        return ""


def _pem_blocks(data: bytes) -> Iterator[bytes]:
    for block in _PEM.finditer(data):
        try:
            yield base64.b64decode(b"".join(block[1].split()), validate=True)
        except binascii.Error:
            continue


def _looks_like_der(data: bytes) -> bool:
    return data[:1] == bytes([_DER_SEQUENCE]) and bool(subject_of(data))
