# SPDX-License-Identifier: Apache-2.0
"""`poya bundle`: look at, check and carry bundles; each verb's work is imported when it runs."""

from __future__ import annotations

import click

_OUTPUT = click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group()
def bundle() -> None:
    """Look at, check and carry bundles: vClusters at rest in a directory.

    'poya migrate backup' makes them, 'poya migrate restore' brings them to a site.

    \b
    Examples:
      poya bundle inspect ./gele
      poya bundle verify --deep ./gele
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
    from poya.cli.bundle_view import inspect_bundle

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
    from poya.cli.bundle_trust import check_signature
    from poya.cli.bundle_view import verify_bundle

    check_signature(directory, keys)
    verify_bundle(directory, is_deep=deep, as_json=output == "json")


@bundle.command()
def schema() -> None:
    """Print the JSON Schema of bundle.json."""
    from poya.sites.bundle import bundle_schema

    click.echo(bundle_schema(), nl=False)


@bundle.command()
@click.argument("directory", metavar="DIR")
@click.argument("destination", metavar="OUT")
@click.option("--for", "form", type=click.Choice(["manta"]), required=True, expose_value=False)
@_OUTPUT
def export(directory: str, destination: str, output: str) -> None:
    """Carry the bundle in DIR to OUT.

    With '--for manta' OUT becomes a directory that the restore of manta 1.x and 2.x takes; what
    its files cannot say, and what manta will not restore, is listed.

    \b
    Examples:
      poya bundle export ./gele ./gele-for-manta --for manta
    """
    from poya.cli.bundle_carrying import export_bundle

    export_bundle(directory, destination, as_json=output == "json")


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
    from poya.cli.bundle_trust import sign_bundle

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
    from poya.cli.bundle_trust import make_key

    make_key(secret)
