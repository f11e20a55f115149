# SPDX-License-Identifier: Apache-2.0
"""What the configuration says of moving bytes (`[transfer]`): what holds where no option is given.

Texts are kept as they were written; whoever moves bytes knows what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass

from poya.errors import ConfigError
from poya.settings.tables import refuse_unknown, text_of

_KEYS = frozenset("bandwidth parallel memory delta".split())
DELTA_MODES = ("auto", "always", "never")
MOST_PARALLEL = 256


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """What holds for transfers where no option says otherwise.

    Attributes:
        bandwidth: A rate or a timetable, as `--bandwidth` takes it; empty is no limit.
        parallel: At most so many requests at once, each way; None leaves it to the engine.
        memory: For the whole process, as `--memory` takes it; empty is the usual.
        delta: One of `DELTA_MODES`.
    """

    bandwidth: str = ""
    parallel: int | None = None
    memory: str = ""
    delta: str = "auto"


def read_transfer(table: object) -> TransferSettings:
    """Read the `[transfer]` table.

    Raises:
        ConfigError: It says something impossible.
    """
    where = "[transfer]"
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is not a table.")
    refuse_unknown(table, _KEYS, where)
    delta = text_of(table, "delta", where) or "auto"
    if delta not in DELTA_MODES:
        raise ConfigError(f"{where}: delta is '{delta[:40]}'.", todo=f"Use {_or(DELTA_MODES)}.")
    return TransferSettings(
        bandwidth=text_of(table, "bandwidth", where) or "",
        parallel=_parallel(table.get("parallel"), where),
        memory=text_of(table, "memory", where) or "",
        delta=delta,
    )


def _parallel(value: object, where: str) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= MOST_PARALLEL:
        raise ConfigError(f"{where}: parallel is no number from 1 to {MOST_PARALLEL}.")
    return value


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
