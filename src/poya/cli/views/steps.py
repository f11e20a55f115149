# SPDX-License-Identifier: Apache-2.0
"""A plan's steps as an operator reads them: what each expects, asks, leaves, and its undo."""

from __future__ import annotations

from collections.abc import Iterator

import click

from poya.cli.text import printable, size, wrapped
from poya.model.plan import Plan


def render_steps(plan: Plan) -> str:
    """Every step with its requests, then the rights that the plan takes."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    yield click.style(printable(f"Steps of the plan for vCluster {plan.vcluster}"), bold=True)
    for number, step in enumerate(plan.steps, 1):
        weight = f", {size(step.size_bytes)}" if step.size_bytes else ""
        yield ""
        yield printable(f"  {number}. {step.title}{weight}")
        yield wrapped(printable(f"expects  {step.expects}"), "      ")
        for request in step.requests:
            yield printable(f"      asks     {request}")
        yield wrapped(printable(f"leaves   {step.leaves}"), "      ")
        yield wrapped(printable(f"undo     {step.undo}"), "      ")
    if not plan.steps:
        yield "  None: everything is there as planned."
    yield ""
    yield "Rights that it takes"
    for right in plan.rights:
        yield wrapped(printable(f"{right.site}: {right.needs}"), "  ")
