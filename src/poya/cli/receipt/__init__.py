# SPDX-License-Identifier: Apache-2.0
"""`poya receipt`: check what a run is said to have done."""

from __future__ import annotations

import json
from pathlib import Path

import click

from poya.cli.session import Session
from poya.cli.verbs import Verbs


@click.group(cls=Verbs)
def receipt() -> None:
    """Check receipts: signed records of what a run did.

    \b
    Examples:
      poya migrate receipt RUN -o gele.receipt.json
      poya receipt verify gele.receipt.json
      poya receipt verify gele.receipt.json --against prealps
    """


@receipt.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--against", "site", metavar="SITE|DIR", help="Compare with what it holds now.")
@click.option(
    "--key",
    "key_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Public key of a signer that you trust; besides your own, and those in trusted-keys/ "
    "beside the configuration.",
)
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def verify(
    session: Session, /, file: Path, site: str | None, key_files: tuple[Path, ...], output: str
) -> None:
    """Check a receipt's signature and log; with --against, also the target itself.

    Nothing is written anywhere.

    \b
    Examples:
      poya receipt verify gele.receipt.json --key alice.pub
      poya receipt verify gele.receipt.json --against prealps
    """
    from poya.bootstrap import Workshop
    from poya.cli.asynchronous import run_async
    from poya.cli.receipt.certificates import (
        compare,
        read_receipt,
        tell,
        tell_comparison,
        trusted_keys,
    )
    from poya.receipts import check_seal

    workshop = Workshop(session.settings)
    found = read_receipt(file)
    key = check_seal(found, trusted_keys(session, workshop, key_files))
    gap = workshop.runs.ledger.gap_before(file.absolute())
    comparison = run_async(compare(workshop, found, site)) if site is not None else None
    if output == "json":
        told: dict[str, object] = {
            "run": found.run,
            "state": found.state,
            "signed_by": key.fingerprint,
            "gap": gap,
        }
        if comparison is not None:
            told["compared"] = comparison.compared
            told["unsettled"] = comparison.unsettled
        click.echo(json.dumps(told, indent=2))
        return
    tell(found, key, gap)
    if comparison is not None and site is not None:
        tell_comparison(comparison, site)
