# SPDX-License-Identifier: Apache-2.0
"""`poya bundle export`: a bundle in another place or form."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poya.cli.progress import following
from poya.cli.text import printable, wrapped

if TYPE_CHECKING:
    from poya.sites.bundle.manta import MantaExport


def export_bundle(directory: str, destination: str, *, as_json: bool) -> None:
    """Write a bundle for manta."""
    from poya.sites.bundle.manta import export_for_manta

    source, target = Path(directory).absolute(), Path(destination).absolute()
    with following() as listener:
        done = export_for_manta(source, target, on_event=listener)
    click.echo(
        json.dumps(asdict(done), indent=2, ensure_ascii=False)
        if as_json
        else "\n".join(_manta_lines(done))
    )


def _manta_lines(done: MantaExport) -> Iterator[str]:
    yield "Written for manta's restore:"
    yield from (printable(f"  {option} {shlex.quote(path)}") for option, path in done.files)
    for title, lines in (
        ("The files say otherwise than the bundle:", done.changed),
        ("manta's restore will not bring:", done.not_restored),
    ):
        if lines:
            yield f"\n{title}"
            yield from (wrapped(printable(line), "  ") for line in lines)
