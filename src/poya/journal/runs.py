# SPDX-License-Identifier: Apache-2.0
"""Where runs live: `<state>/runs/<run id>/{plan.json,journal.db,lock,secrets/}`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from poya.errors import NotFound, UsageError
from poya.files import sync_directory, write_new
from poya.journal.store import SECRETS, Journal
from poya.journal.vault import Vault

_UNSAFE = re.compile(r"[^a-z0-9.-]+")
_RUN_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,120}")
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one run."""

    run: str
    directory: Path

    @property
    def plan(self) -> Path:
        """The plan that the run carries out, as it was approved."""
        return self.directory / "plan.json"

    @property
    def journal(self) -> Path:
        """What was done."""
        return self.directory / "journal.db"

    @property
    def vault(self) -> Vault:
        """What the plan and the journal do not tell."""
        return Vault(self.directory / SECRETS)

    @property
    def pace(self) -> Path:
        """The bandwidth limit that somebody set while it runs; usually absent."""
        return self.directory / "pace"

    @property
    def lock(self) -> Path:
        """Held while somebody works on the run."""
        return self.directory / "lock"


@dataclass(frozen=True, slots=True)
class RunStore:
    """All runs of this operator."""

    state: Path

    @property
    def directory(self) -> Path:
        """The directory of the runs."""
        return self.state / "runs"

    def start(
        self, run: str, plan: bytes, facts: Mapping[str, str], secrets: Iterable[bytes] = ()
    ) -> tuple[RunFiles, Journal]:
        """Make a new run, of an id from `new_id`, with its plan and an empty journal.

        Args:
            secrets: What the plan does not tell, and the run needs.

        Raises:
            UsageError: The state directory cannot be written.
        """
        files = RunFiles(run, self.directory / run)
        try:
            files.directory.mkdir(parents=True, mode=0o700)
            sync_directory(self.directory)
            for secret in secrets:
                files.vault.keep(secret)
            write_new(files.plan, plan)
            journal = Journal.create(files.journal, {"run": run, **facts})
        except OSError as error:
            raise UsageError(
                f"The run's directory {files.directory} cannot be written.",
                why=f"{error.strerror or error}",
                todo="Give XDG_STATE_HOME a directory with room that you may write.",
            ) from error
        return files, journal

    def find(self, run: str) -> RunFiles:
        """Find a run by its id, or by the beginning of it where only one run begins so.

        Raises:
            NotFound: No run, or several, are called so.
        """
        names = [name for name in self.names() if name == run] or [
            name for name in self.names() if name.startswith(run)
        ]
        if len(names) != 1 or not _RUN_ID.fullmatch(run):
            raise NotFound(
                f"There is no run '{run[:80]}'." if not names else f"'{run}' is not one run.",
                why=", ".join(names[:5]),
                todo="'poya migrate list' shows the runs.",
            )
        return RunFiles(names[0], self.directory / names[0])

    def names(self) -> list[str]:
        """The ids of all runs, the newest last."""
        if not self.directory.is_dir():
            return []
        found = [d for d in self.directory.iterdir() if (d / "journal.db").exists()]
        return [d.name for d in sorted(found, key=_started)]

    def target_lock(self, target: str, vcluster: str) -> Path:
        """The lock of one vCluster at one target."""
        return self.state / "locks" / f"{_safe(target)}--{_safe(vcluster)}.lock"


def _started(directory: Path) -> tuple[int, str]:
    """When the run began: its plan is written once, while SQLite touches the directory often."""
    plan = directory / "plan.json"
    return (plan.stat().st_mtime_ns if plan.exists() else 0), directory.name


def new_id(name: str) -> str:
    """An id for a new run that brings the vCluster `name`."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return f"{_safe(name)}-{stamp}-{token_hex(2)}"


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name.lower()).strip("-.")[-_LONGEST_NAME:].strip("-.") or "vcluster"
