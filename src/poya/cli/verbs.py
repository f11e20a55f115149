# SPDX-License-Identifier: Apache-2.0
"""Groups of verbs: help that tells the whole first sentence of each, and near misses named."""

from __future__ import annotations

import difflib

import click

_WHOLE = 1000


class Verbs(click.Group):
    """A group of commands."""

    def summary_of(self, ctx: click.Context, name: str) -> str:
        """One sentence on a verb, never cut short."""
        command = self.get_command(ctx, name)
        return command.get_short_help_str(_WHOLE) if command else ""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs with a sentence each."""
        rows = [(name, self.summary_of(ctx, name)) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, and say which verb may have been meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not close:
                raise
            text = f"{error.message} Did you mean '{close[0]}'?"
            raise click.UsageError(text, ctx) from error
