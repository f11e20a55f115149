# SPDX-License-Identifier: Apache-2.0
"""Making receipts and looking at them, behind `migrate receipt` and `receipt verify`."""

from __future__ import annotations

from pathlib import Path

import click

from poya.bootstrap import Workshop
from poya.cli.session import Session
from poya.cli.text import count, printable
from poya.errors import UsageError, VerificationFailed
from poya.migration.certifying import compare_with_target, receipt_of
from poya.receipts import (
    PublicKey,
    Receipt,
    decode_receipt,
    load_public_key,
    own_key,
    public_keys_in,
    sealed,
)

_MOST_SHOWN = 8


def make_receipt(
    session: Session, run_id: str, output: Path | None, key_file: Path | None
) -> None:
    """Certify a finished run: keep the receipt in the ledger, and copy it where it is wanted."""
    workshop = Workshop(session.settings)
    key = own_key(key_file or workshop.runs.key_path)
    with workshop.runs.look_at(run_id) as (run, _):
        bare = receipt_of(run)
    path = workshop.runs.ledger.add(bare, lambda receipt: sealed(receipt, key))
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


async def compare(workshop: Workshop, receipt: Receipt, site: str) -> int:
    """Compare a receipt with what a site holds now; answers how many things were compared.

    Raises:
        VerificationFailed: Something differs.
    """
    async with workshop.target(workshop.place(site), read_only=True) as opener:
        target = opener(None)
        mismatches = await compare_with_target(receipt, target)
    if mismatches:
        listed = [f"{m.subject}: {m.message}" for m in mismatches[:_MOST_SHOWN]]
        more = len(mismatches) - len(listed)
        raise VerificationFailed(
            f"{target.label} is not as the receipt of {receipt.run} says in "
            f"{count(len(mismatches), 'place')}.",
            why="\n".join([*listed, *([f"and {more} more"] if more > 0 else [])]),
            todo="Somebody changed it since, or it is another site than "
            f"{receipt.target}, which the receipt is about.",
        )
    artifacts = sum(1 + len(image.artifacts) for image in receipt.images)
    return artifacts + len(receipt.entities)


def tell(receipt: Receipt, key: PublicKey, *, gap: str, site: str | None, compared: int) -> None:
    """Say what a good receipt is about."""
    requests = count(len(receipt.requests()), "request")
    lines = [
        f"Receipt of the run {receipt.run}: genuine",
        f"  vCluster {receipt.vcluster}: {receipt.state}",
        f"  from {receipt.source} to {receipt.target}",
        f"  by {receipt.operator or 'somebody'} with {receipt.tool}, {receipt.started}",
        f"  signed by {key.fingerprint}, {receipt.made}",
        f"  {count(len(receipt.images), 'image')}, {count(len(receipt.entities), 'record')}, "
        f"{requests} in {len(receipt.log)} log entries",
    ]
    if gap:
        lines.append(f"  Beware, the ledger has a gap: {gap}")
    if site is not None:
        lines.append(f"  {count(compared, 'thing')} at {site} compared, all as certified")
    for line in lines:
        click.echo(printable(line))
