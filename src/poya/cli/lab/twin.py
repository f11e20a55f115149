# SPDX-License-Identifier: Apache-2.0
"""`poya lab import | export`: rehearse on a twin of a real site, keep a lab site in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from poya.cli.lab.place import directory_option, lab_in
from poya.errors import UsageError

if TYPE_CHECKING:
    from poya.cli.session import Session
    from poya.documents import JsonObject
    from poya.lab.lifecycle import Lab


@click.command(
    name="import",
    epilog="""\b
Examples:
  poya lab import --from alps                       a twin of alps, named alps, in the lab
  poya lab import --from alps --save alps.json      only write down what a twin needs to know
  poya lab import alps.json --as alps               make the twin of it, on another machine
  poya lab import friday.tar.gz --as alps           go on with a site that was exported
""",
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--from", "source", metavar="SITE", help="A configured site, which is only read.")
@click.option("--as", "name", metavar="NAME", help="The lab site's name (default: that of SITE).")
@click.option("--release", metavar="CSM", help="The CSM release to emulate (default: the site's).")
@click.option(
    "--object-size", default="16M", show_default=True, help="How long an object is at most."
)
@click.option(
    "--save",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what is read of SITE to a file, and make nothing of it.",
)
@directory_option
@click.pass_obj
def import_site(
    session: Session,
    /,
    file: Path | None,
    source: str | None,
    name: str | None,
    release: str | None,
    object_size: str,
    save: Path | None,
    directory: Path | None,
) -> None:
    """Make a lab site that is the twin of a real one, or an exported one again.

    Names and structure are read: nodes, groups, images, configurations, templates. No secrets and
    no image bytes leave the site; objects of the twin are made up, and git knows commits by name.
    """
    if (file is None) == (source is None):
        raise UsageError("Say what to import: a file, or a site with --from.")
    lab = lab_in(directory)
    if source is not None:
        structure = _survey(session, source)
        _tell_of_catalog(source, structure)
        if save is not None:
            _write(save, structure)
            return
        _adopt(lab, name or source, structure, release, object_size)
    elif file is not None and file.name.endswith(".json"):
        _adopt(lab, _needed(name), _read(file), release, object_size)
    elif file is not None:
        from poya.lab.keeping import unpack

        unpack(lab, _needed(name), file)
        _tell(lab, _needed(name))


@click.command(
    epilog="""\b
Examples:
  poya lab export --site prealps --to friday.tar.gz
"""
)
@click.option("--site", required=True, metavar="NAME", help="Which site of the lab.")
@click.option(
    "--to",
    "file",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A .tar.gz to write; it must not exist.",
)
@directory_option
def export(site: str, file: Path, directory: Path | None) -> None:
    """Keep a lab site in a file: records, objects, repositories. The site must be down."""
    from poya.lab.keeping import pack

    size_bytes = pack(lab_in(directory), site, file)
    click.echo(f"{file}: {size_bytes / 1024**2:.1f} MiB")


def _survey(session: Session, name: str) -> JsonObject:
    from poya.cli.asynchronous import run_async
    from poya.csm import Site
    from poya.site_config import site_config
    from poya.sites.csm.objects import open_objects
    from poya.sites.csm.structure import structure_of

    config = site_config(session.settings.site(name))

    async def work() -> JsonObject:
        async with (
            Site.connect(config, read_only=True) as site,
            open_objects(site, config) as objects,
        ):
            return await structure_of(site, objects)

    return run_async(work())


def _tell_of_catalog(source: str, structure: JsonObject) -> None:
    catalog = structure["product_catalog"]
    if isinstance(catalog, dict) and "why_not" in catalog:
        click.echo(
            f"The product catalog of {source} is not read, and a twin has none: "
            f"{catalog['why_not']}",
            err=True,
        )


def _adopt(
    lab: Lab, name: str, structure: JsonObject, release: str | None, object_size: str
) -> None:
    from poya.lab.keeping import adopt
    from poya.lab.lifecycle import parse_size

    chosen = release or str(structure.get("release") or "")
    adopt(lab, name, chosen, structure, parse_size(object_size))
    _tell(lab, name)


def _tell(lab: Lab, name: str) -> None:
    from poya.cli.lab import describe_running

    for status in lab.status():
        if status.spec.name == name:
            describe_running(status)
    click.echo(f"\nexport POYA_CONFIG={lab.config_path}")


def _write(file: Path, structure: JsonObject) -> None:
    from poya.documents import pretty

    try:
        with file.open("xb") as output:
            output.write(pretty(structure))
    except FileExistsError as error:
        raise UsageError(f"{file} exists already.") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be written.", why=f"{error}") from error
    click.echo(f"{file}: names and structure, no secrets, no payload")


def _read(file: Path) -> JsonObject:
    from poya.documents import Document

    try:
        return Document(file.read_bytes()).editable()
    except OSError as error:
        raise UsageError(f"{file} cannot be read.", why=f"{error}") from error


def _needed(name: str | None) -> str:
    if name is None:
        raise UsageError("The lab site needs a name.", todo="Add --as NAME.")
    return name
