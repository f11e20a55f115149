# SPDX-License-Identifier: Apache-2.0
"""`poya lab`: emulated sites on this machine, to learn, rehearse and test on."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poya.cli.lab.boot import boot
from poya.cli.lab.control import console, fail, fault, requests, time
from poya.cli.lab.demo import demo
from poya.cli.lab.place import directory_option, lab_in
from poya.cli.lab.twin import export, import_site
from poya.cli.verbs import Verbs
from poya.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poya.lab.lifecycle import Lab, SiteStatus

_BULK = ("nodes", "images", "configurations", "templates")
_SITE = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]{0,30})=(?P<release>\d+\.\d+)")


@click.group(
    cls=Verbs,
    epilog="""\b
Examples:
  poya lab up                      start alps (CSM 1.5) and prealps (CSM 1.6)
  eval "$(poya lab env)"           use the lab's configuration in this shell
  poya get templates --site alps   look around
  poya lab console --site prealps x9000c1s1b0n0     why a node does not boot
  poya lab down                    stop; what was done to the sites is kept
""",
)
def lab() -> None:
    """Run emulated sites on this machine.

    Each site is a process of its own that serves the CSM APIs, an S3 object store and a git
    server on loopback. `alps` holds a vCluster named gele; `prealps` has room for it.
    """


@lab.command(
    epilog="""\b
Examples:
  poya lab up
  poya lab up --image-size 300M
  poya lab up --site alps=1.5 --site prealps=1.7 --dir /tmp/lab --port-base 18000
  poya lab up --bulk nodes=10000 --bulk images=2000   as large as the largest
"""
)
@click.option(
    "--site",
    "sites",
    metavar="NAME=RELEASE",
    multiple=True,
    help="A site and its CSM release; repeat for more (default: alps=1.5, prealps=1.6).",
)
@click.option(
    "--image-size", metavar="SIZE", help="Size of gele's root file system, such as 24M or 2G."
)
@click.option(
    "--port-base",
    type=click.IntRange(1024, 65000),
    metavar="N",
    help="First of consecutive ports (default: free ones, kept from then on).",
)
@click.option(
    "--sts-endpoint",
    metavar="URL",
    help="Object store that STS names, as real sites name one that only they can resolve.",
)
@click.option(
    "--bulk",
    metavar="KIND=N",
    multiple=True,
    help="Add nodes, images, configurations or templates by the thousand, to every site.",
)
@click.option(
    "--pace", type=float, metavar="N", help="How many times faster things happen (default: 60)."
)
@directory_option
def up(
    sites: Sequence[str],
    image_size: str | None,
    port_base: int | None,
    sts_endpoint: str | None,
    pace: float | None,
    bulk: Sequence[str],
    directory: Path | None,
) -> None:
    """Start the sites that do not run, and wait until they are ready."""
    from poya.lab.wanted import Wanted

    wanted = Wanted(
        sites=tuple(_site(text) for text in sites),
        image_bytes=None if image_size is None else _size_bytes(image_size),
        port_base=port_base,
        sts_endpoint=sts_endpoint,
        pace=pace,
        bulk=dict(_bulk(text) for text in bulk) if bulk else None,
    )
    chosen = lab_in(directory)
    before = {status.spec.name: status for status in chosen.status()}
    for status in chosen.up(wanted):
        describe_running(status, _note(before.get(status.spec.name), status, port_base))
    click.echo(f"\n{_export(chosen)}")


def _note(before: SiteStatus | None, now: SiteStatus, port_base: int | None) -> str:
    if before is None:
        return ""
    if before.pid:
        return " (already up)"
    moved = (before.spec.url, before.spec.s3_endpoint) != (now.spec.url, now.spec.s3_endpoint)
    return " (on other ports: its own were taken)" if moved and port_base is None else ""


def describe_running(status: SiteStatus, note: str = "") -> None:
    """Print where a site is."""
    click.echo(f"{status.spec.name}, CSM {status.spec.release}{note}")
    click.echo(f"    URL  {status.spec.url}")
    click.echo(f"    S3   {status.spec.s3_endpoint}")
    click.echo(f"    CA   {status.files.ca}")


@lab.command()
@directory_option
def down(directory: Path | None) -> None:
    """Stop the sites. What they hold is kept for the next start."""
    stopped = lab_in(directory).down()
    click.echo(f"Stopped {', '.join(stopped)}." if stopped else "No site was running.")


@lab.command()
@click.option("--output", type=click.Choice(["table", "json"]), default="table")
@directory_option
def status(output: str, directory: Path | None) -> None:
    """Show the sites of the lab and whether they run."""
    found = lab_in(directory).status()
    if output == "json":
        click.echo(json.dumps([_described(one) for one in found], indent=2))
    elif not found:
        click.echo("There is no lab yet. Start one with: poya lab up")
    for one in found if output == "table" else ():
        state = f"running, process {one.pid}" if one.pid else "down"
        click.echo(f"{one.spec.name}  CSM {one.spec.release}  {state}  {one.spec.url}")


@lab.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@directory_option
def reset(yes: bool, directory: Path | None) -> None:
    """Bring every site back to its seed and start it."""
    if not yes:
        click.confirm("Forget everything that was done to the lab's sites?", abort=True)
    names = [status.spec.name for status in lab_in(directory).reset()]
    click.echo(f"Reset {', '.join(names)}.")


@lab.command()
@directory_option
def env(directory: Path | None) -> None:
    """Print the line that makes a shell use the lab's configuration."""
    chosen = lab_in(directory)
    if not chosen.config_path.exists():
        raise UsageError("There is no lab yet.", todo="Start one with: poya lab up")
    click.echo(_export(chosen))


for command in (demo, fault, requests, fail, console, time, import_site, export, boot):
    lab.add_command(command)


def _site(text: str) -> tuple[str, str]:
    found = _SITE.fullmatch(text)
    if not found:
        raise UsageError(f"{text!r} names no lab site.", todo="Write it like alps=1.5.")
    return found["name"], found["release"]


def _bulk(text: str) -> tuple[str, int]:
    kind, _, number = text.partition("=")
    if kind not in _BULK or not number.isdecimal():
        example = "Write it like nodes=10000; kinds are " + ", ".join(_BULK) + "."
        raise UsageError(f"{text!r} adds nothing to a lab site.", todo=example)
    return kind, int(number)


def _size_bytes(text: str) -> int:
    from poya.lab.lifecycle import parse_size

    return parse_size(text)


def _export(chosen: Lab) -> str:
    return f"export POYA_CONFIG={shlex.quote(str(chosen.config_path))}"


def _described(status: SiteStatus) -> dict[str, object]:
    spec, files = status.spec, status.files
    return {
        "name": spec.name,
        "release": spec.release,
        "running": status.pid is not None,
        "pid": status.pid,
        "url": spec.url,
        "s3_endpoint": spec.s3_endpoint,
        "ca": str(files.ca),
        "log": str(files.log),
    }
