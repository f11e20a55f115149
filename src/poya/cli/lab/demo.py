# SPDX-License-Identifier: Apache-2.0
"""`poya lab demo`: two emulated sites, and a vCluster that moves between them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from poya.errors import StoppedPartWay

_TEMPLATE = "gele-cos-template-23.06.0-1"
NODES = "x9000c1s[1-4]b[0,1]n0,x3002c0s[17,19]b0n0"
_GIT = "hosts:vcs.cmn.alps.example.org=vcs.cmn.prealps.example.org"
_RUN = f"migrate run gele --from alps --to prealps --nodes {NODES} --map {_GIT} --yes"

_TOUR: tuple[tuple[str, str], ...] = (
    (
        "The site alps holds the vCluster gele: two boot sets, two images.",
        "get templates --site alps",
    ),
    (
        "Its nodes have other names at prealps, so a plan as it is gets refused.",
        "migrate plan gele --from alps --to prealps",
    ),
    (
        "With the nodes named, and its git host, it moves: planned, copied, verified.",
        _RUN,
    ),
    ("It is there.", "get templates --site prealps"),
    (
        "Again: everything is as planned already, no byte moves.",
        _RUN,
    ),
    (
        "Now its nodes boot there, from the images that came.",
        f"lab boot {_TEMPLATE} --site prealps",
    ),
)
_REFUSED = 10


class Tour:
    """Types poya's own command lines as an operator would, in a place of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._environment = {
            **os.environ,
            "XDG_STATE_HOME": str(home / "state"),
            "POYA_CONFIG": str(home / "lab" / "config.toml"),
            "POYA_LAB": str(home / "lab"),
        }

    def up(self, image_size: str) -> None:
        """Start the two sites."""
        self._type(("lab", "up", "--dir", str(self._lab), "--image-size", image_size))

    def down(self) -> None:
        """Stop them."""
        self._run(("lab", "down", "--dir", str(self._lab)), quiet=True)

    def walk(self) -> None:
        """Go through the tour."""
        for text, line in _TOUR:
            click.secho(f"\n# {text}", fg="cyan")
            self._type(tuple(shlex.split(line)), may_refuse="plan" in line)

    @property
    def _lab(self) -> Path:
        return self._home / "lab"

    def _type(self, words: Sequence[str], *, may_refuse: bool = False) -> None:
        shown = " ".join(_shown(word) for word in words)
        click.secho(f"$ poya {shown}", bold=True)
        status = self._run(words)
        if status and not (may_refuse and status == _REFUSED):
            raise StoppedPartWay(
                f"The tour ended at 'poya {words[0]} {words[1]}', with its status {status}.",
                todo="What it said above is why. Put that right, and start the tour again.",
            )

    def _run(self, words: Sequence[str], *, quiet: bool = False) -> int:
        command = [sys.executable, "-m", "poya", *words]
        output = subprocess.DEVNULL if quiet else None
        return subprocess.run(
            command, env=self._environment, stdout=output, check=False
        ).returncode


def _shown(word: str) -> str:
    return shlex.quote(word) if set(word) & set(" ;*'\"\\") else word


@click.command()
@click.option(
    "--image-size", default="300M", show_default=True, help="How large the compute image is."
)
@click.option("--keep", is_flag=True, help="Leave the sites running to look around in them.")
def demo(image_size: str, keep: bool) -> None:
    """Start two emulated sites and move a vCluster between them.

    Everything lives in a temporary directory and is removed at the end, unless --keep is given.
    """
    home = Path(tempfile.mkdtemp(prefix="poya-demo-"))
    tour = Tour(home)
    try:
        tour.up(image_size)
        tour.walk()
        if keep:
            click.secho("\n# The sites go on running. To look around:", fg="cyan")
            click.echo(f"export POYA_CONFIG={home}/lab/config.toml XDG_STATE_HOME={home}/state")
            click.echo(f"poya lab down --dir {home}/lab   # when you are done")
    finally:
        if not keep:
            import shutil

            tour.down()
            shutil.rmtree(home, ignore_errors=True)
