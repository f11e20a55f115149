# SPDX-License-Identifier: Apache-2.0
"""How long a plan will take, from what earlier runs between the same two places measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poya.cli.text import duration, size

if TYPE_CHECKING:
    from poya.bootstrap import Workshop
    from poya.model.plan import Plan

# Less says more about round trips than about the line.
_LEAST_BYTES = 1024 * 1024


def estimate(workshop: Workshop, plan: Plan) -> str:
    """One line; empty where nothing is to be moved, or nothing was measured yet."""
    if not plan.bytes_to_move:
        return ""
    for facts in reversed(workshop.runs.all_facts()):
        same_places = (facts.get("source_label"), facts.get("target_label")) == (
            plan.source,
            plan.target,
        )
        moved, took_s = int(facts.get("moved_bytes", 0)), float(facts.get("elapsed_s", 0))
        if same_places and moved >= _LEAST_BYTES and took_s:
            rate = moved / took_s
            about = duration(plan.bytes_to_move / rate)
            return f"About {about} at {size(rate)}/s, as the run {facts['run']} measured."
    return ""
