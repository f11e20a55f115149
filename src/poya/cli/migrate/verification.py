# SPDX-License-Identifier: Apache-2.0
"""`migrate verify`: read back what a run brought, and say whether it is as planned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import click

from poya.bootstrap import Place, Workshop
from poya.cli.asynchronous import run_async
from poya.cli.delivering import refuse_carried
from poya.cli.session import Session
from poya.cli.text import count, printable, size
from poya.cli.views.summary import answer_lines
from poya.errors import NotFound
from poya.migration import carrying
from poya.migration.carrying import Run
from poya.migration.verifying import Verification


@dataclass(frozen=True, slots=True)
class _Found:
    """What a verification found; `read_bytes` is None unless every byte was read."""

    run: str
    target: str
    verification: Verification
    read_bytes: int | None

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "target": self.target,
            "checked": self.verification.checked,
            "read_bytes": self.read_bytes,
            "answers": dict(self.verification.answers),
            "mismatches": [
                {"subject": m.subject, "message": m.message} for m in self.verification.mismatches
            ],
        }


def verify_run(session: Session, name: str, *, deep: bool, as_json: bool) -> None:
    """Read back what a run brought; a vCluster's name means the last run that brought it.

    Raises:
        VerificationFailed: Something differs.
    """
    workshop = Workshop(session.settings)
    run_id = _run_of(workshop, name)
    found = run_async(_verify(workshop, run_id, deep=deep))
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    carrying.refuse_mismatches(found.run, found.target, found.verification)
    if not as_json:
        _say(found)


def _say(found: _Found) -> None:
    checked = count(found.verification.checked, "thing")
    click.echo(f"{checked} read back from {found.target}, all as planned.")
    if found.read_bytes is not None:
        click.echo(f"{size(found.read_bytes)} of images read and compared by md5.")
    for template, answer in found.verification.answers.items():
        for line in answer_lines(found.target, template, answer):
            click.echo(printable(line))


def _run_of(workshop: Workshop, name: str) -> str:
    try:
        return workshop.runs.store.find(name).run
    except NotFound:
        for run in reversed(workshop.runs.all_facts()):
            if run.get("vcluster") == name and run.get("state") == "applied":
                return run["run"]
        raise


async def _verify(workshop: Workshop, run_id: str, *, deep: bool) -> _Found:
    with workshop.runs.look_at(run_id) as (run, (_, there)):
        refuse_carried(run.journal.facts(), there, "it is verified there")
        async with workshop.target(there, read_only=True) as opener:
            target = opener(None)
            found = await carrying.look(run, target)
            read_bytes = None
            if deep:
                read_bytes, damaged = await _read_all(workshop, run, there)
                found = found.with_more(damaged)
        return _Found(run.id, target.label, found, read_bytes)


async def _read_all(workshop: Workshop, run: Run, there: Place) -> tuple[int, list[Any]]:
    from poya.migration.applying import target_id
    from poya.migration.deep import read_all

    def tell(artifact: str, read_bytes: int) -> None:
        click.echo(printable(f"read {artifact}, {size(read_bytes)}"), err=True)

    async with (
        workshop.target(there, read_only=True) as opener,
        workshop.source(there) as source,
    ):
        target, stored = opener(None), {}
        for image in run.plan.images:
            held = await target.read_image(target_id(run.journal, image))
            if held is not None and held.manifest is not None:
                stored[image.source_id] = held.manifest.artifacts
        return await read_all(run, source, stored, tell)
