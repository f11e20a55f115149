# SPDX-License-Identifier: Apache-2.0
"""Certificates that end: what a site answers with, and who vouches for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Ending:
    """A certificate's last day.

    Attributes:
        what: Whose it is, in words (`the gateway's certificate`).
        day: As `2026-11-30` (UTC).
        days_left: Whole days from when it was looked at; negative where it has ended.
    """

    what: str
    day: str
    days_left: int
