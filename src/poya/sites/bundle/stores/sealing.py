# SPDX-License-Identifier: Apache-2.0
"""Streams that are encrypted to age recipients, or decrypted with age identities, as they flow.

age (age-encryption.org/v1) authenticates every 64 KiB before it gives them out, and the end of the
stream: a cut or altered one is an error, never less data.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, TypeAlias

import pyrage

from poya.errors import BundleDamaged, StoppedPartWay, UsageError
from poya.sites.bundle.names import SEALED
from poya.sites.bundle.reading import MOST_JSON_BYTES

Recipient: TypeAlias = Any  # pyrage's classes have no common type
Identity: TypeAlias = Any

MAGIC = b"age-encryption.org/v1\n"
_MOST_FILE_BYTES = 64 * 1024
_BUFFER_BYTES = 256 * 1024


def recipients_of(texts: Sequence[str]) -> list[Recipient]:
    """Read recipients: `age1…`, `ssh-ed25519 …`, or files with one a line.

    Raises:
        UsageError: One is none.
    """
    return [_recipient(line) for text in texts for line in _lines(text, ("age1", "ssh-"))]


def identities_of(files: Sequence[str]) -> list[Identity]:
    """Read identities from files: those of `age-keygen`, or SSH private keys.

    Raises:
        UsageError: A file cannot be read, or holds none.
    """
    found = [identity for file in files for identity in _identities(Path(file).expanduser())]
    if not found:
        raise UsageError(
            "The bundle is encrypted, and no key is given.",
            todo="Name one with --identity FILE, or as 'identities' in [bundles] of the "
            "configuration.",
        )
    return found


@contextmanager
def sealed(stream: BinaryIO, recipients: Sequence[Recipient]) -> Iterator[BinaryIO]:
    """A stream to write to; what is written reaches `stream` encrypted.

    When the block ends with an error the encrypted stream is left without its end, which age
    notices.
    """
    reading, writing = os.pipe()
    failure: list[Exception] = []

    def encrypt() -> None:
        with os.fdopen(reading, "rb", buffering=_BUFFER_BYTES) as plain:
            try:
                pyrage.encrypt_io(_Guarded(plain, broken), stream, list(recipients))
            except Exception as error:  # noqa: BLE001 - told by the thread that waits
                failure.append(error)
                with suppress(OSError):
                    while plain.read(_BUFFER_BYTES):
                        pass

    broken = threading.Event()
    worker = threading.Thread(target=encrypt, name="poya-seal", daemon=True)
    worker.start()
    try:
        with os.fdopen(writing, "wb", buffering=_BUFFER_BYTES) as plain:
            try:
                yield plain
            except BaseException:
                broken.set()
                raise
    finally:
        worker.join()
    if failure:
        raise StoppedPartWay(
            "The encrypted bundle could not be written to its end.",
            why=f"{failure[0]}",
            todo="See whether there is space where it goes, then write it again.",
        ) from failure[0]


class _Guarded(io.RawIOBase):
    """A stream whose end is an error once the writer has failed: the seal must not be closed."""

    def __init__(self, stream: IO[bytes], broken: threading.Event) -> None:
        self._stream = stream
        self._broken = broken

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._stream.read(size)
        if not data and self._broken.is_set():
            raise OSError("the bundle was not written to its end")
        return data


@contextmanager
def unsealed(
    stream: BinaryIO, identities: Sequence[Identity], *, to_end: bool = True
) -> Iterator[BinaryIO]:
    """A stream to read from: `stream` decrypted.

    Args:
        stream: What is encrypted.
        identities: One of which must fit.
        to_end: Whether what the block leaves unread is read too, so that all is proved authentic.

    Raises:
        BundleDamaged: No identity fits, or the stream was cut or altered; what was read before
            that is authentic, and not all.
    """
    reading, writing = os.pipe()
    failure: list[Exception] = []

    def decrypt() -> None:
        with suppress(BrokenPipeError), os.fdopen(writing, "wb", buffering=0) as plain:
            try:
                pyrage.decrypt_io(stream, plain, list(identities))
            except BrokenPipeError:
                pass
            except Exception as error:  # noqa: BLE001 - told by the thread that waits
                failure.append(error)

    worker = threading.Thread(target=decrypt, name="poya-unseal", daemon=True)
    worker.start()
    try:
        with os.fdopen(reading, "rb", buffering=_BUFFER_BYTES) as plain:
            yield plain
            while to_end and plain.read(_BUFFER_BYTES):
                pass
    except BundleDamaged as error:
        worker.join()
        if failure:
            raise _not_opened(failure[0]) from error
        raise
    finally:
        worker.join()
    if failure and to_end:
        raise _not_opened(failure[0]) from failure[0]


def open_part(stream: BinaryIO, identity_files: Sequence[str]) -> bytes:
    """What an encrypted record holds; nothing of it was compared with an index yet.

    Raises:
        UsageError: No identity is given.
        BundleDamaged: None fits, or it is larger than a record may be.
    """
    with unsealed(stream, identities_of(identity_files)) as plain:
        content = plain.read(MOST_JSON_BYTES + 1)
    if len(content) > MOST_JSON_BYTES:
        raise BundleDamaged("An encrypted part is larger than a record may be.")
    return content


def is_sealed(directory: Path, name: str) -> bool:
    """Say whether a file of the index stands encrypted there."""
    return os.path.lexists(directory / f"{name}{SEALED}") and not os.path.lexists(directory / name)


def is_encrypted(head: bytes) -> bool:
    """Say whether a file that begins so is encrypted with age."""
    return head.startswith(MAGIC)


def _not_opened(error: Exception) -> BundleDamaged:
    if isinstance(error, pyrage.DecryptError):
        return BundleDamaged(
            "The bundle cannot be decrypted.",
            why=f"{error}.",
            todo="Give the identity of one of its recipients with --identity FILE.",
        )
    return BundleDamaged(
        "The encrypted bundle is cut short or was altered.",
        why=f"{error}.",
        todo="Get it again from another copy.",
    )


def _lines(text: str, starts: tuple[str, ...]) -> list[str]:
    if text.startswith(starts):
        return [text]
    lines = _read(Path(text).expanduser()).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _recipient(text: str) -> Recipient:
    kind = pyrage.ssh.Recipient if text.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        return kind.from_str(text)
    except (pyrage.RecipientError, ValueError) as error:
        raise UsageError(
            f"{text[:70]!r} is no age recipient.",
            todo="Recipients look like age1… or ssh-ed25519 …",
        ) from error


def _identities(path: Path) -> list[Identity]:
    text = _read(path)
    try:
        if "PRIVATE KEY-----" in text:
            return [pyrage.ssh.Identity.from_buffer(text.encode())]
        lines = [line.strip() for line in text.splitlines()]
        return [
            pyrage.x25519.Identity.from_str(line)
            for line in lines
            if line.startswith("AGE-SECRET")
        ]
    except (pyrage.IdentityError, ValueError) as error:
        # Its words could repeat the key.
        raise UsageError(f"{path} holds no age identity that can be used.") from error


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_FILE_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror or "" if isinstance(error, OSError) else "It is not text."
        raise UsageError(f"{path} cannot be read.", why=why) from error
