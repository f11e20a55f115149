"""Files to look into: bytes as ranges, archives, file systems, certificates."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import lz4.block
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from poya.inspection.ranges import Limits, Meter, Metered

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GENEROUS = Limits()


@dataclass
class Bytes:
    """Bytes as a file, which remembers what was asked of it."""

    data: bytes
    asked: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        self.asked.append((offset, length))
        return self.data[offset : offset + length]


class Clock:
    """A clock that goes on by a step each time somebody looks."""

    def __init__(self, step_s: float = 0.0) -> None:
        self._now_s, self._step_s = 0.0, step_s

    def __call__(self) -> float:
        self._now_s += self._step_s
        return self._now_s


def opened(data: bytes, limits: Limits = GENEROUS, step_s: float = 0.0) -> Metered:
    """Bytes as the readers want a file."""
    return Metered(Bytes(data), Meter(limits, Clock(step_s)))


def cpio(entries: Iterable[tuple[str, int, bytes]], *, trailer: bool = True) -> bytes:
    """An archive in the `newc` format: path, mode, content."""
    out = io.BytesIO()
    listed = [*entries, *([("TRAILER!!!", 0, b"")] if trailer else [])]
    for number, (path, mode, content) in enumerate(listed, 1):
        name = path.encode() + b"\0"
        fields = [number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0]
        out.write(b"070701" + b"".join(b"%08x" % f for f in fields) + name)
        out.write(bytes(-out.tell() % 4) + content)
        out.write(bytes(-out.tell() % 4))
    return out.getvalue()


def lz4_legacy(data: bytes) -> bytes:
    """What `lz4 -l` writes."""
    step = 8 * 1024 * 1024
    blocks = [
        lz4.block.compress(data[i : i + step], store_size=False) for i in range(0, len(data), step)
    ]
    return b"\x02\x21\x4c\x18" + b"".join(struct.pack("<I", len(b)) + b for b in blocks)


PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "xz": lambda data: lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_CRC32),
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "lz4": lz4_legacy,
}


def certificate(name: str) -> x509.Certificate:
    """A self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def pem(made: x509.Certificate) -> bytes:
    return made.public_bytes(serialization.Encoding.PEM)


def der(made: x509.Certificate) -> bytes:
    return made.public_bytes(serialization.Encoding.DER)


def run(*command: str) -> str:
    """A tool's output; it must succeed."""
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
