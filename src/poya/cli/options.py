# SPDX-License-Identifier: Apache-2.0
"""The options that verbs have in common, and what they amount to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from poya.cli.flow import Wishes
    from poya.model.intent import Intent
    from poya.model.vcluster import Selector

_Command = Callable[..., Any]


def ends(command: _Command) -> _Command:
    """The vCluster NAME, and from where to where."""
    return _with(
        command,
        click.argument("name", required=False, default=""),
        click.option("--from", "here", required=True, metavar="SITE|DIR|SURVEY", help="Source."),
        click.option("--to", "there", required=True, metavar="SITE|DIR|SURVEY", help="Target."),
        click.option(
            "--template", "-b", "templates", multiple=True, help="Select by session template."
        ),
    )


def intent(command: _Command) -> _Command:
    """What the operator wants beyond "bring it there"."""
    return _with(
        command,
        click.option(
            "--nodes",
            metavar="LIST|FILE",
            help="The target's nodes: a host list (x9000c1s[0-3]b0n0,…), or a file with a "
            "pair 'source target' a line.",
        ),
        click.option(
            "--on-conflict",
            "on_conflict",
            multiple=True,
            metavar="[KIND=]POLICY",
            help="What to do where the target holds something else under a name: fail, "
            "reuse-if-equal, overwrite or rename; KIND is group, configuration, template or "
            "image.",
        ),
    )


def consent(command: _Command) -> _Command:
    """What answers the questions."""
    return _with(
        command,
        click.option("--yes", "-y", is_flag=True, help="Answer every question with yes."),
        click.option(
            "--accept", multiple=True, metavar="ID", help="Accept a warning by its id, or all."
        ),
        click.option(
            "--strict", is_flag=True, help="Refuse warnings that --accept does not name."
        ),
    )


def text_or_json(command: _Command) -> _Command:
    """How to print it."""
    choice = click.Choice(["text", "json"])
    return click.option("--output", type=choice, default="text", show_default=True)(command)


def wish_options(command: _Command) -> _Command:
    """The options that every verb which writes has in common."""
    command = text_or_json(command)
    command = _with(
        command,
        click.option("--dry-run", "-n", is_flag=True, help="Show the plan and stop."),
        click.option("--pre-hook", default="", metavar="COMMAND", help="Run this before."),
        click.option("--post-hook", default="", metavar="COMMAND", help="Run this after."),
    )
    return intent(consent(command))


def selector_of(name: str, templates: tuple[str, ...]) -> Selector:
    """What the operator selects.

    Raises:
        UsageError: Nothing.
    """
    from poya.model.vcluster import Selector

    if not name and not templates:
        raise click.UsageError("Name the vCluster (its HSM group), or give --template.")
    return Selector(name=name, templates=templates)


def intent_of(options: dict[str, Any]) -> Intent:
    """The intent that the options of `intent` express."""
    from poya.cli.asking import parse_policies
    from poya.cli.flow import read_option_file
    from poya.model.intent import Intent, parse_node_choice

    nodes = options.get("nodes")
    choice = parse_node_choice(read_option_file(nodes, "node list")) if nodes else None
    return Intent(nodes=choice, policies=parse_policies(options["on_conflict"]))


def wishes_of(options: dict[str, Any]) -> Wishes:
    """The wishes that the options of `wish_options` express."""
    from poya.cli.flow import Wishes

    return Wishes(
        intent=intent_of(options),
        yes=options["yes"],
        accepted=frozenset(options["accept"]),
        strict=options["strict"],
        only_plan=options["dry_run"],
        save_as=options.get("out") or "",
        as_json=options["output"] == "json",
        pre_hook=options["pre_hook"],
        post_hook=options["post_hook"],
    )


def _with(command: _Command, *options: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
