# SPDX-License-Identifier: Apache-2.0
"""Whether a node is what a predicate says. The tree is walked; nothing of it is evaluated."""

from __future__ import annotations

import fnmatch
import operator
from collections.abc import Callable, Mapping

from poya.placement.facts import NodeFacts, Shape
from poya.placement.syntax import (
    ACCELERATORS,
    CORES,
    HSN,
    MEMORY,
    PROCESSORS,
    And,
    Count,
    Not,
    Predicate,
    Text,
    conjuncts,
)

_COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "=": operator.eq,
    "!=": operator.ne,
}
_ARCHITECTURES = {"aarch64": "arm", "arm64": "arm", "x86_64": "x86", "amd64": "x86"}
FIXED_COUNTS = (ACCELERATORS, CORES, HSN, MEMORY, PROCESSORS)


def matches(predicate: Predicate, node: NodeFacts) -> bool:
    """Say whether the predicate is true of the node."""
    if isinstance(predicate, Count):
        return _COMPARE[predicate.operator](
            amount(node.shape, predicate.component), predicate.amount
        )
    if isinstance(predicate, Text):
        word = fold_word(predicate.attribute, _word(node, predicate.attribute))
        patterns = (fold_word(predicate.attribute, pattern) for pattern in predicate.patterns)
        return any(fnmatch.fnmatchcase(word, _plain(pattern)) for pattern in patterns)
    if isinstance(predicate, Not):
        return not matches(predicate.operand, node)
    if isinstance(predicate, And):
        return all(matches(operand, node) for operand in predicate.operands)
    return any(matches(operand, node) for operand in predicate.operands)


def amount(shape: Shape, component: str) -> int:
    """How much of a component a node of this shape has; memory in MiB."""
    if component == MEMORY:
        return shape.memory_mib
    if component in FIXED_COUNTS:
        return int(getattr(shape, component))
    return next((count for name, count in shape.parts if name == component), 0)


def fold_word(attribute: str, word: str) -> str:
    """A word as it is compared: lower case, architectures in HSM's spelling."""
    folded = word.lower()
    return _ARCHITECTURES.get(folded, folded) if attribute == "arch" else folded


def lower_bounds(predicate: Predicate | None) -> dict[str, int]:
    """What every matching node has at least, as far as plain conjuncts say."""
    bounds: dict[str, int] = {}
    for part in conjuncts(predicate):
        if isinstance(part, Count) and part.operator in (">=", ">", "="):
            least = part.amount + (part.operator == ">")
            bounds[part.component] = max(least, bounds.get(part.component, 0))
    return bounds


def _word(node: NodeFacts, attribute: str) -> str:
    words: dict[str, str] = {
        "arch": node.arch,
        "cabinet": node.cabinet,
        "class": node.hardware_class,
        "firmware": node.shape.firmware,
        "model": node.shape.model,
        "role": node.role,
        "state": node.state,
        "subrole": node.subrole,
    }
    return words[attribute]


def _plain(pattern: str) -> str:
    """Only `*` and `?` are wild: a bracket in a model's name means itself."""
    return pattern.replace("[", "[[]")
