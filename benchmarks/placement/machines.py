"""Made-up machines of any size, the same for the same seed."""

from __future__ import annotations

import random

from poya.placement.facts import Machine, NodeFacts, Shape

Kind = tuple[str, tuple[tuple[str, int], ...], int, tuple[str, ...], int, int, int, str]

# model, parts, accelerators, accelerator names, memory GiB, interfaces, nodes on a blade, arch
KINDS: tuple[Kind, ...] = (
    ("EX254n", (("gh200", 4), ("grace", 4)), 4, ("gh200",), 480, 4, 2, "ARM"),
    ("EX235n", (("a100", 4), ("milan", 1)), 4, ("a100",), 512, 2, 2, "X86"),
    ("EX425-rome", (("epyc", 2), ("rome", 2)), 0, (), 256, 1, 4, "X86"),
    ("EX425-milan", (("epyc", 2), ("milan", 2)), 0, (), 256, 1, 4, "X86"),
    ("EX235a", (("instinct", 4), ("mi250x", 4), ("trento", 1)), 4, ("mi250x",), 512, 4, 2, "X86"),
)
BLADES_PER_CABINET = 64


def machine_of(nodes: int, seed: int = 1) -> Machine:
    """A machine of about so many nodes: 2 % locked, 10 % of tenants, 18 % in other groups."""
    dice = random.Random(seed)
    found: list[NodeFacts] = []
    cabinet = 0
    while len(found) < nodes:
        kinds = [KINDS[cabinet % len(KINDS)], *dice.sample(KINDS, dice.choice((0, 0, 1, 2)))]
        for blade in range(BLADES_PER_CABINET):
            found.extend(_blade(dice, dice.choice(kinds), cabinet, blade))
        cabinet += 1
    groups = {f"x{1000 + i}": f"g{i // 4}" for i in range(cabinet)}
    return Machine.of("bench", found[:nodes], switch_groups=groups)


def _blade(dice: random.Random, kind: Kind, cabinet: int, blade: int) -> list[NodeFacts]:
    model, parts, accelerators, names, memory_gib, hsn, size, arch = kind
    shape = Shape(
        parts=tuple(sorted(parts)),
        narrowest=tuple(sorted(parts)),
        accelerator_names=names,
        accelerators=accelerators,
        processors=1,
        hsn=hsn,
        memory_mib=memory_gib * 1024,
        model=model,
        firmware=dice.choices(("1.7.1", "1.6.4"), (0.9, 0.1))[0],
    )
    return [
        NodeFacts(
            xname=f"x{1000 + cabinet}c{blade // 8}s{blade % 8}b{n // 2}n{n % 2}",
            shape=shape,
            nid=cabinet * 1000 + blade * 4 + n,
            arch=arch,
            role="Compute",
            state="Ready",
            is_locked=dice.random() < 0.02,
            tenant="blue" if dice.random() < 0.1 else "",
            groups=("daint",) if dice.random() < 0.18 else (),
        )
        for n in range(size)
    ]
