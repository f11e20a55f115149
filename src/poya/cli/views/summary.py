# SPDX-License-Identifier: Apache-2.0
"""What was done, how it was verified, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator

from poya.cli.text import count, duration, printable, size, wrapped
from poya.migration.report import Report
from poya.migration.verifying import VALID
from poya.model.records import KIND_TITLES

_TITLE_WIDTH = 21
_WORDS = {"create": "created", "change": "changed", "reuse": "was there already"}


def render_summary(report: Report) -> str:
    """The summary of a run, in lines of at most 80 columns where names allow."""
    lines = _regrouped(report) if report.is_regrouping else _lines(report)
    return "\n".join(printable(line) for line in lines)


def _regrouped(report: Report) -> Iterator[str]:
    """What became of the groups of a site."""
    wrote = any(entity.action != "reuse" for entity in report.entities)
    verb = "Changed HSM group" if wrote else "Nothing to do for HSM group"
    yield f"{verb} {report.vcluster} at {report.target} ({duration(report.elapsed_s)})"
    for entity in report.entities:
        said = ", ".join(entity.edits) or "as it was"
        nodes = count(entity.members or 0, "node")
        yield _row(entity.name, f"{said}; {nodes}, read back")
    yield from _next(report, wrote=wrote)


def _lines(report: Report) -> Iterator[str]:
    actions = [image.action for image in report.images]
    actions += [entity.action for entity in report.entities]
    wrote = any(action != "reuse" for action in actions)
    verb = "Migrated vCluster" if wrote else "Nothing to do for vCluster"
    yield f"{verb} {report.vcluster} ({duration(report.elapsed_s)})"
    yield f"  from {report.source}"
    yield f"  to   {report.target}"
    yield ""
    for image in report.images:
        yield _row("IMS image", f"{image.name} ({_WORDS.get(image.action, '')})")
        files = f"{count(image.files, 'file')}, {size(image.size_bytes)}"
        yield _row("", f"{image.target_id}, {files}")
    for entity in report.entities:
        yield _row(KIND_TITLES[entity.kind], f"{entity.name} ({_WORDS.get(entity.action, '')})")
    yield ""
    yield _row("moved", _moved(report))
    yield _row("saved", size(report.saved_bytes))
    yield _row("verified", f"{count(report.checked, 'thing')} read back, all as planned")
    for template, answer in report.answers.items():
        yield from answer_lines(report.target, template, answer, indent=" " * (_TITLE_WIDTH + 3))
    yield from _next(report, wrote=wrote)


def _next(report: Report, *, wrote: bool) -> Iterator[str]:
    """What to type next."""
    yield ""
    yield _row("verify again", f"poya migrate verify {report.run}")
    if wrote:
        yield _row("take it back", f"poya migrate undo {report.run}")


def answer_lines(site: str, template: str, answer: str, indent: str = "") -> Iterator[str]:
    """What BOS says of a session template; only what the plan foretold passes."""
    if answer == VALID:
        yield f"{indent}{site} says of {template}: {VALID}"
        return
    yield f"{indent}{site} says of {template}, as foreseen:"
    yield from wrapped(answer, f"{indent}  ").splitlines()


def _moved(report: Report) -> str:
    if not report.moved_bytes or not report.elapsed_s:
        return size(report.moved_bytes)
    return f"{size(report.moved_bytes)} ({size(report.moved_bytes / report.elapsed_s)}/s over all)"


def _row(title: str, text: str) -> str:
    return f"  {title:{_TITLE_WIDTH}} {text}".rstrip()
