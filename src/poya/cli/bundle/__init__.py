# SPDX-License-Identifier: Apache-2.0
"""`poya bundle`: look at, check and carry bundles; each verb's work is imported when it runs."""

from __future__ import annotations

import click

from poya.cli.session import Session
from poya.cli.verbs import Verbs

_OUTPUT = click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group(cls=Verbs)
def bundle() -> None:
    """Look at, check and carry bundles: vClusters at rest in a directory.

    'poya migrate backup' makes them, 'poya migrate restore' brings them to a site.

    \b
    Examples:
      poya bundle list /backups
      poya bundle inspect ./gele
      poya bundle verify --deep ./gele
      poya bundle export ./gele gele.tar
      poya bundle import gele.tar ./gele
    """


@bundle.command()
@click.argument("directory", metavar="DIR")
@_OUTPUT
def inspect(directory: str, output: str) -> None:
    """Show what the bundle in DIR holds: poya's own, or one of manta's.

    \b
    Example:
      poya bundle inspect ./gele --output json
    """
    from poya.cli.bundle.view import inspect_bundle

    inspect_bundle(directory, as_json=output == "json")


@bundle.command()
@click.argument("directory", metavar="DIR")
@click.option("--deep", is_flag=True, help="Read and hash every byte of every file.")
@click.option(
    "--key", "keys", multiple=True, metavar="KEY", help="Demand a signature by this public key."
)
@_OUTPUT
def verify(directory: str, deep: bool, keys: tuple[str, ...], output: str) -> None:
    """Compare the files of the bundle in DIR with its index.

    Records are always read whole; image files are compared by their length, and with --deep byte
    for byte. What is damaged is named, and what can still be restored.

    \b
    Examples:
      poya bundle verify --deep ./gele
      poya bundle verify ./gele --key alps.pub
    """
    from poya.cli.bundle.trust import check_signature
    from poya.cli.bundle.view import verify_bundle

    check_signature(directory, keys)
    verify_bundle(directory, is_deep=deep, as_json=output == "json")


@bundle.command(name="list")
@click.argument("root", metavar="DIR|STORE", default=".")
@_OUTPUT
@click.pass_obj
def list_(session: Session, /, root: str, output: str) -> None:
    """List the bundles below a directory, or in an S3 store of the configuration.

    \b
    Examples:
      poya bundle list /backups
      poya bundle list archive:
    """
    from poya.cli.bundle.catalog import list_bundles

    list_bundles(session, root, as_json=output == "json")


@bundle.command()
@click.argument("root", metavar="DIR|STORE")
@click.option("--keep-last", type=click.IntRange(0), default=0, metavar="N", help="The newest N.")
@click.option("--keep-daily", type=click.IntRange(0), default=0, metavar="N", help="Of N days.")
@click.option("--keep-weekly", type=click.IntRange(0), default=0, metavar="N", help="Of N weeks.")
@click.option(
    "--keep-monthly", type=click.IntRange(0), default=0, metavar="N", help="Of N months."
)
@click.option("--apply", "is_applied", is_flag=True, help="Remove them; else they are shown only.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@_OUTPUT
@click.pass_obj
def prune(
    session: Session,
    /,
    root: str,
    keep_last: int,
    keep_daily: int,
    keep_weekly: int,
    keep_monthly: int,
    is_applied: bool,
    yes: bool,
    output: str,
) -> None:
    """Show which bundles go when only some are kept; with --apply, remove them.

    Of each of the last N days, weeks and months that have bundles, the newest is kept, for each
    vCluster of each site. The newest is always kept, and so is what is damaged or unfinished.

    \b
    Examples:
      poya bundle prune /backups --keep-daily 7 --keep-weekly 4 --keep-monthly 12
      poya bundle prune /backups --keep-last 3 --apply --yes
    """
    from poya.cli.bundle.catalog import prune_bundles
    from poya.sites.bundle.retention import Retention

    retention = Retention(keep_last, keep_daily, keep_weekly, keep_monthly)
    prune_bundles(
        session, root, retention, is_dry=not is_applied, yes=yes, as_json=output == "json"
    )


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
@click.option(
    "--identity", "-i", "identities", multiple=True, metavar="FILE", help="Decrypt with this key."
)
@click.option(
    "--key", "keys", multiple=True, metavar="KEY", help="Demand a signature by this public key."
)
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
def sign(directory: str, key: str, password_file: str | None) -> None:
    """Vouch for the bundle in DIR: sign its index, and so the digests of all its files.

    Every byte is compared with the index before. The signature is bundle.json.minisig, which
    'minisign -V' checks too; making the bundle anew or adding to it removes it.

    \b
    Examples:
      poya bundle sign ./gele --key ~/.minisign/minisign.key
      minisign -V -p alps.pub -m ./gele/bundle.json
    """
    from poya.cli.bundle.trust import sign_bundle

    sign_bundle(directory, key, password_file)


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
