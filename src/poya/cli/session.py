# SPDX-License-Identifier: Apache-2.0
"""What every command is given: the configuration, and whether somebody is at the terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poya.settings import Settings


@dataclass(frozen=True)
class Session:
    """The options of the root command."""

    config_file: str | None = None
    site: str | None = None
    debug: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The configuration, read when it is first needed."""
        from poya.settings import load_settings

        return load_settings(self.config_file)


def can_ask() -> bool:
    """Say whether a question would reach a person."""
    return sys.stdin.isatty() and sys.stderr.isatty()
