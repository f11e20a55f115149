# SPDX-License-Identifier: Apache-2.0
"""`poya bundle`: look at, check and carry bundles; each verb's work is imported when it runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from poya.cli.session import Session
from poya.cli.verbs import Verbs

if TYPE_CHECKING:
    from poya.sites.bundle.retention import Retention

_Command = Callable[..., Any]
_IDENTITY = click.option(
    "--identity", "-i", "identities", multiple=True, metavar="FILE", help="Decrypt with this key."
)
_KEY = click.option(
    "--key", "keys", multiple=True, metavar="KEY", help="Demand a signature by this public key."
)
_OUTPUT = click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group(cls=Verbs)
def bundle() -> None:
    """Look at, check and carry bundles: vClusters at rest.

    'poya migrate backup' makes them, 'poya migrate restore' brings them to a site. A bundle is a
    directory, a tar, '-' for a tar on standard input, or STORE:PREFIX in an S3 store of the
    configuration; PLACE@DATE is the newest one below PLACE of the date or before, PLACE@latest
    the newest.

    \b
    Examples:
      poya bundle list /backups
      poya bundle inspect ./gele
      poya bundle verify --deep ./gele
      poya bundle export ./gele gele.tar
      poya bundle import gele.tar ./gele
    """


@bundle.command()
@click.argument("place", metavar="BUNDLE")
@_IDENTITY
@_OUTPUT
@click.pass_obj
def inspect(session: Session, /, place: str, identities: tuple[str, ...], output: str) -> None:
    """Show what a BUNDLE holds: poya's own, or one of manta's.

    Only the index and the records are read, wherever it is.

    \b
    Examples:
      poya bundle inspect ./gele --output json
      poya bundle inspect gele.tar
      poya bundle inspect archive:gele@latest
    """
    from poya.cli.bundle.view import inspect_bundle

    inspect_bundle(session, place, identities, as_json=output == "json")


@bundle.command()
@click.argument("place", metavar="BUNDLE")
@click.option("--deep", is_flag=True, help="Read and hash every byte of every file.")
@_IDENTITY
@_KEY
@_OUTPUT
@click.pass_obj
def verify(session: Session, /, place: str, deep: bool, output: str, **options: Any) -> None:
    """Compare the files of a BUNDLE with its index.

    Records are always read whole; image files are compared by their length, and with --deep byte
    for byte. A stream and what is encrypted as a whole is always read to its end. What is damaged
    is named, and what can still be restored.

    \b
    Examples:
      poya bundle verify --deep ./gele
      poya bundle verify ./gele --key alps.pub
      poya bundle verify archive:gele/2026-11-24
    """
    from poya.cli.bundle.carrying import Wrapping
    from poya.cli.bundle.view import verify_bundle

    wrapping = Wrapping(identities=options["identities"], keys=options["keys"])
    verify_bundle(session, place, wrapping, is_deep=deep, as_json=output == "json")


@bundle.command(name="list")
@click.argument("root", metavar="DIR|STORE", default=".")
@_OUTPUT
@click.pass_obj
def list_(session: Session, /, root: str, output: str) -> None:
    """List the bundles below a directory, tars included, or in an S3 store of the configuration.

    \b
    Examples:
      poya bundle list /backups
      poya bundle list archive:
    """
    from poya.cli.bundle.catalog import list_bundles

    list_bundles(session, root, as_json=output == "json")


def _keeping(command: _Command) -> _Command:
    """What is kept, as one argument `retention`."""

    @functools.wraps(command)
    def with_retention(*args: Any, **options: Any) -> None:
        from poya.sites.bundle.retention import Retention

        rules = ("last", "daily", "weekly", "monthly")
        retention = Retention(*(options.pop(f"keep_{rule}") for rule in rules))
        command(*args, retention=retention, **options)

    told = {"last": "The newest N.", "daily": "Of N days.", "weekly": "Of N weeks."}
    for rule, text in reversed({**told, "monthly": "Of N months."}.items()):
        option = click.option(
            f"--keep-{rule}", type=click.IntRange(0), default=0, metavar="N", help=text
        )
        with_retention = option(with_retention)
    return with_retention


@bundle.command()
@click.argument("root", metavar="DIR|STORE")
@_keeping
@click.option("--apply", "is_applied", is_flag=True, help="Remove them; else they are shown only.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@_OUTPUT
@click.pass_obj
def prune(session: Session, /, root: str, retention: Retention, output: str, **how: bool) -> None:
    """Show which bundles go when only some are kept; with --apply, remove them.

    Of each of the last N days, weeks and months that have bundles, the newest is kept, for each
    vCluster of each site. The newest is always kept, and so is what is damaged, unfinished or
    encrypted as a whole.

    \b
    Examples:
      poya bundle prune /backups --keep-daily 7 --keep-weekly 4 --keep-monthly 12
      poya bundle prune archive: --keep-last 3 --apply --yes
    """
    from poya.cli.bundle.catalog import Pruning, prune_bundles

    pruning = Pruning(retention, is_dry=not how["is_applied"], yes=how["yes"])
    prune_bundles(session, root, pruning, as_json=output == "json")


@bundle.command()
@click.option("--remove", metavar="NAME", help="Remove this one, and all that is in it.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@_OUTPUT
@click.pass_obj
def unfinished(session: Session, /, remove: str | None, yes: bool, output: str) -> None:
    """List the bundles on their way to or from a tar, a stream or a store.

    They stand in working directories, which are removed when the work is done. What stopped
    part-way is listed with what it belongs to, and with what goes on with it.

    \b
    Examples:
      poya bundle unfinished
      poya bundle unfinished --remove gele.tar-1b2c3d4e
    """
    from poya.cli.bundle.unfinished import list_unfinished, remove_unfinished

    if remove is not None:
        remove_unfinished(session, remove, yes=yes)
    else:
        list_unfinished(session, as_json=output == "json")


@bundle.command()
def schema() -> None:
    """Print the JSON Schema of bundle.json."""
    from poya.sites.bundle import bundle_schema

    click.echo(bundle_schema(), nl=False)


@bundle.command()
@click.argument("directory", metavar="DIR")
@click.argument("destination", metavar="OUT")
@click.option("--for", "form", type=click.Choice(["poya", "manta"]), default="poya")
@click.option(
    "--encrypt-to", "recipients", multiple=True, metavar="RECIPIENT", help="age1…, or a file."
)
@_OUTPUT
@click.pass_obj
def export(
    session: Session,
    /,
    directory: str,
    destination: str,
    form: str,
    recipients: tuple[str, ...],
    output: str,
) -> None:
    """Carry the bundle in DIR to OUT.

    OUT is a directory, a tar file (NAME.tar), '-' for a tar stream on standard output, or
    STORE:PREFIX of an S3 store in the configuration. With --encrypt-to a tar is encrypted with
    age; in a directory or a store only the records with secrets are. Every byte is compared with
    the index on the way; repeating an interrupted export into a directory or a store continues it.

    With '--for manta' OUT becomes a directory that the restore of manta 1.x and 2.x takes; what
    its files cannot say, and what manta will not restore, is listed.

    \b
    Examples:
      poya bundle export ./gele /media/usb/gele
      poya bundle export ./gele - | ssh elsewhere poya bundle import - ./gele
      poya bundle export ./gele gele.tar.age --encrypt-to age1…
      poya bundle export ./gele archive:gele/2026-11-24
      poya bundle export ./gele ./gele-for-manta --for manta
    """
    from poya.cli.bundle.carrying import Wrapping, export_bundle, export_for_manta

    if form == "manta":
        export_for_manta(directory, destination, as_json=output == "json")
    else:
        export_bundle(session, directory, destination, Wrapping(recipients=recipients))


@bundle.command(name="import")
@click.argument("origin", metavar="IN")
@click.argument("directory", metavar="DIR")
@_IDENTITY
@_KEY
@click.pass_obj
def import_(
    session: Session,
    /,
    origin: str,
    directory: str,
    identities: tuple[str, ...],
    keys: tuple[str, ...],
) -> None:
    """Bring the bundle that 'export' carried to IN into DIR.

    The index comes first, and every file is compared with it as it comes; nothing else is written.
    DIR becomes a bundle when all of it is there. An interrupted import can be repeated.

    \b
    Examples:
      poya bundle import gele.tar ./gele
      poya bundle import gele.tar.age ./gele --identity ~/.age/key.txt --key alps.pub
      poya bundle import archive:gele/2026-11-24 ./gele
    """
    from poya.cli.bundle.carrying import Wrapping, import_bundle

    import_bundle(session, origin, directory, Wrapping(identities=identities, keys=keys))


@bundle.command()
@click.argument("directory", metavar="DIR")
@click.option("--key", required=True, metavar="FILE", help="A secret key of minisign's.")
@click.option("--password-file", metavar="FILE", help="Where the key's password is read from.")
@click.pass_obj
def sign(session: Session, /, directory: str, key: str, password_file: str | None) -> None:
    """Vouch for the bundle in DIR: sign its index, and so the digests of all its files.

    Every byte is compared with the index before. The signature is bundle.json.minisig, which
    'minisign -V' checks too; making the bundle anew or adding to it removes it.

    \b
    Examples:
      poya bundle sign ./gele --key ~/.minisign/minisign.key
      minisign -V -p alps.pub -m ./gele/bundle.json
    """
    from poya.cli.bundle.trust import sign_bundle

    sign_bundle(session, directory, key, password_file)


@bundle.command()
@click.argument("secret", metavar="FILE")
def keygen(secret: str) -> None:
    """Make a key to sign bundles with: FILE, and FILE.pub for those who check.

    FILE is kept private by its permissions only. For one with a password use 'minisign -G'.

    \b
    Example:
      poya bundle keygen alps.key
    """
    from poya.cli.bundle.trust import make_key

    make_key(secret)
