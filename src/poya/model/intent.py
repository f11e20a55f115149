# SPDX-License-Identifier: Apache-2.0
"""What the operator wants beyond "bring it there": node names, conflicts, new names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from poya.errors import UsageError
from poya.model.declaration import Declaration
from poya.model.finding import Finding
from poya.model.mapping import Rules
from poya.model.names import expand_host_list, first_twin, is_node_xname, normalise_xname

Policy: TypeAlias = Literal["fail", "reuse-if-equal", "overwrite", "rename"]
POLICIES: tuple[Policy, ...] = ("fail", "reuse-if-equal", "overwrite", "rename")


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """The target's nodes, chosen by hand or by what they are made of.

    Attributes:
        targets: Nodes to use, in order; paired with the source's nodes of the same architecture.
        pairs: Source node → target node, where the operator wrote both.
        like: Target node without a counterpart → the source node whose groups and boot sets it
            joins.
        is_partial: A source node without a counterpart is a smaller vCluster, not a mistake.
        findings: What choosing them found.
    """

    targets: tuple[str, ...] = ()
    pairs: Mapping[str, str] = field(default_factory=dict)
    like: Mapping[str, str] = field(default_factory=dict)
    is_partial: bool = False
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """The operator's wishes for one plan.

    Attributes:
        nodes: None where node names are to stay as they are.
        policies: What to do where the target holds something different under the name, by kind
            (`group`, `configuration`, `template`, `image`); `fail` where a kind is not named.
        suffix: Appended to a name by the policy `rename`.
        mapping: What is called or addressed otherwise at the target.
        demand: What the target's nodes must be, where they are chosen by that: `auto` for nodes
            like the source's, or a demand's text.
        looks_inside: Look into the images' files, and check what is found.
        declared: What the vCluster's owner says that it needs.
    """

    nodes: NodeChoice | None = None
    policies: Mapping[str, Policy] = field(default_factory=dict)
    suffix: str = "-migrated"
    mapping: Rules = ()
    demand: str = ""
    looks_inside: bool = True
    declared: Declaration = field(default_factory=Declaration)

    def policy(self, kind: str) -> Policy:
        """What to do with a conflict of this kind."""
        return self.policies.get(kind, "fail")


_NODE_FIRST = re.compile(r"(?:\s|#[^\n]*\n)*[\"']?x[0-9]", re.IGNORECASE)


def is_demand(text: str) -> bool:
    """Say whether the text describes nodes rather than naming them: no node is named first."""
    return bool(text.strip()) and not _NODE_FIRST.match(text) and text.strip()[0] not in "[,"


def parse_node_choice(text: str) -> NodeChoice:
    """Read a host list, or lines that map a source node to a target node.

    A mapping has one pair a line: `x1000c0s0b0n0 x9000c1s0b0n0`; `=`, `:`, `->` or spaces
    between the two; `#` starts a comment. Anything else is read as a host list.

    Raises:
        UsageError: Neither; some lines are pairs and others are not; or a node is named twice on
            one side.
    """
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    pairs = [_pair(line) for line in lines if line]
    read = [pair for pair in pairs if pair is not None]
    if not read:
        return NodeChoice(targets=expand_host_list(" ".join(lines)))
    if len(read) < len(pairs):
        odd = next(line for line in lines if line and _pair(line) is None)
        raise UsageError(
            f"'{odd[:60]}' is not a pair of nodes, and other lines are.",
            todo="Write a pair 'source target' on every line, or one target node a line.",
        )
    return NodeChoice(pairs=_pairs(read))


_SEPARATORS = ("->", "=", ":", ",", " ", "\t")


def _pair(line: str) -> tuple[str, str] | None:
    for separator in _SEPARATORS:
        left, found, right = line.partition(separator)
        if found:
            names = (normalise_xname(left.strip(" \"'")), normalise_xname(right.strip(" \"',")))
            is_pair = all(is_node_xname(name) for name in names)
            return names if is_pair and separator != "," else None
    return None


def _pairs(pairs: list[tuple[str, str]]) -> dict[str, str]:
    for side, names in (("source", [p[0] for p in pairs]), ("target", [p[1] for p in pairs])):
        twin = first_twin(names)
        if twin:
            raise UsageError(f"The node mapping names the {side} node {twin} more than once.")
    return dict(pairs)
