# SPDX-License-Identifier: Apache-2.0
"""What happens during a run, as values; every view (terminal, JSON lines) is made of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias


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
class TransferStarted:
    """Bytes are about to move: each artifact's label and size."""

    sizes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class TransferAdvanced:
    """More bytes of one artifact are at the target and verified.

    Attributes:
        moved_bytes: How many of these went over the wire; the rest was there already.
    """

    label: str
    done_bytes: int
    moved_bytes: int


@dataclass(frozen=True, slots=True)
class TransferRetried:
    """A request is tried again."""

    label: str
    reason: str
    wait_s: float


@dataclass(frozen=True, slots=True)
class TransferFinished:
    """One artifact is complete at the target."""

    label: str


Event: TypeAlias = (
    StepStarted
    | StepFinished
    | TransferStarted
    | TransferAdvanced
    | TransferRetried
    | TransferFinished
)
Listener: TypeAlias = Callable[[Event], None]


def silent(_: Event) -> None:
    """Listen to nothing."""
