"""Small random sites and demands, and what trying every assignment of nodes says of them.

It shares nothing with the code under test but the facts that it hands over: what a demand means
is spelled out again here, on single nodes.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from poya.placement.facts import Machine, NodeFacts, Shape
from poya.placement.holding import Asker

Assignment = tuple[int | None, ...]
Test = Callable[[NodeFacts], bool]
COSTS = ("waived", "joining", "missed", "switch-groups", "cabinets", "blades", "surplus")


@dataclass
class Wish:
    """One class of a demand, as text and as plain Python."""

    text: str
    nodes: int | None = None
    totals: dict[str, int] = field(default_factory=dict)
    tests: list[Test] = field(default_factory=list)
    asked: int = 0
    memory_gib: int = 0
    whole: bool = False
    most: dict[str, int] = field(default_factory=dict)
    same: list[str] = field(default_factory=list)
    prefer: list[Test] = field(default_factory=list)


@dataclass
class Puzzle:
    machine: Machine
    asker: Asker
    wishes: list[Wish]
    together: dict[str, int]
    keep: bool

    @property
    def text(self) -> str:
        lines = [wish.text for wish in self.wishes]
        if self.together:
            lines.append(
                "together " + ", ".join(_LIMITS[k].format(n) for k, n in self.together.items())
            )
        return "\n".join([*lines, *(["keep members"] if self.keep else [])])


_LIMITS = {
    "cabinet": "at most {} cabinets",
    "group": "within {} switch groups",
    "per blade": "at most {} per blade",
    "per cabinet": "at most {} per cabinet",
}
_KINDS = {
    "gpu": Shape(
        (("a100", 4), ("milan", 1)), (), ("a100",), (), 4, 1, 2, 64, 512 * 1024, "N", "1"
    ),
    "half": Shape(
        (("a100", 2), ("milan", 1)), (), ("a100",), (), 2, 1, 2, 64, 256 * 1024, "H", "1"
    ),
    "cpu": Shape((("rome", 2),), (), (), (), 0, 2, 1, 128, 256 * 1024, "C", "1"),
    "fat": Shape((("rome", 2),), (), (), (), 0, 2, 1, 128, 1024 * 1024, "C", "2"),
}


def puzzle(seed: int) -> Puzzle:
    """The puzzle of this number."""
    dice = random.Random(seed)
    machine = _machine(dice, seed)
    names = ["a", "b"][: dice.choice((1, 1, 2))]
    wishes = [_wish(dice, name) for name in names]
    together = {}
    if dice.random() < 0.3:
        together["cabinet"] = dice.choice((1, 2))
    if dice.random() < 0.2:
        together["group"] = 1
    accepted = frozenset(r for r in ("locked", "group:other") if dice.random() < 0.25)
    asker = Asker(group="ours", accepted=accepted)
    return Puzzle(machine, asker, wishes, together, keep=dice.random() < 0.2)


def _machine(dice: random.Random, seed: int) -> Machine:
    nodes: list[NodeFacts] = []
    while len(nodes) < dice.choice((5, 6, 7, 8)):
        blade = f"x{dice.choice((1, 2, 3))}c0s{len(nodes)}"
        kinds = (
            [dice.choice(list(_KINDS))] * 2
            if dice.random() < 0.7
            else dice.sample(list(_KINDS), 2)
        )
        for n, kind in enumerate(kinds[: dice.choice((1, 2, 2))]):
            nodes.append(_node(dice, f"{blade}b0n{n}", _KINDS[kind]))
    groups = {"x1": "g0", "x2": "g0", "x3": "g1"}
    return Machine.of(f"site {seed}", nodes[:8], switch_groups=groups)


def _node(dice: random.Random, xname: str, shape: Shape) -> NodeFacts:
    return NodeFacts(
        xname=xname,
        shape=shape,
        role="Compute" if dice.random() < 0.93 else dice.choice(("Application", "Management")),
        state="Ready" if dice.random() < 0.8 else "Off",
        is_locked=dice.random() < 0.15,
        is_enabled=dice.random() < 0.93,
        groups=tuple(g for g, p in (("ours", 0.2), ("other", 0.2)) if dice.random() < p),
    )


def _wish(dice: random.Random, name: str) -> Wish:
    wish = _totals(dice, name) if dice.random() < 0.3 else _count(dice, name)
    for key, chance, choices in (
        ("cabinet", 0.25, (1, 2)),
        ("group", 0.15, (1,)),
        ("per blade", 0.2, (1,)),
        ("per cabinet", 0.15, (1, 2)),
    ):
        if dice.random() < chance and not (key == "per blade" and wish.whole):
            wish.most[key] = dice.choice(choices)
            wish.text += ", " + _LIMITS[key].format(wish.most[key])
    for same in ("firmware", "model"):
        if dice.random() < 0.2:
            wish.same.append(same)
            wish.text += f", prefer same {same}"
    if dice.random() < 0.2:
        wish.prefer.append(lambda node: node.state == "Ready")
        wish.text += ", prefer state = Ready"
    return wish


def _count(dice: random.Random, name: str) -> Wish:
    nodes = dice.choice((1, 1, 2, 2, 3, 4))
    wish = Wish("", nodes=nodes, tests=[lambda node: node.role == "Compute"])
    said: list[str] = []
    if dice.random() < 0.5:
        wish.asked = dice.choice((1, 2, 4))
        said.append(f"a100 >= {wish.asked}")
        wish.tests.append(_has_at_least("a100", wish.asked))
    if dice.random() < 0.4:
        wish.memory_gib = dice.choice((256, 512))
        said.append(f"memory >= {wish.memory_gib}GiB")
        wish.tests.append(_has_at_least("memory", wish.memory_gib))
    if dice.random() < 0.3:
        said.append("state = Ready")
        wish.tests.append(lambda node: node.state == "Ready")
    if dice.random() < 0.15:
        said.append("not (hsn < 2 or model = H)")
        wish.tests.append(lambda node: node.shape.hsn >= 2 and node.shape.model != "H")
    wish.text = f"{name}: {nodes} nodes" + (f" where {' and '.join(said)}" if said else "")
    if dice.random() < 0.25:
        wish.whole = True
        wish.text += ", whole blades"
    elif dice.random() < 0.2:
        wish.nodes = nodes + 1
        wish.text += ", 1 spare"
    return wish


def _has_at_least(component: str, least: int) -> Test:
    return lambda node: _has(node, component) >= least


def _totals(dice: random.Random, name: str) -> Wish:
    totals = dice.choice(({"a100": 6}, {"a100": 4, "rome": 2}, {"rome": 5}, {"memory": 768}))
    unit = {"memory": "GiB"}
    words = [f"{n}{unit.get(c, '')} {c}" for c, n in totals.items()]
    return Wish(
        f"{name}: total {' and '.join(words)}",
        totals=totals,
        tests=[lambda node: node.role == "Compute"],
    )


# What every assignment is worth


def best(puzzle: Puzzle) -> tuple[int, ...] | None:
    """The least costs of any assignment that is permitted, in lexicographic order."""
    found = [
        costs(puzzle, assigned) for assigned in _assignments(puzzle) if permitted(puzzle, assigned)
    ]
    return min(found) if found else None


def _assignments(puzzle: Puzzle) -> Iterator[Assignment]:
    choices = []
    for node in puzzle.machine.nodes:
        fits = [i for i, wish in enumerate(puzzle.wishes) if _may(node, wish, puzzle)]
        choices.append([None, *fits])
    yield from itertools.product(*choices)


def _may(node: NodeFacts, wish: Wish, puzzle: Puzzle) -> bool:
    if node.role == "Management" or not all(test(node) for test in wish.tests):
        return False
    if wish.totals and not any(_has(node, component) for component in wish.totals):
        return False
    return not (_held(node) - puzzle.asker.accepted)


def _held(node: NodeFacts) -> frozenset[str]:
    if "ours" in node.groups:
        return frozenset()
    said = {
        "locked": node.is_locked,
        "disabled": not node.is_enabled,
        "group:other": "other" in node.groups,
    }
    return frozenset(name for name, holds in said.items() if holds)


def _has(node: NodeFacts, component: str) -> int:
    if component == "memory":
        return node.shape.memory_mib // 1024
    return dict(node.shape.parts).get(component, 0)


def permitted(puzzle: Puzzle, assigned: Assignment) -> bool:
    nodes = puzzle.machine.nodes
    for i, wish in enumerate(puzzle.wishes):
        mine = [node for node, to in zip(nodes, assigned, strict=True) if to == i]
        if not _amount_is_right(wish, mine, nodes, puzzle) or not _within(mine, wish.most):
            return False
        if wish.whole and not _all_of_their_blades(mine, nodes):
            return False
    used = [node for node, to in zip(nodes, assigned, strict=True) if to is not None]
    if not _within(used, puzzle.together):
        return False
    members = [node for node in nodes if "ours" in node.groups]
    return not puzzle.keep or all(node in used for node in members)


def _amount_is_right(
    wish: Wish, mine: list[NodeFacts], nodes: tuple[NodeFacts, ...], puzzle: Puzzle
) -> bool:
    if wish.totals:
        return all(sum(_has(n, c) for n in mine) >= least for c, least in wish.totals.items())
    assert wish.nodes is not None
    if not wish.whole:
        return len(mine) == wish.nodes
    # Whole blades may overshoot by less than the largest blade that the class could take whole.
    sizes = []
    for blade in {node.blade for node in nodes}:
        there = [node for node in nodes if node.blade == blade]
        if all(_may(node, wish, puzzle) for node in there):
            sizes.append(len(there))
    return wish.nodes <= len(mine) <= wish.nodes + max(sizes, default=1) - 1


def _all_of_their_blades(mine: list[NodeFacts], nodes: tuple[NodeFacts, ...]) -> bool:
    blades = {node.blade for node in mine}
    return all(node in mine for node in nodes if node.blade in blades)


def _within(mine: list[NodeFacts], limits: dict[str, int]) -> bool:
    cabinets = {node.cabinet for node in mine}
    groups = {_switch_group(cabinet) for cabinet in cabinets}
    per_blade = Counter(node.blade for node in mine)
    per_cabinet = Counter(node.cabinet for node in mine)
    numbers = {
        "cabinet": len(cabinets),
        "group": len(groups),
        "per blade": max(per_blade.values(), default=0),
        "per cabinet": max(per_cabinet.values(), default=0),
    }
    return all(numbers[key] <= most for key, most in limits.items())


def _switch_group(cabinet: str) -> str:
    return {"x1": "g0", "x2": "g0", "x3": "g1"}[cabinet]


def costs(puzzle: Puzzle, assigned: Assignment) -> tuple[int, ...]:
    pairs = [
        (n, puzzle.wishes[to])
        for n, to in zip(puzzle.machine.nodes, assigned, strict=True)
        if to is not None
    ]
    used = [node for node, _ in pairs]
    missed = sum(not test(node) for node, wish in pairs for test in wish.prefer)
    for wish in puzzle.wishes:
        mine = [node for node, other in pairs if other is wish]
        for same in wish.same:
            most_common = Counter(getattr(node.shape, same) for node in mine).most_common(1)
            missed += len(mine) - (most_common[0][1] if most_common else 0)
    return (
        sum(bool(_held(node)) for node in used),
        sum("ours" not in node.groups for node in used),
        missed,
        len({_switch_group(node.cabinet) for node in used}),
        len({node.cabinet for node in used}),
        len({node.blade for node in used}),
        sum(_surplus(wish, [n for n, w in pairs if w is wish]) for wish in puzzle.wishes),
    )


def _surplus(wish: Wish, mine: list[NodeFacts]) -> int:
    if wish.totals:
        over = 0
        for component, asked in wish.totals.items():
            size = 16 if component == "memory" else 1
            over += sum(_has(node, component) // size for node in mine) - asked // size
        idle = sum(n.shape.accelerators for n in mine if "a100" not in wish.totals)
        return over + idle
    assert wish.nodes is not None
    over = len(mine) - wish.nodes
    over += sum(max(0, node.shape.accelerators - wish.asked) for node in mine)
    if wish.memory_gib:
        over += sum((node.shape.memory_mib // 1024 - wish.memory_gib) // 16 for node in mine)
    return over
