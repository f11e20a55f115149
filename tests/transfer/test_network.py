# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from poya.errors import AuthenticationError, CertificateError, ConfigError, Unreachable
from poya.transfer import Guard, ObjectPlace, Pace, S3Config, S3Store, parse_timetable
from poya.transfer.guard import Brake
from transfer.authority import Authority, make_authority
from transfer.conftest import HASTY, permanent
from transfer.fake_s3 import FakeS3, serving

PLACE = ObjectPlace("boot-images", "k")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path, "alps", "s3.cmn.alps.example.org")


def store_at(url: str, **more: object) -> S3Store:
    return S3Store(S3Config("alps", url, retry=HASTY, stall_s=2.0, **more), permanent)  # type: ignore[arg-type]


@contextmanager
def opened(url: str, **more: object) -> Iterator[S3Store]:
    store = store_at(url, **more)
    try:
        yield store
    finally:
        store.close()


@dataclass
class FakeProxy:
    """A SOCKS5 or HTTP proxy that connects every name to one port, and notes the names."""

    kind: str
    to_port: int
    login: str = ""
    names: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    @contextmanager
    def serving(self) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            yield listener.getsockname()[1]
            listener.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            if (self._greet_socks if self.kind == "socks5" else self._greet_http)(client):
                with socket.create_connection(("127.0.0.1", self.to_port)) as server:
                    back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                    back.start()
                    _pump(client, server)
                    back.join()

    def _greet_socks(self, client: socket.socket) -> bool:
        methods = client.recv(client.recv(2)[1])
        if self.login:
            if 2 not in methods:
                client.sendall(b"\x05\xff")
                return False
            client.sendall(b"\x05\x02")
            user = client.recv(client.recv(2)[1]).decode()
            password = client.recv(client.recv(1)[0]).decode()
            self.logins.append(f"{user}:{password}")
            right = self.logins[-1] == self.login
            client.sendall(b"\x01\x00" if right else b"\x01\x01")
            if not right:
                return False
        else:
            client.sendall(b"\x05\x00")
        kind = client.recv(4)[3]
        length = client.recv(1)[0] if kind == 3 else {1: 4, 4: 16}[kind]
        self.names.append(client.recv(length).decode("latin-1"))
        client.recv(2)
        refused = "refused" in self.names[-1]
        client.sendall(b"\x05" + (b"\x05" if refused else b"\x00") + b"\x00\x03\x04gate\x00\x01")
        return not refused

    def _greet_http(self, client: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        lines = head.decode().split("\r\n")
        self.names.append(lines[0])
        told = [line.split()[-1] for line in lines if line.startswith("Proxy-Authorization")]
        self.logins += [base64.b64decode(value).decode() for value in told]
        if self.login and self.logins[-1:] != [self.login]:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return False
        client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
        return True


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def test_tls_with_the_sites_ca(authority: Authority) -> None:
    fake = FakeS3()
    with serving(fake, authority.server) as url, opened(url, ca_path=authority.ca_path) as store:
        store.put_small(PLACE, b"data")
        assert store.get_small(PLACE, 10) == b"data"
    payloads = [seen.headers["x-amz-content-sha256"] for seen in fake.seen]
    assert "UNSIGNED-PAYLOAD" not in payloads


def test_bulk_bytes_are_not_hashed_for_the_signature(authority: Authority) -> None:
    fake = FakeS3()
    with serving(fake, authority.server) as url, opened(url, ca_path=authority.ca_path) as store:
        store.put(PLACE, b"data", "8d777f385d3dfec8815d20f7496026dc", {})
    assert fake.seen[-1].headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"


def test_another_ca_is_refused_at_once(authority: Authority, tmp_path: Path) -> None:
    other = make_authority(tmp_path, "other", "s3.cmn.alps.example.org")
    fake = FakeS3()
    with (
        serving(fake, authority.server) as url,
        opened(url, ca_path=other.ca_path) as store,
        pytest.raises(CertificateError, match="site's CA"),
    ):
        store.head(PLACE)
    assert fake.seen == []


@pytest.mark.parametrize(
    "variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"]
)
def test_ca_variables_of_the_environment_do_not_matter(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    other = make_authority(tmp_path, "other", "s3.cmn.alps.example.org")
    fake = FakeS3()
    fake.put("k", b"data")
    with serving(fake, authority.server) as url:
        monkeypatch.setenv(variable, str(other.ca_path))
        with opened(url, ca_path=authority.ca_path) as store:
            assert store.get_small(PLACE, 10) == b"data"
        monkeypatch.setenv(variable, str(authority.ca_path))
        with opened(url, ca_path=other.ca_path) as store, pytest.raises(CertificateError):
            store.head(PLACE)
        with opened(url) as store, pytest.raises(CertificateError):
            store.head(PLACE)


def test_proxy_variables_of_the_environment_do_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakeS3()
    fake.put("k", b"data")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(fake) as url, opened(url) as store:
        assert store.get_small(PLACE, 10) == b"data"


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_an_unusable_ca_file_is_a_matter_of_configuration(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=str(path)):
        store_at("https://127.0.0.1:1", ca_path=path)


@pytest.mark.parametrize("scheme", ["socks5h", "socks5"])
def test_the_socks_proxy_resolves_the_name(authority: Authority, scheme: str) -> None:
    fake = FakeS3()
    with serving(fake, authority.server) as url:
        proxy = FakeProxy("socks5", port_of(url))
        name = "s3.cmn.alps.example.org"
        with (
            proxy.serving() as port,
            opened(
                f"https://{name}:8080",
                ca_path=authority.ca_path,
                proxy_url=f"{scheme}://127.0.0.1:{port}",
            ) as store,
        ):
            store.put_small(PLACE, os.urandom(3_000_000))
            assert store.head(PLACE).size_bytes == 3_000_000
    assert proxy.names == [name]
    assert fake.seen[-1].headers["host"] == f"{name}:8080"


@pytest.mark.parametrize("kind", ["socks5h", "http"])
def test_a_proxy_may_want_a_login(kind: str) -> None:
    fake = FakeS3()
    with serving(fake) as url:
        proxy = FakeProxy(kind.removesuffix("h"), port_of(url), login="me:p@ss word")
        with proxy.serving() as port:
            proxy_url = f"{kind}://me:p%40ss%20word@127.0.0.1:{port}"
            with opened("http://rgw.local:8080", proxy_url=proxy_url) as store:
                store.head_bucket("boot-images")
            assert "p%40ss" not in repr(S3Config("alps", url, proxy_url=proxy_url))
            wrong = proxy_url.replace("word", "wrong")
            with (
                opened("http://rgw.local:8080", proxy_url=wrong) as store,
                pytest.raises(AuthenticationError, match="proxy") as caught,
            ):
                store.head(PLACE)
            assert "wrong" not in "".join(caught.value.lines())


def test_an_http_proxy_connects_by_name() -> None:
    fake = FakeS3()
    with serving(fake) as url:
        proxy = FakeProxy("http", port_of(url))
        with (
            proxy.serving() as port,
            opened("http://rgw.local:8080", proxy_url=f"http://127.0.0.1:{port}") as store,
        ):
            store.head_bucket("boot-images")
    assert proxy.names == ["CONNECT rgw.local:8080 HTTP/1.1"]


def test_what_the_proxy_refuses_is_said() -> None:
    proxy = FakeProxy("socks5", 1)
    with (
        proxy.serving() as port,
        opened("http://refused.local", proxy_url=f"socks5h://127.0.0.1:{port}") as store,
        pytest.raises(Unreachable) as caught,
    ):
        store.head(PLACE)
    assert "connection refused" in caught.value.why


def test_nobody_listening_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with (
        opened(f"http://127.0.0.1:{port}") as store,
        pytest.raises(Unreachable, match="HEAD s3://boot-images/k at alps") as caught,
    ):
        store.head(PLACE)
    assert "refused" in caught.value.why.lower()


def test_tls_to_a_server_without_tls_is_unreachable(authority: Authority) -> None:
    with serving(FakeS3()) as url:
        secure = url.replace("http:", "https:")
        with (
            opened(secure, ca_path=authority.ca_path) as store,
            pytest.raises(Unreachable),
        ):
            store.head(PLACE)


@pytest.mark.parametrize(
    "url", ["", "ftp://h:1", "socks4://h:1", "http://", "socks5h://h:x", "127.0.0.1:1080"]
)
def test_an_unusable_proxy_is_a_matter_of_configuration(url: str) -> None:
    from poya.transfer.dialling import parse_proxy

    with pytest.raises(ConfigError):
        parse_proxy(url)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
)
def test_answers_that_are_not_http_are_unreachable(answer: bytes) -> None:
    def serve(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.recv(65536)
                client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with opened(url) as store, pytest.raises(Unreachable):
            store.get_range(PLACE, 0, memoryview(bytearray(5)))
        listener.shutdown(socket.SHUT_RDWR)


def test_a_peer_that_trickles_is_given_up() -> None:
    def serve(listener: socket.socket, stop: threading.Event) -> None:
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.05):
                client.sendall(b"x")

    from poya.errors import PoyaError
    from poya.transfer.retry import RetryPolicy

    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, stop), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = S3Config("alps", url, stall_s=0.3, retry=RetryPolicy(0, 1))
        store = S3Store(config, permanent)
        with pytest.raises(PoyaError) as caught:
            store.get_range(PLACE, 0, memoryview(bytearray(100_000)))
        stop.set()
        store.close()
    assert "bytes in 0.3 s" in caught.value.why


