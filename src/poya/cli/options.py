# SPDX-License-Identifier: Apache-2.0
"""The options that verbs have in common, and what they amount to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from poya.cli.moving import moving_of

if TYPE_CHECKING:
    from poya.cli.flow import Wishes
    from poya.model.declaration import Declaration
    from poya.model.intent import Intent
    from poya.model.mapping_file import SiteMapping
    from poya.model.vcluster import Selector
    from poya.settings import Settings

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
        click.option(
            "--file", metavar="FILE", help="The vCluster's own file, which selects it, too."
        ),
    )


def intent(command: _Command) -> _Command:
    """What the operator wants beyond "bring it there"."""
    return _with(
        mapping_options(command),
        click.option(
            "--nodes",
            metavar="LIST|FILE",
            help="The target's nodes: a host list (x9000c1s[0-3]b0n0,…), a file with a pair "
            "'source target' a line, a demand ('4 nodes where a100 >= 4', a100:4:epyc:10), or "
            "'auto': nodes like the source's.",
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
        click.option(
            "--look-inside/--no-look-inside",
            "looks_inside",
            default=True,
            show_default=True,
            help="Look into kernels, initrds and root file systems, and check what they hold.",
        ),
    )


def mapping_options(command: _Command) -> _Command:
    """What is called or addressed otherwise at the target."""
    return _with(
        command,
        click.option(
            "--mapping",
            "mappings",
            multiple=True,
            metavar="FILE",
            help="What is called or addressed otherwise at the target ('poya migrate map').",
        ),
        click.option(
            "--map",
            "mapped",
            multiple=True,
            metavar="TABLE:OLD=NEW",
            help="The same for one name: templates, groups, configurations, images, tenants, "
            "hosts, urls, sources, domains, words or nodes.",
        ),
    )


def consent(command: _Command) -> _Command:
    """What answers the questions."""
    return _with(
        command,
        click.option("--yes", "-y", is_flag=True, help="Answer every question with yes."),
        click.option(
            "--accept",
            multiple=True,
            metavar="ID",
            help="Accept a warning by its id, or all; with a demand, also take nodes in spite of "
            "a reason (locked, group:LABEL …).",
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


def selector_of(name: str, templates: tuple[str, ...], file: str | None = None) -> Selector:
    """What the operator selects.

    Raises:
        UsageError: Nothing, or the same twice.
    """
    from poya.model.vcluster import Selector

    if file:
        if name or templates:
            raise click.UsageError("--file names the vCluster; leave out NAME and --template.")
        declared = declared_in(file)
        return Selector(name=declared.group, templates=declared.templates)
    if not name and not templates:
        raise click.UsageError("Name the vCluster (its HSM group), or give --template or --file.")
    return Selector(name=name, templates=templates)


def declared_in(file: str) -> Declaration:
    """What a `vcluster.toml` says."""
    from pathlib import Path

    from poya.files import read_given
    from poya.model.declaration import parse_declaration

    return parse_declaration(read_given(Path(file), "vCluster's file").decode("utf-8", "replace"))


def intent_of(options: dict[str, Any]) -> Intent:
    """The intent that the options of `intent` express."""
    from dataclasses import replace

    from poya.cli.asking import parse_policies
    from poya.cli.flow import read_option_file
    from poya.model.intent import Intent, NodeChoice, is_demand, parse_node_choice

    mapping = mapping_of(options)
    nodes = options.get("nodes")
    choice = NodeChoice(pairs=mapping.nodes) if mapping.nodes else None
    demand = ""
    if nodes:
        text = read_option_file(nodes, "node list")
        demand = text.strip() if is_demand(text) else ""
        choice = None if demand else parse_node_choice(text)
    policies = parse_policies(options["on_conflict"])
    wanted = Intent(
        nodes=choice,
        policies=policies,
        mapping=mapping.rules,
        demand=demand,
        looks_inside=options["looks_inside"],
    )
    file = options.get("file")
    return replace(wanted, declared=declared_in(file)) if file else wanted


def mapping_of(options: dict[str, Any]) -> SiteMapping:
    """The mapping that `--mapping` and `--map` make together, in this order."""
    from pathlib import Path

    from poya.files import read_given
    from poya.model.mapping_file import joined, parse_mapping, parse_mapping_options

    texts = [read_given(Path(name), "mapping") for name in options["mappings"]]
    files = [parse_mapping(text.decode("utf-8", "replace")) for text in texts]
    return joined([*files, parse_mapping_options(options["mapped"])])


def wishes_of(options: dict[str, Any], settings: Settings) -> Wishes:
    """The wishes that the options of `wish_options` express; the configuration has the rest."""
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
        moving=moving_of(options, settings),
    )


def _with(command: _Command, *options: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
