# SPDX-License-Identifier: Apache-2.0
"""Node expressions: which nodes an operator means.

    x1000c0s[0-3]b0n[0,1]          xnames, as a host list
    x1000c1                        every node below a cabinet, chassis, blade or card
    x1000c*n0                      xnames by pattern
    nid[001000-001003]             node ids
    blue, @blue                    the members of an HSM group
    Compute, role:Application_UAN  nodes by role and subrole
    p1, partition:p1               the members of a partition
    all                            every node

Items are read from left to right: `,` adds, `&` keeps only what is in the next item, too, and
`!` takes away, as BOS's `limit` and ClusterShell read them: `blue,green&Compute!x1000c0s0b0n0`.
An expression that begins with `!` or `&` starts from every node.
"""

from __future__ import annotations

import difflib
import fnmatch
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from poya.errors import NotFound, UsageError
from poya.model.host_lists import MOST_NODES, expand_item, split_items
from poya.model.names import is_node_xname, normalise_xname, sorted_xnames
from poya.model.records import Node

Operator: TypeAlias = Literal[",", "&", "!"]
Nodes: TypeAlias = frozenset[str]

_OPERATORS = re.compile(r"([&!])")
_ENCLOSURE = re.compile(r"x\d{1,5}(c\d{1,3}(s\d{1,3}(b\d{1,3})?)?)?", re.ASCII)
_NID = re.compile(r"nid0*(\d{1,9})", re.ASCII)
_EVERY = ("all", "*")
_SHOWN = 12
_NAMES = "A name is an xname, a nid, an HSM group (@blue), a role (role:Compute) or a partition."


@dataclass(frozen=True, slots=True)
class Directory:
    """What the names in an expression can mean at one site.

    Attributes:
        site: For messages.
        groups: The members of each HSM group, by its label in lower case.
        partitions: The members of each partition, by its name.
    """

    site: str
    nodes: tuple[Node, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    partitions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Term:
    operator: Operator
    name: str


def select_nodes(expression: str, directory: Directory) -> tuple[str, ...]:
    """The xnames of the nodes that an expression means, in the order of the machine.

    Raises:
        UsageError: The expression is empty or malformed, or a name means two things.
        NotFound: It names something that is not there; every such name is told.
    """
    lookup = _Lookup(directory)
    terms = _terms(expression)
    chosen: Nodes = frozenset() if terms[0].operator == "," else lookup.every
    for term in terms:
        found = lookup.find(term.name)
        if term.operator == ",":
            chosen |= found
        elif term.operator == "&":
            chosen &= found
        else:
            chosen -= found
    lookup.refuse_unknown()
    return sorted_xnames(chosen)


def _terms(expression: str) -> list[_Term]:
    terms: list[_Term] = []
    operator: Operator | None = ","
    for item in split_items(expression):
        operator = operator or ","
        for piece in _OPERATORS.split(item):
            if piece in ("&", "!"):
                operator = cast("Operator", piece)
            elif piece and operator:
                terms.append(_Term(operator, piece))
                operator = None
    if operator is not None:
        raise UsageError(
            f"The node expression '{expression[:60]}' ends where a name was expected."
            if terms
            else "The node expression is empty.",
            todo="Write it as x1000c0s[0-3]b0n[0,1], blue or Compute&blue!x1000c0s0b0n0.",
        )
    return terms


class _Lookup:
    """Finds what names mean, and remembers those that mean nothing."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._unknown: list[str] = []
        self.every: Nodes = frozenset(node.xname for node in directory.nodes)
        self._by_nid = {node.nid: node.xname for node in directory.nodes if node.nid is not None}
        self._roles: dict[str, set[str]] = {}
        for node in directory.nodes:
            if node.role:
                self._roles.setdefault(node.role.lower(), set()).add(node.xname)
                word = f"{node.role}_{node.subrole}".lower()
                self._roles.setdefault(word, set()).add(node.xname)
        self._kinds: Mapping[str, Callable[[str], Nodes | None]] = {
            "group": self._group,
            "role": self._role,
            "partition": self._partition,
        }

    def find(self, name: str) -> Nodes:
        """The nodes of one item, its brackets expanded."""
        if name.lower() in _EVERY:
            return self.every
        names = list(itertools.islice(expand_item(name), MOST_NODES + 1))
        if len(names) > MOST_NODES:
            raise UsageError(f"'{name[:60]}' stands for more than {MOST_NODES} names.")
        return frozenset().union(*(self._find_one(one) for one in names))

    def _find_one(self, name: str) -> Nodes:
        found = self._located(name)
        if not found:
            found = self._named(name)
        if found is None:
            self._unknown.append(name)
        return found or frozenset()

    def _located(self, name: str) -> Nodes | None:
        """By place in the machine, or by node id."""
        xname = normalise_xname(name)
        if is_node_xname(xname):
            return self.every & {xname}
        if nid := _NID.fullmatch(xname):
            return self.every & {self._by_nid.get(int(nid[1]), "")}
        if _ENCLOSURE.fullmatch(xname):
            return frozenset(node for node in self.every if _is_below(node, xname))
        if "*" in xname or "?" in xname:
            return frozenset(fnmatch.filter(self.every, xname))
        return None

    def _named(self, name: str) -> Nodes | None:
        """By group, role or partition; None if it is none of them."""
        kind, colon, word = name.partition(":")
        if name.startswith("@"):
            return self._group(name[1:])
        if colon and kind.lower() in self._kinds:
            return self._kinds[kind.lower()](word)
        found = {
            kind: nodes for kind, read in self._kinds.items() if (nodes := read(name)) is not None
        }
        if len(set(found.values())) > 1:
            raise UsageError(
                f"'{name[:60]}' is a {' and a '.join(found)} of {self._directory.site}.",
                todo=f"Say which: {' or '.join(f'{kind}:{name[:60]}' for kind in found)}.",
            )
        return next(iter(found.values()), None)

    def _group(self, label: str) -> Nodes | None:
        return self._members(self._directory.groups.get(label.lower()))

    def _partition(self, name: str) -> Nodes | None:
        return self._members(self._directory.partitions.get(name.lower()))

    def _role(self, word: str) -> Nodes | None:
        return self._members(self._roles.get(word.lower()))

    def _members(self, xnames: Iterable[str] | None) -> Nodes | None:
        """The members that are nodes: a group may hold other components."""
        if xnames is None:
            return None
        return self.every & {normalise_xname(xname) for xname in xnames}

    def refuse_unknown(self) -> None:
        """Raise if a name meant nothing.

        Raises:
            NotFound: All of them are told.
        """
        if not self._unknown:
            return
        names = list(dict.fromkeys(self._unknown))
        shown = ", ".join(f"'{name[:60]}'" for name in names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise NotFound(
            f"{self._directory.site} knows no {shown}{more}.",
            why=_NAMES,
            todo=self._guess(names[0]),
        )

    def _guess(self, name: str) -> str:
        words = [*self._directory.groups, *self._roles, *self.every]
        close = difflib.get_close_matches(normalise_xname(name.lstrip("@")), words, n=1)
        return f"Did you mean '{close[0]}'?" if close else ""


def _is_below(xname: str, enclosure: str) -> bool:
    rest = xname.removeprefix(enclosure)
    return rest != xname and not rest[:1].isdigit()
