# SPDX-License-Identifier: Apache-2.0
"""Every exception of httpx2 becomes one of poya's, and says the site, method and path."""

from __future__ import annotations

import socket
import ssl

import httpx2
import pytest
import socksio

from poya.csm import NoAuth, SiteConfig
from poya.csm.http.calls import Call
from poya.csm.http.faults import SENDING_FAILS, translate
from poya.errors import BadAnswer, CertificateError, ConfigError, PoyaError, Unreachable

CALL = Call("gele", "GET", "https://api.gele.example/apis/ims/v3/images", is_repeatable=True)
DIRECT = SiteConfig("gele", "https://api.gele.example", NoAuth(), ca_path="/etc/poya/gele.pem")
PROXIED = SiteConfig("gele", DIRECT.url, NoAuth(), proxy="socks5h://me:pa55w0rd@127.0.0.1:1080")

EXPECTED: dict[str, type[PoyaError]] = {
    "CloseError": Unreachable,
    "ConnectError": Unreachable,
    "ConnectTimeout": Unreachable,
    "CookieConflict": PoyaError,
    "DecodingError": BadAnswer,
    "HTTPError": PoyaError,
    "HTTPStatusError": PoyaError,
    "InvalidURL": ConfigError,
    "LocalProtocolError": PoyaError,
    "NetworkError": Unreachable,
    "PoolTimeout": Unreachable,
    "ProtocolError": Unreachable,
    "ProxyError": Unreachable,
    "ReadError": Unreachable,
    "ReadTimeout": Unreachable,
    "RemoteProtocolError": Unreachable,
    "RequestError": Unreachable,
    "RequestNotRead": PoyaError,
    "ResponseNotRead": PoyaError,
    "SSEError": Unreachable,
    "StreamClosed": PoyaError,
    "StreamConsumed": PoyaError,
    "StreamError": PoyaError,
    "TimeoutException": Unreachable,
    "TooManyRedirects": BadAnswer,
    "TransportError": Unreachable,
    "UnsupportedProtocol": ConfigError,
    "WriteError": Unreachable,
    "WriteTimeout": Unreachable,
}
KINDS = {
    name: kind
    for name, kind in vars(httpx2).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}


def test_the_table_names_every_exception_of_httpx2() -> None:
    assert KINDS.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_exception_is_caught_and_translated(name: str) -> None:
    error = KINDS[name].__new__(KINDS[name])
    assert isinstance(error, SENDING_FAILS)
    for config in (DIRECT, PROXIED):
        told = translate(error, CALL, config)
        assert type(told) is EXPECTED[name]
        text = " ".join(told.lines())
        assert "GET /apis/ims/v3/images at gele" in text
        assert "pa55w0rd" not in text


def chained(outer: Exception, cause: Exception) -> Exception:
    outer.__cause__ = cause
    return outer


def test_an_untrusted_certificate_names_the_ca_and_what_to_do() -> None:
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_message = "self-signed certificate in certificate chain"
    told = translate(chained(httpx2.ConnectError("x"), cause), CALL, DIRECT)
    assert type(told) is CertificateError
    assert "/etc/poya/gele.pem" in told.why
    assert "self-signed certificate in certificate chain" in told.why
    assert "`ca` of site gele" in told.todo


def test_a_name_that_does_not_resolve_suggests_a_proxy() -> None:
    cause = socket.gaierror(-2, "Name or service not known")
    told = translate(chained(httpx2.ConnectError("x"), cause), CALL, DIRECT)
    assert "api.gele.example does not resolve" in told.what
    assert "socks5h" in told.todo


def test_with_a_proxy_it_is_the_proxys_name_that_does_not_resolve() -> None:
    cause = socket.gaierror(-2, "Name or service not known")
    told = translate(chained(httpx2.ConnectError("x"), cause), CALL, PROXIED)
    assert "The proxy's name 127.0.0.1:1080" in told.what


def test_a_header_that_cannot_be_sent_is_not_quoted() -> None:
    told = translate(httpx2.LocalProtocolError("Illegal header value b'tok3n'"), CALL, DIRECT)
    assert "tok3n" not in " ".join(told.lines())
    assert told.exit_code == 70


def test_a_stalled_write_says_that_it_may_have_been_done() -> None:
    post = Call("gele", "POST", CALL.url)
    assert "not known whether" in translate(httpx2.ReadTimeout(""), post, DIRECT).why
    assert translate(httpx2.ReadTimeout(""), CALL, DIRECT).why == ""


def test_nonsense_from_a_proxy_blames_the_proxy() -> None:
    told = translate(socksio.ProtocolError("Malformed reply"), CALL, PROXIED)
    assert type(told) is Unreachable
    assert "127.0.0.1:1080 is no SOCKS5 proxy" in told.what


def test_an_assertion_without_a_proxy_is_a_bug() -> None:
    assert type(translate(AssertionError(), CALL, DIRECT)) is PoyaError
