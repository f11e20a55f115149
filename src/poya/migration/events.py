# SPDX-License-Identifier: Apache-2.0
"""What happens during a run, as values; every view (terminal, JSON lines) is made of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from poya import transfer


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step is about to act."""

    step: str
    title: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step is through.

    Attributes:
        result: `done` wrote; `already` found the target as planned.
    """

    step: str
    title: str
    result: Literal["done", "already"]


@dataclass(frozen=True, slots=True)
class MoveStarted:
    """Artifacts are about to move.

    Attributes:
        sizes: For each, the name that the engine's events use, what people call it, its bytes.
    """

    sizes: tuple[tuple[str, str, int], ...]


Event: TypeAlias = "StepStarted | StepFinished | MoveStarted | transfer.Event"
Listener: TypeAlias = Callable[[Event], None]


def silent(_: Event) -> None:
    """Listen to nothing."""
