# SPDX-License-Identifier: Apache-2.0
"""`poya lab boot`: see whether the nodes of a lab site boot a template, and why not."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poya.cli.lab.place import directory_option
from poya.cli.text import count, printable, wrapped
from poya.errors import PoyaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from poya.lab.remote import SiteControls

_POLL_S = 0.3
_CONSOLE_LINES = 3
_NODES_SHOWN = 4
_SAID_BY = re.compile(r"^\S+ (cfs: \S+: )?")


class NodesFailed(PoyaError):
    """Some nodes of the session did not come up."""

    exit_code = 13


@click.command(
    epilog="""\b
Examples:
  poya lab boot gele-cos-template-23.06.0-1 --site prealps
  poya lab boot gele-cos-template-23.06.0-1 --site prealps --limit x9000c1s1b0n0
  poya lab boot gele-cos-template-23.06.0-1 --site alps --operation shutdown
"""
)
@click.argument("template")
@click.option("--site", required=True, metavar="NAME", help="Which site of the lab.")
@click.option("--limit", default="", metavar="NODES", help="Only these: xnames, groups, roles.")
@click.option("--operation", type=click.Choice(["boot", "reboot", "shutdown"]), default="reboot")
@click.option("--output", type=click.Choice(["table", "json"]), default="table")
@directory_option
def boot(
    template: str, site: str, limit: str, operation: str, output: str, directory: Path | None
) -> None:
    """Run a BOS session at a lab site to its end.

    It is a session as any other: pending, running, complete. What nodes that fail have to say on
    their consoles is shown. Ends with 13 if any node failed.
    """
    from poya.cli.lab.control import controls_of

    controls = controls_of(directory, site)
    name = _begin(controls, template, operation, limit)
    status: dict[str, Any] = {}
    for status in _followed(controls, name):
        _tell(status)
    failed = list(_failed(controls, name))
    if output == "json":
        click.echo(json.dumps({"session": name, "status": status, "failed": failed}, indent=2))
    else:
        _summarise(status, failed)
    _require_success(site, status)


def _require_success(site: str, status: Mapping[str, Any]) -> None:
    if status.get("error") and not status["managed_components_count"]:
        raise NodesFailed(
            f"BOS ended the session at {site} before it touched a node.",
            why=printable(str(status["error"])),
            todo="Mend the template or its image, and boot again.",
        )
    if status["percent_failed"] or status.get("error"):
        raise NodesFailed(
            f"Not all nodes of {site} came up.", todo=f"poya lab console --site {site} XNAME"
        )


def _begin(controls: SiteControls, template: str, operation: str, limit: str) -> str:
    body = {"template_name": template, "operation": operation, "limit": limit}
    return str(controls.call("POST", "/apis/bos/v2/sessions", body)["name"])


def _followed(controls: SiteControls, name: str) -> Iterator[dict[str, Any]]:
    """The status of a session until it is complete."""
    while True:
        session = controls.call("GET", f"/apis/bos/v2/sessions/{name}")
        status: dict[str, Any] = controls.call("GET", f"/apis/bos/v2/sessions/{name}/status")
        yield status | {"error": session["status"]["error"]}
        if status["status"] == "complete":
            return
        time.sleep(_POLL_S)


def _tell(status: Mapping[str, Any]) -> None:
    """One line that changes, on a terminal only."""
    if not sys.stderr.isatty():
        return
    phases = {k.removeprefix("percent_"): v for k, v in status["phases"].items() if v}
    shown = ", ".join(f"{name.replace('_', ' ')} {value:.0f}%" for name, value in phases.items())
    click.echo(f"\r\x1b[K{status['status']}  {shown}"[:100], nl=False, err=True)


def _failed(controls: SiteControls, name: str) -> Iterator[dict[str, Any]]:
    """The nodes of a session that failed, with the last lines of their consoles."""
    components = controls.call("GET", f"/apis/bos/v2/components?session={name}&status=failed")
    for component in components:
        node = controls.ask("GET", f"nodes/{component['id']}")
        console = node["console"][-_CONSOLE_LINES:]
        yield {"xname": component["id"], "error": component["error"], "console": console}


def _summarise(status: Mapping[str, Any], failed: list[dict[str, Any]]) -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    total = status["managed_components_count"]
    if status.get("error") and not total:
        return
    good = round(total * status["percent_successful"] / 100)
    click.echo(f"{good} of {total} nodes are as they should be.")
    if status.get("error"):
        click.echo(wrapped(printable(f"BOS: {status['error']}"), ""))
    for (error, reason), xnames in _alike(failed).items():
        click.echo(f"\n{count(len(xnames), 'node')}: {printable(error)}")
        if reason:
            click.echo(wrapped(printable(reason), "    "))
        more = f", … and {len(xnames) - _NODES_SHOWN} more" if xnames[_NODES_SHOWN:] else ""
        click.echo(f"    {', '.join(xnames[:_NODES_SHOWN])}{more}")


def _alike(failed: list[dict[str, Any]]) -> dict[tuple[str, str], list[str]]:
    """Nodes by what BOS says of them and what their consoles said last."""
    found: dict[tuple[str, str], list[str]] = {}
    for node in failed:
        last = _SAID_BY.sub("", node["console"][-1]) if node["console"] else ""
        found.setdefault((node["error"], last), []).append(node["xname"])
    return found
