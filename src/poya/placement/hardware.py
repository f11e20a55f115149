# SPDX-License-Identifier: Apache-2.0
"""From the parts that HSM lists to the shape of each node."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from poya.placement.facts import Shape
from poya.placement.naming import ACCELERATOR, NIC, PROCESSOR, Namer, PartKind

_NODE_OF = re.compile(r"x\d+c\d+s\d+b\d+n\d+")
_KINDS: Mapping[str, PartKind] = {
    "processor": PROCESSOR,
    "nodeaccel": ACCELERATOR,
    "nodehsnnic": NIC,
}


@dataclass(frozen=True, slots=True)
class ListedPart:
    """A part as an inventory lists it (`GET /Inventory/Hardware`, flat).

    Attributes:
        kind: HSM's type: Node, Processor, NodeAccel, Memory, NodeHsnNic.
        is_populated: A part sits there; an empty slot is listed too.
        memory_mib: Of a memory module; of a node, what its summary says.
        firmware: Of a node: its BIOS version.
    """

    xname: str
    kind: str
    model: str = ""
    is_populated: bool = True
    memory_mib: int = 0
    cores: int = 0
    firmware: str = ""


@dataclass
class _Tally:
    """What was counted of one node so far."""

    parts: Counter[str] = field(default_factory=Counter)
    narrowest: Counter[str] = field(default_factory=Counter)
    accelerator_names: set[str] = field(default_factory=set)
    nic_names: set[str] = field(default_factory=set)
    kinds: Counter[PartKind] = field(default_factory=Counter)
    modules_mib: int = 0
    summary_mib: int = 0
    cores: int = 0
    model: str = ""
    firmware: str = ""


def shapes_of(parts: Iterable[ListedPart], namer: Namer) -> dict[str, Shape]:
    """The shape of every node that the inventory lists parts of, by xname.

    A part without a name in the table still counts as an accelerator, a processor or an
    interface. Memory is the sum of the modules, else what the node's summary says.
    """
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    for part in parts:
        match = _NODE_OF.match(part.xname)
        if match and part.is_populated:
            _count(tallies[match[0]], part, namer)
    interned: dict[Shape, Shape] = {}
    return {
        xname: interned.setdefault(shape, shape)
        for xname, tally in tallies.items()
        for shape in [_shape(tally)]
    }


def _count(tally: _Tally, part: ListedPart, namer: Namer) -> None:
    kind = _KINDS.get(part.kind.lower())
    if kind is not None:
        tally.kinds[kind] += 1
        tally.cores += part.cores if kind == PROCESSOR else 0
        names = namer.names(kind, part.model)
        tally.parts.update(names)
        if kind == ACCELERATOR:
            tally.accelerator_names.update(names)
        elif kind == NIC:
            tally.nic_names.update(names)
        if names:
            tally.narrowest[names[0]] += 1
    elif part.kind.lower() == "memory":
        tally.modules_mib += part.memory_mib
    elif part.kind.lower() == "node":
        tally.summary_mib = part.memory_mib
        tally.model, tally.firmware = part.model.strip(), part.firmware.strip()


def _shape(tally: _Tally) -> Shape:
    return Shape(
        parts=tuple(sorted(tally.parts.items())),
        narrowest=tuple(sorted(tally.narrowest.items())),
        accelerator_names=tuple(sorted(tally.accelerator_names)),
        nic_names=tuple(sorted(tally.nic_names)),
        accelerators=tally.kinds[ACCELERATOR],
        processors=tally.kinds[PROCESSOR],
        hsn=tally.kinds[NIC],
        cores=tally.cores,
        memory_mib=tally.modules_mib or tally.summary_mib,
        model=tally.model,
        firmware=tally.firmware,
        is_inventoried=bool(tally.kinds or tally.modules_mib or tally.summary_mib),
    )
