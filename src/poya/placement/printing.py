# SPDX-License-Identifier: Apache-2.0
"""Writing a demand: what `parsing` reads back as the same tree."""

from __future__ import annotations

import re
from collections.abc import Iterator

from poya.placement.predicates import RESERVED
from poya.placement.syntax import MEMORY, And, Count, Demand, NodeClass, Not, Or, Predicate, Text

_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*", re.ASCII)
_STEP = 1024
_WIDTH = 64


def print_demand(demand: Demand) -> str:
    """The demand's text: a statement a line, the clauses of a class below it."""
    lines = [line for node_class in demand.classes for line in _class(node_class)]
    together = list(_packing(demand.most_cabinets, demand.most_switch_groups))
    if together:
        lines.append(f"together {', '.join(together)}")
    if demand.keep_members:
        lines.append("keep members")
    return "\n".join(lines)


def print_predicate(predicate: Predicate) -> str:
    """A predicate's text."""
    if isinstance(predicate, Count):
        amount = print_amount(predicate.component, predicate.amount)
        return f"{predicate.component} {predicate.operator} {amount}"
    if isinstance(predicate, Text):
        return _text(predicate)
    if isinstance(predicate, Not):
        if isinstance(predicate.operand, Text) and len(predicate.operand.patterns) == 1:
            text = predicate.operand
            return f"{text.attribute} != {_pattern(text.patterns[0])}"
        return f"not {_inner(predicate.operand, (And, Or))}"
    if isinstance(predicate, And):
        return " and ".join(_inner(operand, (Or,)) for operand in predicate.operands)
    return " or ".join(print_predicate(operand) for operand in predicate.operands)


def print_amount(component: str, amount: int) -> str:
    """A number of a component; memory with the largest unit that keeps it whole."""
    if component != MEMORY:
        return str(amount)
    for unit, size in (("TiB", _STEP * _STEP), ("GiB", _STEP)):
        if amount and amount % size == 0:
            return f"{amount // size}{unit}"
    return f"{amount}MiB"


def print_quantity(node_class: NodeClass) -> str:
    """How much a class wants: `128 nodes`, `a total of 512 a100 and 128 epyc` without the `of`."""
    if node_class.nodes is not None:
        return f"{node_class.nodes} node{'' if node_class.nodes == 1 else 's'}"
    amounts = (f"{print_amount(t.component, t.amount)} {t.component}" for t in node_class.totals)
    return f"total {' and '.join(amounts)}"


def _class(node_class: NodeClass) -> Iterator[str]:
    lines = [f"{node_class.name}: {print_quantity(node_class)}"]
    if node_class.where:
        first, *more = _packed(node_class.where)
        if more or len(lines[0]) + len(first) > _WIDTH:
            lines += [f"    where {first}", *(f"      {line}" for line in more)]
        else:
            lines[0] += f" where {first}"
    statements = ["\n".join(lines), *(f"    {clause}" for clause in _clauses(node_class))]
    yield ",\n".join(statements)


def _packed(predicate: Predicate) -> list[str]:
    """A predicate in lines of a handy width, broken after `and`."""
    if not isinstance(predicate, And):
        return [print_predicate(predicate)]
    lines: list[str] = []
    for number, operand in enumerate(predicate.operands, start=1):
        text = _inner(operand, (Or,)) + (" and" if number < len(predicate.operands) else "")
        if lines and len(lines[-1]) + 1 + len(text) <= _WIDTH:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return lines


def _clauses(node_class: NodeClass) -> Iterator[str]:
    if node_class.whole_blades:
        yield "whole blades"
    yield from _packing(node_class.most_cabinets, node_class.most_switch_groups)
    if node_class.most_per_blade is not None:
        yield f"at most {node_class.most_per_blade} per blade"
    if node_class.most_per_cabinet is not None:
        yield f"at most {node_class.most_per_cabinet} per cabinet"
    for same in node_class.same:
        yield f"prefer same {same}"
    for predicate in node_class.prefer:
        yield f"prefer {print_predicate(predicate)}"
    if node_class.spares:
        yield f"{node_class.spares} spare{'' if node_class.spares == 1 else 's'}"


def _packing(most_cabinets: int | None, most_switch_groups: int | None) -> Iterator[str]:
    if most_cabinets is not None:
        yield f"at most {most_cabinets} cabinet{'' if most_cabinets == 1 else 's'}"
    if most_switch_groups is not None:
        plural = "" if most_switch_groups == 1 else "s"
        yield f"within {most_switch_groups} switch group{plural}"


def _inner(predicate: Predicate, looser: tuple[type, ...]) -> str:
    text = print_predicate(predicate)
    return f"({text})" if isinstance(predicate, looser) else text


def _text(predicate: Text) -> str:
    patterns = [_pattern(pattern) for pattern in predicate.patterns]
    if len(patterns) == 1:
        return f"{predicate.attribute} = {patterns[0]}"
    return f"{predicate.attribute} in ({', '.join(patterns)})"


def _pattern(text: str) -> str:
    if _BARE.fullmatch(text) and text.lower() not in RESERVED:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
