# SPDX-License-Identifier: Apache-2.0
"""The root command. Each verb's module is imported only when it runs: start-up is a feature."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping

import click

from poya import __version__
from poya.cli.session import Session
from poya.cli.verbs import Verbs
from poya.errors import EXIT_BUG, Cancelled, PoyaError

EXIT_CANCELLED = Cancelled.exit_code

# name → module, attribute, one line of help
COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "apply": ("poya.cli.apply", "apply", "Carry out a plan that was kept."),
    "check": ("poya.cli.check", "check", "Look for all that would go wrong; write nothing."),
    "config": ("poya.cli.config", "config", "Show the configuration, choose the current site."),
    "describe": ("poya.cli.describe", "describe", "Show a vCluster with all that it leads to."),
    "diff": ("poya.cli.diff", "diff", "Compare two vClusters by what they mean."),
    "get": ("poya.cli.get", "get", "List what a site holds."),
    "login": ("poya.cli.login", "login", "Log in to a site."),
    "logout": ("poya.cli.login", "logout", "End the login at a site."),
    "whoami": ("poya.cli.login", "whoami", "Show who a site takes us for."),
    "migrate": ("poya.cli.migrate", "migrate", "Move, back up or restore a vCluster."),
    "placement": ("poya.cli.placement", "placement", "Choose nodes by what they are made of."),
    "bundle": ("poya.cli.bundle", "bundle", "Look at, check and carry bundles."),
    "receipt": ("poya.cli.receipt", "receipt", "Check the signed record of a run."),
    "show": ("poya.cli.show", "show", "Show a plan or a survey that was kept."),
    "survey": ("poya.cli.survey", "survey", "Keep what planning must know of a site."),
    "group": ("poya.cli.group", "group", "Make, grow and shrink groups by what nodes must be."),
    "lab": ("poya.cli.lab", "lab", "Run emulated sites to learn and rehearse on."),
}


class LazyVerbs(Verbs):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def summary_of(self, ctx: click.Context, name: str) -> str:
        """The line above, so that help imports no verb."""
        return COMMANDS[name][2]


_EPILOG = """\b
Examples:
  poya lab demo                                      see it work
  poya check gele --from alps --to prealps           would it work there?
  poya migrate run gele --from alps --to prealps     move a vCluster
  poya migrate backup -b TEMPLATE -d DIR             keep one in a directory
  poya get templates --site alps                     look around

\b
Exit status: 0 done, 2 usage, 10 findings refuse, 11 conflict, 12 stopped
part-way, 13 verification failed, 14 cancelled, 15 locked, 16 authentication,
17 unreachable, 70 a bug of poya.
"""


@click.group(
    cls=LazyVerbs,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
)
@click.version_option(__version__, message="poya %(version)s")
@click.option("--config", "config_file", metavar="FILE", help="The configuration to use.")
@click.option("--site", metavar="NAME", help="The site to use instead of the current one.")
@click.option("--debug", is_flag=True, help="Log requests, and show tracebacks.")
@click.pass_context
def root(ctx: click.Context, config_file: str | None, site: str | None, debug: bool) -> None:
    """Lead a vCluster from one HPC site to another.

    poya plans before it writes, moves no byte twice, can be stopped at any point and resumed,
    verifies what it did, and can take it back.
    """
    ctx.obj = Session(config_file=config_file, site=site, debug=debug)
    if debug:
        _log_requests()


def run(args: list[str] | None = None) -> int:
    """Run the command line; every outcome becomes an exit status here and nowhere else."""
    try:
        result = root.main(args=args, prog_name="poya", standalone_mode=False)
    except PoyaError as error:
        _show(error)
        return error.exit_code
    except click.exceptions.Abort:
        click.echo("Cancelled.", err=True)
        return EXIT_CANCELLED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)
        return EXIT_CANCELLED
    except BrokenPipeError:
        # The reader of our output went away (`poya get … | head`): nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost loop: a bug becomes a status
        _show_bug(error)
        return EXIT_BUG
    return result if isinstance(result, int) else 0


def _show(error: PoyaError) -> None:
    from poya.cli.text import printable, wrapped

    what, *rest = error.lines()
    first = wrapped(f"Error: {printable(what)}").removeprefix("Error:")
    click.echo(f"{click.style('Error:', fg='red', bold=True)}{first}", err=True)
    for line in "\n".join(rest).splitlines():
        click.echo(wrapped(printable(line), "  "), err=True)
    if _debugging():
        click.echo("".join(traceback.format_exception(error)), err=True)


def _show_bug(error: Exception) -> None:
    click.echo(f"Error: poya has a bug: {type(error).__name__}.", err=True)
    if _debugging():
        click.echo("".join(traceback.format_exception(error)), err=True)
    else:
        click.echo("  Run it with --debug before the verb, and report what it shows.", err=True)


def _debugging() -> bool:
    return "--debug" in sys.argv or bool(os.environ.get("POYA_DEBUG"))


def _log_requests() -> None:
    import logging

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    logger = logging.getLogger("poya")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
