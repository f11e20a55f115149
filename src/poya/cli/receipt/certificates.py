# SPDX-License-Identifier: Apache-2.0
"""Making receipts and looking at them, behind `migrate receipt` and `receipt verify`."""

from __future__ import annotations

from pathlib import Path

import click

from poya.bootstrap import Workshop
from poya.cli.session import Session
from poya.cli.text import count, printable
from poya.errors import Locked, UsageError, VerificationFailed
from poya.migration.certifying import receipt_of
from poya.migration.comparing import Comparison, compare_with_target
from poya.receipts import (
    PublicKey,
    Receipt,
    decode_receipt,
    load_public_key,
    own_key,
    public_keys_in,
    read_signing_key,
)

_ENDS = {
    "applied": "done",
    "stopped": "stopped part-way",
    "interrupted": "part-way, its process ended without a word",
    "part undone": "undone in part",
    "undone": "undone",
}
_MOST_SHOWN = 8


def make_receipt(
    session: Session, run_id: str, output: Path | None, key_file: Path | None
) -> None:
    """Certify what a run did: keep the receipt in the ledger, and copy it where it is wanted.

    Raises:
        Locked: Somebody works on the run just now.
    """
    workshop = Workshop(session.settings)
    key = read_signing_key(key_file) if key_file else own_key(workshop.runs.key_path)
    run_id = workshop.runs.store.find(run_id).run
    occupation = workshop.runs.occupation(run_id)
    if occupation.is_held():
        raise Locked(
            f"The run {run_id} is under way; what it did is certified once it ends.",
            why=f"Held by {occupation.run.holder}.",
            todo=f"'poya migrate watch {run_id}' follows it.",
        )
    with workshop.runs.look_at(run_id) as (run, _):
        path = workshop.runs.ledger.add(receipt_of(run), key)
    content = path.read_bytes()
    if output is None:
        click.echo(content, nl=False)
    else:
        _copy(content, output)
    click.echo(f"Signed by {key.public.fingerprint}; kept as {path}", err=True)


def _copy(content: bytes, output: Path) -> None:
    try:
        output.write_bytes(content)
    except OSError as error:
        raise UsageError(f"The receipt cannot be written to {output}.", why=str(error)) from error


def read_receipt(path: Path) -> Receipt:
    """Read a receipt's file.

    Raises:
        UsageError: It cannot be read, or is no receipt.
        DataDamaged: It was edited.
    """
    try:
        return decode_receipt(path.read_bytes())
    except OSError as error:
        raise UsageError(f"The receipt {path} cannot be read.", why=str(error)) from error


def trusted_keys(session: Session, workshop: Workshop, files: tuple[Path, ...]) -> list[PublicKey]:
    """The operator's own key if there is one, those beside the configuration, those named."""
    own = workshop.runs.key_path.with_suffix(".pub")
    mine = [load_public_key(own)] if own.exists() else []
    beside = public_keys_in(session.settings.path.parent / "trusted-keys")
    return [*mine, *beside, *(load_public_key(path) for path in files)]


async def compare(workshop: Workshop, receipt: Receipt, site: str) -> Comparison:
    """Compare a receipt with what a site holds now.

    Raises:
        VerificationFailed: Something differs.
    """
    async with workshop.target(workshop.place(site), read_only=True) as opener:
        target = opener(None)
        comparison = await compare_with_target(receipt, target)
    if mismatches := comparison.mismatches:
        listed = [f"{m.subject}: {m.message}" for m in mismatches[:_MOST_SHOWN]]
        more = len(mismatches) - len(listed)
        raise VerificationFailed(
            f"{target.label} is not as the receipt of {receipt.run} says in "
            f"{count(len(mismatches), 'place')}.",
            why="\n".join([*listed, *([f"and {more} more"] if more > 0 else [])]),
            todo="Somebody changed it since, or it is another site than "
            f"{receipt.target}, which the receipt is about.",
        )
    return comparison


def tell(receipt: Receipt, key: PublicKey, gap: str) -> None:
    """Say what a genuine receipt is about."""
    requests = count(len(receipt.requests()), "request")
    lines = [
        f"Receipt of the run {receipt.run}: genuine",
        f"  vCluster {receipt.vcluster}: {_ENDS[receipt.state]}",
        f"  from {receipt.source} to {receipt.target}",
        f"  by {receipt.operator or 'somebody'} with {receipt.tool}, {receipt.started}",
        f"  signed by {key.fingerprint}, {receipt.made}",
        f"  {count(len(receipt.images), 'image')}, {count(len(receipt.entities), 'record')}, "
        f"{requests} in a log of {len(receipt.log)}",
    ]
    if gap:
        lines.append(f"  Beware, the ledger has a gap: {gap}")
    for line in lines:
        click.echo(printable(line))


def tell_comparison(comparison: Comparison, site: str) -> None:
    """Say what was found at the target, all of it as certified."""
    compared = count(comparison.compared, "thing")
    click.echo(printable(f"  {compared} at {site} compared, all as certified"))
    for subject in comparison.unsettled:
        click.echo(printable(f"  not certified, it was under way: {subject}"))
