# SPDX-License-Identifier: Apache-2.0
"""What the operator wants beyond "bring it there": node names, conflicts, new names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from poya.errors import UsageError
from poya.model.mapping import Rules
from poya.model.names import expand_host_list, first_twin, is_node_xname, normalise_xname

Policy: TypeAlias = Literal["fail", "reuse-if-equal", "overwrite", "rename"]
POLICIES: tuple[Policy, ...] = ("fail", "reuse-if-equal", "overwrite", "rename")


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """The target's nodes, chosen by hand.

    Attributes:
        targets: Nodes to use, in order; paired with the source's nodes of the same architecture.
        pairs: Source node → target node, where the operator wrote both.
    """

    targets: tuple[str, ...] = ()
    pairs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Intent:
    """The operator's wishes for one plan.

    Attributes:
        nodes: None where node names are to stay as they are.
        policies: What to do where the target holds something different under the name, by kind
            (`group`, `configuration`, `template`, `image`); `fail` where a kind is not named.
        suffix: Appended to a name by the policy `rename`.
        mapping: What is called or addressed otherwise at the target.
    """

    nodes: NodeChoice | None = None
    policies: Mapping[str, Policy] = field(default_factory=dict)
    suffix: str = "-migrated"
    mapping: Rules = ()

    def policy(self, kind: str) -> Policy:
        """What to do with a conflict of this kind."""
        return self.policies.get(kind, "fail")


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
