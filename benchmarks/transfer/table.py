"""What came of the rounds, as a table. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.transfer.tools import Cost, Failure, Tool

MIB = 1024 * 1024
_MOST_WORDS = 100


def lines_of(
    tools: Sequence[Tool], outcomes: Mapping[str, Sequence[Cost | Failure]], size_bytes: int
) -> Iterator[str]:
    """A row for each tool: medians of the rounds that went well, and what went wrong in others.

    The first tool that got through is what the others are compared with.
    """
    costs = {name: [o for o in all_ if isinstance(o, Cost)] for name, all_ in outcomes.items()}
    walls = {
        name: statistics.median(c.wall_s for c in runs) for name, runs in costs.items() if runs
    }
    first = next((walls[tool.name] for tool in tools if tool.name in walls), 0.0)
    yield f"{'':12}{'wall s':>8}{'MB/s':>7}{'ratio':>7}{'CPU s':>7}{'peak MiB':>9}"
    for tool in tools:
        failures = [o for o in outcomes.get(tool.name, ()) if isinstance(o, Failure)]
        failed = f"{len(failures)} FAILED: {failures[0].why[:_MOST_WORDS]}" if failures else ""
        if tool.name not in walls:
            yield f"{tool.name:12}{failed}"
            continue
        runs, wall_s = costs[tool.name], walls[tool.name]
        cpu_s = statistics.median(cost.cpu_s for cost in runs)
        peak = max(cost.peak_bytes for cost in runs) / MIB
        yield (
            f"{tool.name:12}{wall_s:8.2f}{size_bytes / wall_s / 1e6:7.0f}{wall_s / first:7.2f}"
            f"{cpu_s:7.2f}{peak:9.0f}  {failed or tool.note}"
        )
