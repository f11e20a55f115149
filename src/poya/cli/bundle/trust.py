# SPDX-License-Identifier: Apache-2.0
"""`poya bundle sign`, `keygen` and `verify --key`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poya.bootstrap import Bundles
from poya.cli.bundle.carrying import Wrapping, demanding, refuse_away
from poya.cli.session import Session, can_ask
from poya.cli.text import printable
from poya.errors import BundleDamaged, UsageError

if TYPE_CHECKING:
    from poya.sites.bundle.stores import Shelf


def sign_bundle(
    session: Session, directory: str, key_file: str, password_file: str | None
) -> None:
    """Compare every byte with the index, then sign the index.

    Raises:
        BundleDamaged: A file is not as the index says.
        UsageError: The bundle is not in a directory.
    """
    from poya.sites.bundle import examine
    from poya.sites.bundle.names import INDEX, SIGNATURE
    from poya.sites.bundle.reading import read_bounded
    from poya.sites.bundle.trust import read_secret_key, sign
    from poya.transfer.files import sync_write

    refuse_away(Bundles(session.settings), directory, "signed")
    place, key_path = Path(directory).absolute(), Path(key_file).expanduser()
    key = read_secret_key(key_path, _password(key_path, password_file))
    content = read_bounded(place / INDEX)
    found = examine(place, is_deep=True)
    damaged = found.damaged()
    if damaged:
        raise BundleDamaged(
            f"{place} is not signed: {len(damaged)} of its files are not as the index says.",
            why=f"{damaged[0].file}: {damaged[0].evidence}",
            todo="Look at it with 'poya bundle verify --deep', and make the backup anew.",
        )
    now = datetime.now(UTC)
    origin = found.index.origin
    comment = (
        f"timestamp:{int(now.timestamp())} file:{INDEX} vcluster:{found.index.vcluster} "
        f"site:{origin.site} created:{origin.created}"
    )
    if read_bounded(place / INDEX) != content:
        raise BundleDamaged(f"{place / INDEX} changed while the files were compared with it.")
    sync_write(place / SIGNATURE, sign(content, key, comment))
    click.echo(printable(f"Signed {place / INDEX} with the key {key.public().name}."))
    click.echo(f"Check it with: poya bundle verify {directory} --key {key.public().text()}")


def _password(key: Path, password_file: str | None) -> str:
    from poya.sites.bundle.trust.keys import needs_password

    if not needs_password(key):
        return ""
    if password_file is not None:
        try:
            return Path(password_file).expanduser().read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"The password file {password_file} cannot be read.", why=str(error)
            ) from error
    if not can_ask():
        raise UsageError(
            f"The key {key} has a password, and nobody is there to be asked.",
            todo="Give it with --password-file.",
        )
    answer: str = click.prompt(f"Password of {key}", hide_input=True, err=True)
    return answer


def demand_signature(session: Session, bundle: str, wrapping: Wrapping) -> None:
    """Make sure that one of the keys signed the index of a bundle, wherever it is.

    Args:
        session: The configuration.
        bundle: Empty where the files are named one by one.
        wrapping: The keys, and what opens it.

    Raises:
        BundleUntrusted: None did.
        UsageError: There is no index to be signed: the files are named one by one.
    """
    from poya.sites.bundle.trust.policy import judge

    if not bundle:
        raise UsageError("Files that are named one by one have no signature; leave --key out.")
    with Bundles(session.settings).to_read(bundle, wrapping.identities) as store:
        shelf = store.look()
    judge(shelf.raw_index, shelf.signature, demanding(wrapping.keys), bundle)


def make_key(secret: str) -> None:
    """Write a new secret key, private to its owner, and its public half beside it."""
    from poya.sites.bundle.trust import new_secret_key

    path = Path(secret).expanduser()
    beside = path.with_name(f"{path.name}.pub")
    key = new_secret_key()
    _create(path, key.file(), 0o600)
    _create(beside, key.public().file(), 0o644)
    click.echo(printable(f"{path}  the secret key: keep it to yourself"))
    click.echo(printable(f"{beside}  the public key {key.public().name}: give it to others"))


def _create(path: Path, content: bytes, mode: int) -> None:
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already; it is not written over.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written.", why=f"{error.strerror}.") from error


def say_who_vouches(shelf: Shelf, keys: tuple[str, ...]) -> None:
    """Say who vouches for a bundle; with keys one of them must.

    Raises:
        BundleUntrusted: None does, or the signature is wrong.
    """
    from poya.sites.bundle.trust.policy import judge

    vouching = judge(shelf.raw_index, shelf.signature, demanding(keys), shelf.label)
    words = {
        "signed": f"Signed by the key {vouching.key}: {vouching.comment}",
        "unknown-key": f"Signed by the key {vouching.key}, which was not checked: see --key",
        "unsigned": "Not signed.",
    }
    click.echo(printable(words[vouching.state]), err=True)
