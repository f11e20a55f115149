# SPDX-License-Identifier: Apache-2.0
"""Reading a demand: by hand, from left to right, never evaluated.

    demand    = sugar | statement { [";"] statement }
    sugar     = COMPONENT ":" NUMBER { ":" COMPONENT ":" NUMBER }
    statement = [NAME ":"] quantity { "," clause }  |  "keep" "members"  |  "together" packing
    quantity  = NUMBER "nodes" ["where" predicate]
              | "total" amount COMPONENT { "and" amount COMPONENT } ["where" predicate]
    clause    = "whole" "blades" | packing | "at" "most" NUMBER "per" ("blade" | "cabinet")
              | "prefer" ("same" ("model" | "firmware") | predicate) | NUMBER "spares"
    packing   = "at" "most" NUMBER "cabinets" | "within" NUMBER "switch" "groups"

`docs/reference/demand.md` describes it for people.
"""

from __future__ import annotations

import re
from dataclasses import replace

from poya.placement.predicates import PredicateParser
from poya.placement.syntax import MEMORY, MEMORY_UNIT_MIB, Demand, NodeClass, Same, Total
from poya.placement.tokens import DemandError, Token, tokens_of

DEFAULT_NAME = "nodes"
_MOST = 1_000_000
_COMPONENT = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*", re.ASCII)


def parse_demand(text: str) -> Demand:
    """Read a demand, in its real form or as manta's `a100:4:epyc:10`.

    Raises:
        DemandError: It is neither; the error points at the character.
    """
    stripped = text.strip()
    if stripped and ":" in stripped and not re.search(r"[\s#]", stripped):
        return _sugar(stripped)
    return _Parser(text).demand()


def _sugar(text: str) -> Demand:
    """`a100:4:epyc:10`: totals over the whole vCluster; memory in pieces of 16 GiB."""
    totals: list[Total] = []
    at = 0
    items = text.split(":")
    for number, item in enumerate(items):
        if number % 2 == 0:
            if not _COMPONENT.fullmatch(item):
                hint = "" if item or number else "Begin with a component: a100:4."
                raise DemandError("here a component is named", text, at, todo=hint)
            if number + 1 == len(items):
                raise DemandError(f"'{item[:40]}' has no number after it", text, at + len(item))
            totals.append(Total(item.lower(), 0, at))
        else:
            totals[-1] = replace(totals[-1], amount=_sugar_amount(totals[-1], item, text, at))
        at += len(item) + 1
    _refuse_twins(totals, text)
    return Demand((NodeClass(DEFAULT_NAME, totals=tuple(totals)),))


def _sugar_amount(total: Total, item: str, text: str, at: int) -> int:
    if not item.isascii() or not item.isdigit() or not 0 < int(item[:12]) <= _MOST:
        raise DemandError(
            f"'{item[:40]}' is not a number of {total.component}",
            text,
            at,
            todo="A pattern is component:number:component:number…, without a group's name "
            "in front: a100:4:epyc:10.",
        )
    return int(item) * (MEMORY_UNIT_MIB if total.component == MEMORY else 1)


def _refuse_twins(totals: list[Total], text: str) -> None:
    seen: set[str] = set()
    for total in totals:
        if total.component in seen:
            raise DemandError(f"{total.component} comes twice", text, total.at)
        seen.add(total.component)


