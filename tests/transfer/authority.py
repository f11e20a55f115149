# SPDX-License-Identifier: Apache-2.0
"""A certificate authority for one test."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Authority:
    """A CA, and a certificate of it for a server."""

    ca_path: Path
    server: ssl.SSLContext


def make_authority(directory: Path, name: str, host: str) -> Authority:
    now = datetime.datetime.now(datetime.UTC)

    def certify(
        subject: str, issuer: str, keys: tuple[ec.EllipticCurvePrivateKey, ...], is_ca: bool
    ) -> x509.Certificate:
        own, signing = keys
        names: list[x509.GeneralName] = [
            x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]  # fmt: skip
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(own.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(signing, hashes.SHA256())
        )

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = certify(f"{name} CA", f"{name} CA", (ca_key, ca_key), True)
    leaf = certify(host, f"{name} CA", (key, ca_key), False)
    ca_path, pem = directory / f"{name}-ca.pem", directory / f"{name}.pem"
    ca_path.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return Authority(ca_path, context)
