# SPDX-License-Identifier: Apache-2.0
"""Findings as an operator reads them, the gravest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import click

from poya.cli.text import count, printable, wrapped
from poya.model.finding import SEVERITIES, Finding
from poya.model.plan import Plan

# How many subjects and pieces of evidence of findings alike are shown.
_MOST_ALIKE = 4
_BOOT_SET = re.compile(r"boot set (\S+) of (.+)")
_COLOURS = {"critical": "red", "warning": "yellow", "info": "cyan"}


def render_findings(plan: Plan) -> str:
    """All findings of a plan, and how many there are of each grade."""
    return "\n".join(_lines(plan))


def finding_lines(finding: Finding) -> Iterator[str]:
    """One finding: grade, id, subject; then what, evidence and remedy, indented."""
    return next(told_once([finding]))


def told_once(findings: Iterable[Finding]) -> Iterator[Iterator[str]]:
    """The findings in their order; those that differ in subject and evidence only, as one."""
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        key = (finding.severity, finding.id, finding.message, finding.remedy)
        alike.setdefault(key, []).append(finding)
    return (_told(group) for group in alike.values())


def _subjects(alike: Iterable[Finding]) -> list[str]:
    """Each subject once; the boot sets of one template together."""
    whose: dict[str, list[str]] = {}
    for subject in dict.fromkeys(finding.subject for finding in alike):
        found = _BOOT_SET.fullmatch(subject)
        whose.setdefault(found[2] if found else "", []).append(found[1] if found else subject)
    rest = whose.pop("", [])
    return [*rest, *(_boot_sets(names, template) for template, names in whose.items())]


def _boot_sets(names: list[str], template: str) -> str:
    shown = ", ".join(names[:_MOST_ALIKE])
    more = f" and {len(names) - _MOST_ALIKE} more" if len(names) > _MOST_ALIKE else ""
    return f"boot set{'s' if names[1:] else ''} {shown}{more} of {template}"


def _told(alike: list[Finding]) -> Iterator[str]:
    first = alike[0]
    grade = click.style(first.severity, fg=_COLOURS[first.severity], bold=True)
    subjects = _subjects(alike)
    yield f"  {grade} {first.id}: {printable(subjects[0])}"
    for subject in subjects[1:_MOST_ALIKE]:
        yield f"      and {printable(subject)}"
    if len(subjects) > _MOST_ALIKE:
        yield f"      and {len(subjects) - _MOST_ALIKE} more (--output json has all)"
    evidence = list(dict.fromkeys(finding.evidence for finding in alike if finding.evidence))
    more = [f"… and {len(evidence) - _MOST_ALIKE} more"] if len(evidence) > _MOST_ALIKE else []
    for text in (first.message, *evidence[:_MOST_ALIKE], *more, first.remedy):
        if text:
            yield wrapped(printable(text), "      ")


def _lines(plan: Plan) -> Iterator[str]:
    title = f"Check of vCluster {plan.vcluster} from {plan.source} to {plan.target}"
    yield click.style(printable(title), bold=True)
    for lines in told_once(plan.findings):
        yield ""
        yield from lines
    yield ""
    grades = [finding.severity for finding in plan.findings]
    parts = [f"{grades.count(grade)} {grade}" for grade in SEVERITIES]
    yield f"{count(len(grades), 'finding')}: {', '.join(parts)}." if grades else "No findings."
