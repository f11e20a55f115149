# SPDX-License-Identifier: Apache-2.0
"""Placements and their absence in plain words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from poya.placement.causes import DEFAULT_ROLE, Cause, requirements
from poya.placement.explaining import Explanation, Remedy, Supply
from poya.placement.facts import Machine
from poya.placement.holding import words_of
from poya.placement.matching import FIXED_COUNTS
from poya.placement.parsing import DEFAULT_NAME
from poya.placement.placing import Cost, Placement
from poya.placement.printing import print_amount, print_predicate, print_quantity
from poya.placement.syntax import MEMORY, Demand, NodeClass, counts_of

_COST_WORDS = {
    "waived": ("node taken in spite of an accepted reason", "nodes taken in spite of one"),
    "joining": ("node joins", "nodes join"),
    "missed": ("preference missed", "preferences missed"),
    "switch-groups": ("switch group", "switch groups"),
    "cabinets": ("cabinet", "cabinets"),
    "blades": ("blade", "blades"),
    "surplus": ("part more than asked for", "parts more than asked for"),
}


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A component that the demand names and no part of the machine is called.

    Attributes:
        close: Names that may have been meant.
    """

    name: str
    close: tuple[str, ...]

    def __str__(self) -> str:
        meant = f" Did you mean {' or '.join(self.close)}?" if self.close else ""
        return f"No part there is called '{self.name}'.{meant}"


def unknown_names(demand: Demand, machine: Machine) -> tuple[UnknownName, ...]:
    """The names in a demand that mean nothing at this machine."""
    known = machine.names | set(FIXED_COUNTS)
    names = dict.fromkeys(item.component for item in counts_of(demand))
    return tuple(
        UnknownName(name, tuple(difflib.get_close_matches(name, sorted(known), n=2)))
        for name in names
        if name not in known
    )


# Placements


def costs_in_words(placement: Placement) -> Iterator[str]:
    """Each cost that is not nothing: `4 nodes join`, `2 blades (at most 1 fewer would do)`."""
    for cost in placement.costs:
        if cost.value or cost.gap:
            yield f"{_counted(cost)}{_doubt(cost)}"


def _counted(cost: Cost) -> str:
    one, many = _COST_WORDS[cost.name]
    return f"{cost.value} {one if cost.value == 1 else many}"


def _doubt(cost: Cost) -> str:
    return f" (not proven best: {cost.bound} might do)" if cost.gap else ""


# Explanations


def cause_in_words(cause: Cause, demand: Demand, held: dict[str, int] | None = None) -> str:
    """A requirement as a sentence."""
    if cause.sort == "excluded":
        number = (held or {}).get(cause.subject, 0)
        verb = "is" if number == 1 else "are"
        lead = f"{number} node{'' if number == 1 else 's'} {verb}" if number else "nodes are"
        return f"{lead} {words_of(cause.subject)}"
    if cause.sort == "together-cabinets":
        return f"all classes together use at most {_cabinets(demand.most_cabinets)}"
    if cause.sort == "together-switch-groups":
        return f"all classes together stay within {_groups(demand.most_switch_groups)}"
    if cause.sort == "keep-members":
        return "the nodes that the group has stay in it"
    return f"{_who(cause.subject)} {_of_class(cause, _class(demand, cause.subject))}"


def _of_class(cause: Cause, node_class: NodeClass) -> str:
    if cause.sort == "amount":
        if not node_class.totals:
            spares = f" and {node_class.spares} spares" if node_class.spares else ""
            return f"wants {print_quantity(node_class)}{spares}"
        total = node_class.totals[cause.index]
        amount = print_amount(total.component, total.amount)
        return f"wants {amount} {total.component} in all"
    if cause.sort == "where":
        part = requirements(node_class)[cause.index]
        default = " (meant where no role is said)" if part is DEFAULT_ROLE else ""
        return f"takes only nodes with {print_predicate(part)}{default}"
    return {
        "whole-blades": "takes whole blades only",
        "cabinets": f"uses at most {_cabinets(node_class.most_cabinets)}",
        "switch-groups": f"stays within {_groups(node_class.most_switch_groups)}",
        "per-blade": f"takes at most {_nodes(node_class.most_per_blade)} of a blade",
        "per-cabinet": f"takes at most {_nodes(node_class.most_per_cabinet)} of a cabinet",
    }[cause.sort]


