# SPDX-License-Identifier: Apache-2.0
"""The runs of this operator: started, opened again, looked at."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from poya import __version__
from poya.bootstrap.places import OutgoingPlace, Place, SurveyPlace, decode_place, encode_place
from poya.documents import canonical, parse
from poya.errors import Locked, PoyaError, UsageError
from poya.journal import Journal, RunFiles, RunStore, hold, new_id, this_process
from poya.migration.carrying import Run
from poya.migration.certifying import receipt_of
from poya.migration.evicting import Occupation, occupation_of
from poya.migration.witnessing import Gate
from poya.model.plan import Plan, decode_plan
from poya.receipts import Ledger, own_key

_LOGGER = logging.getLogger("poya.receipts")


class Runs:
    """Starts and finds runs, and holds their locks.

    Attributes:
        gate: Nothing is written to a live target but in the name of a run that holds its journal.
    """

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self.gate = Gate()

    @contextmanager
    def start(self, plan: Plan, places: tuple[Place, Place]) -> Iterator[Run]:
        """Start a run of a plan, holding its lock and the target vCluster's.

        Raises:
            UsageError: The source is a survey, which holds no bytes to move.
        """
        if isinstance(places[0], SurveyPlace):
            raise UsageError(
                f"{places[0]} is a survey: it can be planned from, and holds no files to move.",
                todo="Save the plan (poya migrate plan -o FILE), then: poya apply FILE",
            )
        facts = _first_facts(plan, places)
        run_id, purpose = new_id(plan.vcluster), f"bringing {plan.vcluster} to {plan.target}"
        with hold(self._target_lock(facts), purpose, run_id):
            secrets = [canonical(secret) for secret in plan.secrets().values()]
            files, journal = self.store.start(run_id, plan.encode(), facts, secrets)
            with hold(files.lock, purpose, run_id) as holder:
                try:
                    journal.take(holder.as_facts())
                    run = Run(files.run, plan, journal)
                    with self.gate.opened(journal), self._certifying(run):
                        yield run
                finally:
                    journal.close()

    @contextmanager
    def open(self, run_id: str) -> Iterator[tuple[Run, tuple[Place, Place]]]:
        """Open a run to go on with it or to undo it, holding both locks."""
        files = self.store.find(run_id)
        purpose = f"run {files.run}"
        with (
            hold(files.lock, purpose, files.run) as holder,
            self.look_at(files.run) as (run, places),
            hold(self._target_lock(run.journal.facts()), purpose, files.run),
        ):
            run.journal.take(holder.as_facts())
            with self.gate.opened(run.journal), self._certifying(run):
                yield run, places

    @contextmanager
    def _certifying(self, run: Run) -> Iterator[None]:
        """Keep a receipt of what the block did, however it ends; the evicted certify nothing."""
        try:
            yield
        except Locked:
            raise
        except BaseException:
            self._certify(run)
            raise
        self._certify(run)

    def _certify(self, run: Run) -> None:
        try:
            self.ledger.add(receipt_of(run), own_key(self.key_path))
        except PoyaError as error:
            _LOGGER.warning(
                "No receipt was kept: %s\n'poya migrate receipt %s' makes it.",
                " ".join((error.what, error.why)).strip(),
                run.id,
            )

    @contextmanager
    def look_at(self, run_id: str) -> Iterator[tuple[Run, tuple[Place, Place]]]:
        """Open a run to read it; anybody may do so at any time."""
        files = self.store.find(run_id)
        journal = Journal.open(files.journal)
        try:
            facts = journal.facts()
            places = (decode_place(facts["source"]), decode_place(facts["target"]))
            yield Run(files.run, _read_plan(files, facts), journal), places
        finally:
            journal.close()

    def facts_of(self, run_id: str) -> dict[str, str]:
        """What is known of a run as a whole; read without looking at all else in its journal."""
        journal = Journal.open(self.store.find(run_id).journal, is_audited=False)
        try:
            return journal.facts()
        finally:
            journal.close()

    def all_facts(self) -> list[dict[str, str]]:
        """What is known of every run, the newest last.

        A run whose journal cannot be read is in the state `damaged`, and says why.
        """
        return [self._facts_or_damage(name) for name in self.store.names()]

    def _facts_or_damage(self, name: str) -> dict[str, str]:
        try:
            return self.facts_of(name)
        except PoyaError as error:
            return {"run": name, "state": "damaged", "stopped_because": str(error)}

    @property
    def key_path(self) -> Path:
        """The operator's signing key; it need not be there yet."""
        return self.store.state / "keys" / "receipts.pem"

    @property
    def ledger(self) -> Ledger:
        """All receipts of this operator."""
        return Ledger(self.store.state / "receipts")

    def target_lock_of(self, run_id: str) -> Path:
        """The lock of the vCluster that a run is about."""
        return self._target_lock(self.facts_of(run_id))

    def occupation(self, run_id: str) -> Occupation:
        """Who works on a run, and on the vCluster that it is about."""
        return occupation_of(self.store.find(run_id), self.target_lock_of(run_id))

    @property
    def chunks(self) -> Path:
        """What is kept in mind of files that were moved; a cache, safe to delete."""
        return self.store.state / "chunks"

    def pace_file(self, run_id: str) -> Path:
        """Where a bandwidth limit is left for the process that carries out a run."""
        return self.store.find(run_id).pace

    def _target_lock(self, facts: Mapping[str, str]) -> Path:
        return self.store.target_lock(facts["target_label"], facts["vcluster"])


def _first_facts(plan: Plan, places: tuple[Place, Place]) -> dict[str, str]:
    """What is known of a run before it begins."""
    me = this_process("")
    # A bundle that is made in a working directory is not there before it was carried.
    carried = {"carried": "no"} if isinstance(places[1], OutgoingPlace) else {}
    return {
        **carried,
        "vcluster": plan.vcluster,
        "source_label": plan.source,
        "target_label": plan.target,
        "source": encode_place(places[0]),
        "target": encode_place(places[1]),
        "plan_digest": plan.digest(),
        "state": "planned",
        "operator": f"{me.user}@{me.host}",
        "tool": f"poya {__version__}",
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _read_plan(files: RunFiles, facts: Mapping[str, str]) -> Plan:
    try:
        raw = files.plan.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The plan of the run {files.run} cannot be read.", why=str(error)
        ) from error
    # Of the bytes as they were approved: a newer poya's plans have more fields than these.
    if hashlib.sha256(raw).hexdigest() != facts["plan_digest"]:
        raise UsageError(f"The plan of the run {files.run} is not the one that was approved.")
    plan = decode_plan(raw)
    secrets = {one.digest: files.vault.find(one.digest) for one in plan.withheld}
    known = {digest: parse(secret) for digest, secret in secrets.items() if secret is not None}
    # Whoever only looks at a run can do without.
    return plan.unsealed(known) if known.keys() == secrets.keys() else plan