class _Parser(PredicateParser):
    """Reads statements; predicates are read by the base class."""

    def __init__(self, text: str) -> None:
        super().__init__(text, tokens_of(text))

    def demand(self) -> Demand:
        """The whole text."""
        demand = Demand(())
        while self.token.sort != "end":
            if self.take_sign(";"):
                continue
            demand = self._statement(demand)
        if not demand.classes:
            raise self.error("it demands no nodes", todo="Write for example: 4 nodes.")
        return demand

    def _statement(self, demand: Demand) -> Demand:
        if self.take_word("keep"):
            self.need_word("members")
            demand = replace(demand, keep_members=True)
        elif self.take_word("together"):
            demand = self._together(demand)
        else:
            demand = replace(demand, classes=(*demand.classes, self._class(demand)))
        if not (self.token.sort == "end" or self.token.text == ";" or self._begins_statement()):
            raise self.error(f"{self.token.shown()} is not expected here", todo=_CLAUSES)
        return demand

    def _begins_statement(self) -> bool:
        is_named = self.token.sort == "word" and self.peek().text == ":"
        return is_named or self.token.text.lower() in ("keep", "together")

    def _together(self, demand: Demand) -> Demand:
        while True:
            at = self.token
            if self.take_word("within"):
                self._once(demand.most_switch_groups is None, at)
                demand = replace(demand, most_switch_groups=self._switch_groups())
            else:
                self.need_word("at")
                self.need_word("most")
                number = self.number("cabinets")
                self.need_word("cabinets", "cabinet")
                self._once(demand.most_cabinets is None, at)
                demand = replace(demand, most_cabinets=number)
            if not self.take_sign(","):
                return demand

    def _class(self, demand: Demand) -> NodeClass:
        first = self.token
        name = self._class_name(demand)
        if self.take_word("total"):
            node_class = NodeClass(name, totals=self._totals(), at=first.at)
        else:
            number = self.number("nodes", "a number of nodes, or 'total'")
            self.need_word("nodes", "node")
            node_class = NodeClass(name, nodes=number, at=first.at)
        if self.take_word("where"):
            node_class = replace(node_class, where=self.predicate())
        while self.take_sign(","):
            node_class = self._clause(node_class)
        return node_class

    def _class_name(self, demand: Demand) -> str:
        taken = {node_class.name for node_class in demand.classes}
        at = self.token
        if at.sort == "word" and self.peek().text == ":":
            self.advance()
            self.advance()
            name = at.text
        else:
            name = DEFAULT_NAME
        if name in taken:
            raise self.error(f"there is a class '{name}' already", at)
        return name

    def _totals(self) -> tuple[Total, ...]:
        totals: list[Total] = []
        while True:
            at = self.token
            amount = self.amount()
            name = self.component()
            if (name == MEMORY) != amount.is_size:
                hint = "total 4TiB memory and 16 a100"
                raise self.error("memory, and only memory, has a unit", at, todo=hint)
            if not amount.value:
                raise self.error("a total of nothing is always there", at)
            totals.append(Total(name, amount.value, at.at))
            if not self.take_word("and"):
                _refuse_twins(totals, self.text)
                return tuple(totals)

    def _clause(self, node_class: NodeClass) -> NodeClass:
        at = self.token
        if self.take_word("whole"):
            self.need_word("blades", "blade")
            self._once(not node_class.whole_blades, at)
            return replace(node_class, whole_blades=True)
        if self.take_word("within"):
            self._once(node_class.most_switch_groups is None, at)
            return replace(node_class, most_switch_groups=self._switch_groups())
        if self.take_word("at"):
            self.need_word("most")
            return self._at_most(node_class, at)
        if self.take_word("prefer"):
            return self._prefer(node_class)
        if at.sort == "number":
            return self._spares(node_class)
        raise self.error(f"{at.shown()} begins no clause", todo=_CLAUSES)

    def _at_most(self, node_class: NodeClass, at: Token) -> NodeClass:
        number = self.number("cabinets")
        if self.take_word("cabinets") or self.take_word("cabinet"):
            self._once(node_class.most_cabinets is None, at)
            return replace(node_class, most_cabinets=number)
        self.need_word("per")
        if self.take_word("blade"):
            self._once(node_class.most_per_blade is None, at)
            return replace(node_class, most_per_blade=number)
        self.need_word("cabinet")
        self._once(node_class.most_per_cabinet is None, at)
        return replace(node_class, most_per_cabinet=number)

    def _prefer(self, node_class: NodeClass) -> NodeClass:
        if not self.take_word("same"):
            return replace(node_class, prefer=(*node_class.prefer, self.predicate()))
        same: Same = "model" if self.take_word("model") else "firmware"
        if same == "firmware":
            self.need_word("firmware", alternatives="'model' or 'firmware'")
        return replace(node_class, same=tuple(sorted({*node_class.same, same})))

    def _spares(self, node_class: NodeClass) -> NodeClass:
        at = self.token
        number = self.number("spares")
        self.need_word("spares", "spare")
        self._once(node_class.spares == 0, at)
        if node_class.nodes is None:
            raise self.error("spares go with a number of nodes, not with totals", at)
        return replace(node_class, spares=number)

    def _switch_groups(self) -> int:
        number = self.number("switch groups")
        self.need_word("switch")
        self.need_word("groups", "group")
        return number

    def _once(self, is_first: bool, at: Token) -> None:  # noqa: FBT001 - reads as a sentence
        if not is_first:
            raise self.error("this is said twice", at)


_CLAUSES = (
    "Clauses come after commas: whole blades; at most 4 cabinets; within 2 switch groups; "
    "at most 1 per blade; prefer same model; 2 spares."
)
