# SPDX-License-Identifier: Apache-2.0
"""Opens connections to a site: directly, through SOCKS5 or through an HTTP proxy, with TLS.

The name of the site is resolved by the proxy, never here: names of CSM sites mean nothing outside.
"""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from poya.errors import AuthenticationError, CertificateError, ConfigError
from poya.transfer.endpoints import Endpoint

_SOCKS_VERSION = 5
_MAX_PROXY_HEAD_BYTES = 16_384
_SOCKS_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable (or its name is unknown there)",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}


class ProxyRefused(OSError):
    """The proxy answered, but did not connect us; the text is its reason."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy in front of a site.

    Attributes:
        kind: `socks5` (the proxy resolves names) or `http` (CONNECT).
        host: Where it listens.
        port: Its port.
        user: Empty if it asks for none.
        password: Never in a repr.
    """

    kind: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.kind} proxy {self.host}:{self.port}"


def parse_proxy(url: str) -> Proxy:
    """Read a proxy URL: `socks5h://`, `socks5://` or `http://`, with or without user:password.

    Raises:
        ConfigError: It is not such a URL.
    """
    kinds = {"socks5h": ("socks5", 1080), "socks5": ("socks5", 1080), "http": ("http", 8080)}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError("The proxy is not a URL.", why=str(error)) from error
    if parts.scheme not in kinds or not parts.hostname:
        raise ConfigError(
            "The proxy is none that poya can use.",
            todo="Write it as socks5h://host:port or http://host:port.",
        )
    kind, usual_port = kinds[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Proxy(kind, parts.hostname, port or usual_port, user, password)


def site_tls(ca_path: Path | None) -> ssl.SSLContext:
    """A TLS context that trusts the site's CA and nothing else.

    Without a CA the system's compiled-in store is used. Environment variables that name CA files
    (SSL_CERT_FILE, REQUESTS_CA_BUNDLE and the like) have no effect either way.

    Raises:
        ConfigError: The CA file cannot be read or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if ca_path is not None:
            context.load_verify_locations(cafile=str(ca_path))
        else:
            _trust_system(context)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"The CA file {ca_path} cannot be used.",
            why=str(error),
            todo="Point the site's `ca` at a PEM file with its CA certificate.",
        ) from error
    return context


@dataclass(frozen=True, slots=True)
class Dialler:
    """Opens connections to one endpoint.

    Attributes:
        tls: The context for secure endpoints.
        proxy: The way to the site; None for a direct one.
        connect_timeout_s: For the TCP connection, the proxy's and the TLS handshake, each.
    """

    tls: ssl.SSLContext | None
    proxy: Proxy | None = None
    connect_timeout_s: float = 10.0

    def dial(self, endpoint: Endpoint) -> socket.socket:
        """Connect to an endpoint.

        Raises:
            CertificateError: The server's certificate is not signed by the site's CA.
            AuthenticationError: The proxy refuses our login.
        OSError: Nobody answers, or the proxy refuses.
        """
        hop = (endpoint.host, endpoint.port)
        if self.proxy is not None:
            hop = (self.proxy.host, self.proxy.port)
        sock = socket.create_connection(hop, timeout=self.connect_timeout_s)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self.proxy is not None:
                _PROXIES[self.proxy.kind](sock, self.proxy, endpoint)
            return self._secured(sock, endpoint)
        except BaseException:
            sock.close()
            raise

    def _secured(self, sock: socket.socket, endpoint: Endpoint) -> socket.socket:
        if not endpoint.secure:
            return sock
        if self.tls is None:
            raise ConfigError(f"There is no TLS context for {endpoint.url}.")
        try:
            return self.tls.wrap_socket(sock, server_hostname=endpoint.host)
        except ssl.SSLCertVerificationError as error:
            raise CertificateError(
                f"The certificate of {endpoint.url} is not one that the site's CA signed.",
                why=error.verify_message,
                todo="Check the site's `ca` and `s3_endpoint`.",
            ) from error


def _trust_system(context: ssl.SSLContext) -> None:
    paths = ssl.get_default_verify_paths()
    cafile = paths.openssl_cafile if Path(paths.openssl_cafile).exists() else None
    capath = paths.openssl_capath if Path(paths.openssl_capath).exists() else None
    if cafile or capath:
        context.load_verify_locations(cafile=cafile, capath=capath)


def _through_socks5(sock: socket.socket, proxy: Proxy, endpoint: Endpoint) -> None:
    """RFC 1928 CONNECT, with user and password (RFC 1929) if the proxy's URL has them."""
    methods = b"\x00\x02" if proxy.user else b"\x00"
    sock.sendall(bytes([_SOCKS_VERSION, len(methods)]) + methods)
    version, method = _read_exactly(sock, 2)
    if version != _SOCKS_VERSION or method not in methods:
        raise ProxyRefused(f"{proxy} speaks no SOCKS5 or wants another kind of login")
    if method:
        _log_in(sock, proxy)
    request = bytes([_SOCKS_VERSION, 1, 0]) + _socks_address(endpoint.host)
    sock.sendall(request + endpoint.port.to_bytes(2, "big"))
    _, reply, _, kind = _read_exactly(sock, 4)
    if reply:
        reason = _SOCKS_REPLIES.get(reply, f"reply {reply}")
        raise ProxyRefused(f"{proxy} did not connect to {endpoint.netloc}: {reason}")
    lengths = {1: 4, 4: 16}
    bound = lengths[kind] if kind in lengths else _read_exactly(sock, 1)[0]
    _read_exactly(sock, bound + 2)


def _log_in(sock: socket.socket, proxy: Proxy) -> None:
    user, password = proxy.user.encode(), proxy.password.encode()
    sock.sendall(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
    if _read_exactly(sock, 2)[1]:
        raise _login_refused(proxy)


def _socks_address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("idna")
        return bytes([3, len(name)]) + name
    return bytes([1 if address.version == 4 else 4]) + address.packed  # noqa: PLR2004


def _through_http(sock: socket.socket, proxy: Proxy, endpoint: Endpoint) -> None:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = [f"CONNECT {host}:{endpoint.port} HTTP/1.1", f"Host: {host}:{endpoint.port}"]
    if proxy.user:
        login = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {login}")
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        if len(head) > _MAX_PROXY_HEAD_BYTES:
            raise ProxyRefused(f"{proxy} answered with something that is not HTTP")
        head += _read_exactly(sock, 1)
    status = head.split(b"\r\n", 1)[0].decode("latin-1")
    code = status.split(" ")[1:2]
    if code == ["407"]:
        raise _login_refused(proxy)
    if code != ["200"]:
        raise ProxyRefused(f"{proxy} did not connect to {endpoint.netloc}: {status[:100]}")


def _login_refused(proxy: Proxy) -> AuthenticationError:
    return AuthenticationError(
        f"The {proxy} refused the user name or password, or wants one.",
        todo="Check the site's `proxy`.",
    )


def _read_exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise ProxyRefused("the proxy closed the connection")
        data += piece
    return data


_PROXIES: dict[str, Callable[[socket.socket, Proxy, Endpoint], None]] = {
    "socks5": _through_socks5,
    "http": _through_http,
}
