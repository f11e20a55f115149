"""Sites that cannot be reached, are not who they say, or do not answer as CSM does."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bad_input.desk import PLAN, Desk

GET = ("get", "groups", "--site", "alps")
GROUPS = "/apis/smd/hsm/v2/groups"


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_an_unknown_site_is_named_with_those_there_are(desk: Desk) -> None:
    desk.refused(2, "get", "groups", "--site", "alp", says=("'alp'", "alps, prealps"))
    desk.refused(2, "migrate", "plan", "gele", "--from", "alps", "--to", "prealp", says=("Did",))


@pytest.mark.slow
def test_a_closed_port_is_unreachable(desk: Desk) -> None:
    desk.changes(f'url = "{desk.pair.alps.url}"', f'url = "https://127.0.0.1:{closed_port()}"')
    desk.refused(17, *GET, says=("alps", "refused"))


@pytest.mark.slow
def test_a_name_that_does_not_resolve_is_said(desk: Desk) -> None:
    desk.changes(f'url = "{desk.pair.alps.url}"', 'url = "https://api.cmn.nowhere.invalid"')
    desk.refused(17, *GET, says=("api.cmn.nowhere.invalid", "resolve"))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["socks5h", "http"])
def test_a_dead_proxy_is_named(desk: Desk, scheme: str) -> None:
    port = closed_port()
    desk.appoints("alps", f'proxy = "{scheme}://user:proxy-password@127.0.0.1:{port}"')
    for answer in (desk.refused(17, *GET, says=(f"127.0.0.1:{port}", "proxy")),
                   desk.keeps_secrets(*GET)):  # fmt: skip
        assert "proxy-password" not in answer.err


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ca", "no-such-file.pem"),
        ("ca", "config.toml"),
        ("proxy", "socks4://127.0.0.1:1"),
        ("proxy", "socks5h://"),
        ("tenant", "UPPER CASE"),
        ("s3_endpoint", "ftp://somewhere"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(desk: Desk, key: str, value: str) -> None:
    text = desk.config.read_text()
    lines = [line for line in text.splitlines() if not line.startswith(f"{key} =")]
    desk.config.write_text("\n".join(lines) + "\n")
    desk.appoints("alps", f'{key} = "{value}"')
    desk.refused(2, *PLAN, says=(key if key != "ca" else value,))


def test_the_ca_of_another_site_is_not_believed(desk: Desk) -> None:
    desk.changes(str(desk.pair.alps.ca_path), str(desk.pair.prealps.ca_path))
    desk.refused(17, *GET, says=("certificate", "ca"))


@pytest.mark.parametrize(
    ("host", "days", "word"),
    [("127.0.0.1", -1, "expired"), ("api.other.example", 1, "127.0.0.1")],
)
def test_a_certificate_that_does_not_fit_is_described(
    desk: Desk, tmp_path: Path, host: str, days: int, word: str
) -> None:
    with impostor(tmp_path, host, days) as (url, ca):
        desk.changes(f'url = "{desk.pair.alps.url}"', f'url = "{url}"')
        desk.changes(f'ca = "{desk.pair.alps.ca_path}"', f'ca = "{ca}"')
        answer = desk.refused(17, *GET, says=("certificate", word))
    assert "CA that signs it" not in answer.err, "another CA does not help here"


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ({"action": "garbage", "status": 200}, 17, ("HTML page",)),
        ({"action": "garbage", "status": 404}, 17, ("url",)),
        ({"action": "status", "status": 200, "body": '[{"label": "ge'}, 17, ("API promises",)),
        ({"action": "status", "status": 200, "body": "null"}, 17, ("API promises",)),
        ({"action": "status", "status": 200, "body": '[{"label": 7}]'}, 17, ("API promises",)),
        ({"action": "status", "status": 418, "body": "short and stout"}, 11, ("short",)),
        ({"action": "status", "status": 302}, 17, ("302",)),
        ({"action": "status", "status": 500, "body": '{"detail": "boom"}'}, 17, ("boom",)),
    ],
)
def test_an_answer_that_is_none_is_no_empty_site(
    desk: Desk, fault: dict[str, object], status: int, words: tuple[str, ...]
) -> None:
    details = {**fault, "times": 0}
    desk.pair.alps.set_fault(str(details.pop("action")), GROUPS, **details)
    desk.refused(status, *GET, says=(*words, "alps"))
    desk.refused(status, *PLAN, says=("alps",))


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        {"action": "status", "status": 503, "body": "no healthy upstream"},
        {"action": "truncate"},
        {"action": "reset-before"},
    ],
)
def test_a_gateway_that_fails_for_long_is_given_up(desk: Desk, fault: dict[str, object]) -> None:
    details = {**fault, "times": 0}
    desk.pair.alps.set_fault(str(details.pop("action")), GROUPS, **details)
    desk.refused(17, *GET, says=("alps", GROUPS))


@contextmanager
def impostor(directory: Path, host: str, days: int) -> Iterator[tuple[str, Path]]:
    """A TLS server whose certificate is for `host` and ends in some days; its URL and CA."""
    ca, chain = certificate(directory, host, days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connection.settimeout(2)
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.getsockname()[1]}", ca
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def certificate(directory: Path, host: str, days: int) -> tuple[Path, Path]:
    """A self-signed certificate as its own CA, and the file with it and its key."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "impostor")])
    now = datetime.datetime.now(datetime.UTC)
    is_address = host[0].isdigit()
    names: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_address(host)) if is_address else x509.DNSName(host)
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    ca, chain = directory / "impostor-ca.pem", directory / "impostor.pem"
    ca.write_bytes(pem)
    chain.write_bytes(pem + private)
    return ca, chain
