# SPDX-License-Identifier: Apache-2.0
"""What went wrong on the way, said once in poya's words: every exception of httpx2 ends here."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

import httpx2
import socksio

from poya.csm.config import SiteConfig
from poya.csm.http.calls import Call
from poya.errors import BadAnswer, CertificateError, ConfigError, PoyaError, Unreachable

# What sending can raise. A SOCKS proxy that talks nonsense shows as the last three: httpcore2
# neither wraps socksio's errors nor answers an unexpected reply with more than an assertion.
SENDING_FAILS = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.CookieConflict,
    httpx2.StreamError,
    OSError,
    socksio.SOCKSError,
    AssertionError,
)

# OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, …_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH.
_EXPIRED = 10
_OTHER_HOST = (62, 64)

_Translation: TypeAlias = Callable[[Exception, Call, SiteConfig], PoyaError]


def translate(error: Exception, call: Call, config: SiteConfig) -> PoyaError:
    """The poya error for whatever stopped `call`; the nearest known base class decides."""
    for kind in type(error).__mro__:
        translation = _TRANSLATIONS.get(kind)
        if translation is not None:
            return translation(error, call, config)
    return _bug(error, call, config)


def _way(call: Call, config: SiteConfig) -> str:
    proxy = config.proxy_name()
    return f"{call.place} through the proxy {proxy}" if proxy else call.place


def _no_connection(error: Exception, call: Call, config: SiteConfig) -> PoyaError:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause, call, config)
        if isinstance(cause, ssl.SSLError):
            return Unreachable(
                f"No TLS connection to {_way(call, config)} for {call}.",
                why=cause.reason or "The handshake failed.",
                todo="Check that the URL's port speaks https.",
            )
        if isinstance(cause, socket.gaierror):
            return _no_such_host(call, config)
    return Unreachable(
        f"No connection to {_way(call, config)} for {call}.",
        why=_reason(error),
        todo="Check the site's url and proxy, and that the way there is open.",
    )


def _untrusted(cause: ssl.SSLCertVerificationError, call: Call, config: SiteConfig) -> PoyaError:
    trusted = f"the CA file {config.ca_path}" if config.ca_path else "the system's CAs"
    return CertificateError(
        f"The certificate of {call.place} is not accepted for {call}.",
        why=f"Checked against {trusted}: {cause.verify_message}.",
        todo=_remedy(getattr(cause, "verify_code", 0), config),
    )


def _remedy(verify_code: int, config: SiteConfig) -> str:
    """What cures it: another CA does not make a certificate younger, or another host's."""
    if verify_code == _EXPIRED:
        return "Have the site's certificate renewed, or correct the clock of this machine."
    if verify_code in _OTHER_HOST:
        return f"Write the url of site {config.name} with the name that the certificate is for."
    return f"Set `ca` of site {config.name} to a PEM file with the CA that signs it."


def _no_such_host(call: Call, config: SiteConfig) -> PoyaError:
    proxy = config.proxy_name()
    host = f"The proxy's name {proxy}" if proxy else f"The name {call.place}"
    return Unreachable(
        f"{host} does not resolve here, for {call}.",
        todo="Check it, or set a `proxy` (socks5h://…) that resolves names at the site.",
    )


def _connect_timeout(_: Exception, call: Call, config: SiteConfig) -> PoyaError:
    return Unreachable(
        f"No connection to {_way(call, config)} for {call}.",
        why=f"There was none within {config.connect_timeout_s:g} s.",
        todo="Check the site's url and proxy, and that the way there is open.",
    )


def _stalled(_: Exception, call: Call, config: SiteConfig) -> PoyaError:
    waited_s = call.timeout_s or config.progress_timeout_s
    return Unreachable(
        f"{_way(call, config)} sent nothing for {waited_s:g} s, in {call}.",
        why="It is not known whether the service acted." if not call.is_repeatable else "",
        todo=f"Try again; progress_timeout_s of site {config.name} sets the wait.",
    )


