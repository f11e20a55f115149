# SPDX-License-Identifier: Apache-2.0
"""Findings as an operator reads them, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator

import click

from poya.cli.text import count, printable, wrapped
from poya.model.finding import SEVERITIES, Finding
from poya.model.plan import Plan

_COLOURS = {"critical": "red", "warning": "yellow", "info": "cyan"}


def render_findings(plan: Plan) -> str:
    """All findings of a plan, and how many there are of each grade."""
    return "\n".join(_lines(plan))


def finding_lines(finding: Finding) -> Iterator[str]:
    """One finding: grade, id, subject; then what, evidence and remedy, indented."""
    grade = click.style(finding.severity, fg=_COLOURS[finding.severity], bold=True)
    yield f"  {grade} {finding.id}: {printable(finding.subject)}"
    for text in (finding.message, finding.evidence, finding.remedy):
        if text:
            yield wrapped(printable(text), "      ")


def _lines(plan: Plan) -> Iterator[str]:
    title = f"Check of vCluster {plan.vcluster} from {plan.source} to {plan.target}"
    yield click.style(printable(title), bold=True)
    for finding in plan.findings:
        yield ""
        yield from finding_lines(finding)
    yield ""
    grades = [finding.severity for finding in plan.findings]
    parts = [f"{grades.count(grade)} {grade}" for grade in SEVERITIES]
    yield f"{count(len(grades), 'finding')}: {', '.join(parts)}." if grades else "No findings."