def test_a_peer_that_stops_reading_is_given_up() -> None:
    """A half-open connection: the peer is gone, and nobody said so."""
    from poya.transfer.retry import RetryPolicy

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        store = S3Store(S3Config("alps", url, stall_s=0.3, retry=RetryPolicy(0, 1)), permanent)
        with pytest.raises(Unreachable, match="no usable answer"):
            store.put(PLACE, memoryview(bytearray(32 * 1024 * 1024)), "0" * 32, {})
        store.close()


def test_a_long_upload_is_no_stall() -> None:
    """Sending may take longer than a peer may be silent."""
    fake = FakeS3()
    with serving(fake) as url:
        store = S3Store(S3Config("alps", url, stall_s=1.5, retry=HASTY), permanent)
        guard = Guard(brake=Brake(Pace(parse_timetable("1M")), burst_s=0.01))
        data = bytes(3 * 1024 * 1024)
        store.put(PLACE, memoryview(data), hashlib.md5(data).hexdigest(), {}, guard)
        store.close()
    assert [seen.kind for seen in fake.seen] == ["PUT object"]


def test_ipv6(tmp_path: Path) -> None:
    fake = FakeS3()
    try:
        with serving(fake, host="::1") as url, opened(url) as store:
            assert url.startswith("http://[::1]:")
            store.put_small(PLACE, b"data")
            assert store.get_small(PLACE, 10) == b"data"
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert fake.seen[0].headers["host"].startswith("[::1]:")