def _pool_timeout(_: Exception, call: Call, config: SiteConfig) -> PoyaError:
    return Unreachable(
        f"No connection to {_way(call, config)} became free for {call}.",
        why=f"All {config.max_connections} are in use.",
    )


def _broken_off(error: Exception, call: Call, config: SiteConfig) -> PoyaError:
    return Unreachable(
        f"The connection to {_way(call, config)} broke off in {call}.", why=_reason(error)
    )


def _proxy_failed(error: Exception, call: Call, config: SiteConfig) -> PoyaError:
    proxy = config.proxy_name()
    return Unreachable(
        f"The proxy {proxy} made no connection to {call.place} for {call}.",
        why=_reason(error),
        todo="Check that the proxy runs and that the site can be reached from its far side.",
    )


def _socks_nonsense(error: Exception, call: Call, config: SiteConfig) -> PoyaError:
    if not config.proxy:
        return _bug(error, call, config)
    return Unreachable(
        f"What answers at {config.proxy_name()} is no SOCKS5 proxy, for {call}.",
        todo=f"Check `proxy` of site {config.name}.",
    )


def _os_error(error: Exception, call: Call, config: SiteConfig) -> PoyaError:
    return _no_connection(error, call, config)


def _unreadable(_: Exception, call: Call, config: SiteConfig) -> PoyaError:
    return BadAnswer(
        f"The answer to {call} cannot be unpacked.",
        why=f"{_way(call, config)} sent a body that is not what its Content-Encoding says.",
    )


def _redirects(_: Exception, call: Call, config: SiteConfig) -> PoyaError:
    return BadAnswer(f"{_way(call, config)} redirects {call} without end.")


def _bad_url(_: Exception, call: Call, config: SiteConfig) -> PoyaError:
    return ConfigError(
        f"The URL for {call} cannot be used.", todo=f"Check url and services of {config.name}."
    )


def _bug(error: Exception, call: Call, _: SiteConfig) -> PoyaError:
    # Not the message: a header that h11 refuses is quoted in it, and may be the token.
    return PoyaError(
        f"{call} could not be sent.",
        why=f"The HTTP library said {type(error).__name__}.",
        todo="This is a bug: please report it.",
    )


def _reason(error: Exception) -> str:
    """The innermost cause's own words, which name the system call's failure."""
    for cause in reversed(list(_causes(error))):
        if isinstance(cause, OSError) and cause.strerror:
            # asyncio says "Connect call failed" and keeps the reason in the number.
            return f"{os.strerror(cause.errno) if cause.errno else cause.strerror}."
    return f"{error}" or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__


_TRANSLATIONS: Mapping[type, _Translation] = MappingProxyType(
    {
        httpx2.ConnectTimeout: _connect_timeout,
        httpx2.ReadTimeout: _stalled,
        httpx2.WriteTimeout: _stalled,
        httpx2.PoolTimeout: _pool_timeout,
        httpx2.TimeoutException: _stalled,
        httpx2.ConnectError: _no_connection,
        httpx2.ReadError: _broken_off,
        httpx2.WriteError: _broken_off,
        httpx2.CloseError: _broken_off,
        httpx2.NetworkError: _broken_off,
        httpx2.LocalProtocolError: _bug,
        httpx2.RemoteProtocolError: _broken_off,
        httpx2.ProtocolError: _broken_off,
        httpx2.ProxyError: _proxy_failed,
        httpx2.UnsupportedProtocol: _bad_url,
        httpx2.InvalidURL: _bad_url,
        httpx2.DecodingError: _unreadable,
        httpx2.TooManyRedirects: _redirects,
        httpx2.TransportError: _broken_off,
        httpx2.RequestError: _broken_off,
        TimeoutError: _stalled,
        OSError: _os_error,
        socksio.SOCKSError: _socks_nonsense,
        AssertionError: _socks_nonsense,
    }
)