def why_in_words(explanation: Explanation, demand: Demand) -> Iterator[str]:
    """What is short, who has it, and what conflicts: a sentence a line."""
    for supply in explanation.supplies:
        yield _short(supply)
    held = dict(explanation.held)
    if len(explanation.conflict) > 1:
        yield "These cannot all hold, though without any one of them the rest could:"
    is_alone = [cause.sort for cause in explanation.conflict] == ["amount"]
    more = ", more than there are, whatever else is given up" if is_alone else ""
    for cause in explanation.conflict:
        yield f"- {cause_in_words(cause, demand, held)}{more}"


def _short(supply: Supply) -> str:
    def amount(value: int) -> str:
        if not supply.component:
            return _nodes(value)
        return f"{print_amount(supply.component, value)} {supply.component}"

    who = _who(supply.class_name)
    there = f"of {amount(supply.fitting)} that would do, {supply_number(supply, supply.free)} free"
    reasons = [f"{supply_number(supply, n)} {words_of(reason)}" for reason, n in supply.held]
    holders = f"; {', '.join(reasons)}" if reasons else ""
    if supply.possible is None or supply.possible >= supply.wanted:
        return f"{who} wants {amount(supply.wanted)}: {there}{holders}."
    return f"{who} is short of {amount(supply.wanted - supply.possible)}: {there}{holders}."


def supply_number(supply: Supply, value: int) -> str:
    """An amount of what the supply counts, without its name."""
    return print_amount(supply.component, value) if supply.component == MEMORY else str(value)


def remedies_in_words(explanation: Explanation, demand: Demand) -> Iterator[str]:
    """The least changes with which it fits: a sentence a line."""
    for remedy in explanation.remedies:
        yield f"It fits {' and '.join(_lifted(cause, remedy, demand) for cause in remedy.lifted)}."
    for nearest in explanation.nearest:
        amounts = " and ".join(_had(cause, amount, demand) for cause, amount in nearest.amounts)
        lifted = [_lifted(cause, Remedy(nearest.lifted), demand) for cause in nearest.lifted]
        yield f"It fits {', '.join([*lifted, f'with {amounts}'])}."


def _had(cause: Cause, amount: int, demand: Demand) -> str:
    """What can be had in place of an amount: `12 a100 for gpu`."""
    totals = _class(demand, cause.subject).totals
    who = _who(cause.subject)
    if not totals:
        return f"{_nodes(amount) if amount else 'no nodes'} for {who}"
    component = totals[cause.index].component
    return f"{print_amount(component, amount) if amount else 'no'} {component} for {who}"


def _lifted(cause: Cause, remedy: Remedy, demand: Demand) -> str:
    limit = dict(remedy.limits).get(cause)
    if cause.sort == "excluded":
        return f"with nodes that are {words_of(cause.subject)} (--accept {cause.subject})"
    of_whom = f" for {_who(cause.subject)}" if cause.subject else ""
    if limit is not None:
        wider = _cabinets(limit) if cause.sort.endswith("cabinets") else _groups(limit)
        return f"with {wider}{of_whom}"
    return f"without '{_clause(cause, demand)}'{of_whom}"


def _clause(cause: Cause, demand: Demand) -> str:
    """The requirement as the demand writes it."""
    if cause.sort == "keep-members":
        return "keep members"
    node_class = _class(demand, cause.subject)
    if cause.sort == "where":
        return print_predicate(requirements(node_class)[cause.index])
    return {
        "whole-blades": "whole blades",
        "per-blade": f"at most {node_class.most_per_blade} per blade",
        "per-cabinet": f"at most {node_class.most_per_cabinet} per cabinet",
    }[cause.sort]


def _who(class_name: str) -> str:
    return "the demand" if class_name == DEFAULT_NAME else class_name


def _class(demand: Demand, name: str) -> NodeClass:
    return next(node_class for node_class in demand.classes if node_class.name == name)


def _nodes(number: int | None) -> str:
    return f"{number} node{'' if number == 1 else 's'}"


def _cabinets(number: int | None) -> str:
    return f"{number} cabinet{'' if number == 1 else 's'}"


def _groups(number: int | None) -> str:
    return f"{number} switch group{'' if number == 1 else 's'}"
