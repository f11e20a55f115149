# SPDX-License-Identifier: Apache-2.0
"""What every command is given: the configuration, and whether somebody is at the terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import click

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
        """The configuration, read when it is first needed; if there is none, one to start from."""
        from poya.settings import configuration_path, load_settings

        settings = load_settings(self.config_file)
        if not settings.path.exists():
            from poya.settings.first_use import write_first_configuration

            if write_first_configuration(configuration_path(self.config_file)):
                click.echo(f"Wrote a configuration to start from: {settings.path}", err=True)
        return settings


def can_ask() -> bool:
    """Say whether a question would reach a person."""
    return sys.stdin.isatty() and sys.stderr.isatty()
