# SPDX-License-Identifier: Apache-2.0
"""What was done, how it was verified, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator

from poya.cli.text import count, duration, printable, size
from poya.migration.report import Report
from poya.model.records import KIND_TITLES

_WORDS = {"create": "created", "change": "changed", "reuse": "was there already"}


def render_summary(report: Report) -> str:
    """The summary of a migration, in lines of at most 80 columns where names allow."""
    return "\n".join(printable(line) for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield (
        f"Migrated vCluster {report.vcluster} from {report.source} to {report.target} "
        f"in {duration(report.elapsed_s)}."
    )
    for image in report.images:
        yield f"  {'IMS image':22} {image.name} ({_WORDS.get(image.action, '')})"
        files = f"{count(image.files, 'file')}, {size(image.size_bytes)}"
        yield f"  {'':22} {image.target_id}, {files}"
    for entity in report.entities:
        yield f"  {KIND_TITLES[entity.kind]:22} {entity.name} ({_WORDS.get(entity.action, '')})"
    yield ""
    rate = report.moved_bytes / report.elapsed_s if report.elapsed_s else 0
    yield (
        f"  Moved     {size(report.moved_bytes)} ({size(rate)}/s over all); "
        f"saved {size(report.saved_bytes)}."
    )
    yield f"  Verified  {count(report.checked, 'thing')} read back, all as planned."
    for template, answer in report.answers.items():
        yield f"            {report.target} says of {template}: {answer}"
    yield ""
    yield f"  Verify again   poya migrate verify {report.run}"
    yield f"  Take it back   poya migrate undo {report.run}"
