"""Certificates are found in files of every form, and told by their fingerprints."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.files import certificate, der, pem
from poya.inspection.certificates import certificates_in, each_once
from strategies import QUICK

PLATFORM, OTHER = certificate("Platform CA"), certificate("größe")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "data",
    [
        pem(PLATFORM),
        der(PLATFORM),
        b"# a comment\n" + pem(PLATFORM).replace(b"\n", b"\r\n") + b"\nrubbish",
        pem(PLATFORM).replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"),
    ],
    ids=["pem", "der", "with comments", "trusted"],
)
def test_one_certificate(data: bytes) -> None:
    (found,) = certificates_in(data, "/etc/pki/trust/anchors/platform.crt")
    assert found.sha256 == sha256(der(PLATFORM))
    assert found.subject == "Platform CA"
    assert found.place == "/etc/pki/trust/anchors/platform.crt"


def test_a_bundle_of_several() -> None:
    found = certificates_in(pem(PLATFORM) + pem(OTHER) + pem(PLATFORM), "bundle")
    assert [c.subject for c in found] == ["Platform CA", "größe", "Platform CA"]
    assert len(each_once(found)) == 2


def test_one_that_cannot_be_understood_still_has_a_fingerprint() -> None:
    strange = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    (found,) = certificates_in(strange, "odd")
    assert (found.subject, found.sha256) == ("", sha256(b"\0\0\0"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0 is how DER begins",
        b"-----BEGIN CERTIFICATE-----",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n",
    ],
)
def test_anything_else_holds_none(data: bytes) -> None:
    assert certificates_in(data, "file") == ()


@QUICK
@given(st.binary(max_size=300))
def test_garbage_is_never_an_error(data: bytes) -> None:
    certificates_in(data, "file")
    certificates_in(b"\x30" + data, "file")
    certificates_in(b"-----BEGIN CERTIFICATE-----" + data + b"-----END ", "file")
