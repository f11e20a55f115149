# SPDX-License-Identifier: Apache-2.0
"""What a part is called: from the free text that Redfish reports to names that sites share.

The same processor reads `AMD EPYC 7742 64-Core Processor` at one site and `EPYC-7742` at another.
A demand speaks of `rome` or `epyc`. `TABLE` leads from one to the other; a site's configuration
adds to it, and `Namer.unrecognised` tells what no row of it fits.
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

PartKind: TypeAlias = Literal["Processor", "NodeAccel", "NodeHsnNic"]
ACCELERATOR: PartKind = "NodeAccel"
PROCESSOR: PartKind = "Processor"
NIC: PartKind = "NodeHsnNic"

_MARKS = re.compile(r"\((?:r|tm|c)\)|[®™©]", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s_/,;()\[\]-]+")
_GIGABYTES = re.compile(r"\b(\d{2,3}) ?g(?:i?b)?\b")
_EPYC_NUMBER = re.compile(r"epyc (\d[0-9a-z]\d\d[a-z]{0,2})\b")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: parts of a kind whose folded model fits get the names.

    Attributes:
        pattern: A regular expression, looked for in the folded model.
        names: The narrowest first: that one is written when a demand is derived.
    """

    kind: PartKind
    pattern: str
    names: tuple[str, ...]


TABLE: tuple[Row, ...] = (
    Row(ACCELERATOR, r"\bgh200\b|grace hopper", ("gh200", "hopper", "nvidia")),
    Row(ACCELERATOR, r"\bgb200\b", ("gb200", "blackwell", "nvidia")),
    Row(ACCELERATOR, r"\bh200\b", ("h200", "hopper", "nvidia")),
    Row(ACCELERATOR, r"\bh100\b", ("h100", "hopper", "nvidia")),
    Row(ACCELERATOR, r"\ba100x?\b", ("a100", "ampere", "nvidia")),
    Row(ACCELERATOR, r"\bv100s?\b", ("v100", "volta", "nvidia")),
    Row(ACCELERATOR, r"\bp100\b", ("p100", "pascal", "nvidia")),
    Row(ACCELERATOR, r"\bl40s?\b", ("l40", "nvidia")),
    Row(ACCELERATOR, r"\bmi300a\b", ("mi300a", "mi300", "instinct", "amd")),
    Row(ACCELERATOR, r"\bmi300x\b", ("mi300x", "mi300", "instinct", "amd")),
    Row(ACCELERATOR, r"\bmi250x\b", ("mi250x", "mi200", "instinct", "amd")),
    Row(ACCELERATOR, r"instinct mi200\b", ("mi250x", "mi200", "instinct", "amd")),
    Row(ACCELERATOR, r"\bmi250\b", ("mi250", "mi200", "instinct", "amd")),
    Row(ACCELERATOR, r"\bmi210\b", ("mi210", "mi200", "instinct", "amd")),
    Row(ACCELERATOR, r"\bmi100\b", ("mi100", "instinct", "amd")),
    Row(ACCELERATOR, r"gpu max|ponte vecchio", ("pvc", "intel")),
    Row(PROCESSOR, r"epyc 7[0-9a-z]\d1", ("naples", "epyc", "amd")),
    Row(PROCESSOR, r"epyc 7a53|trento", ("trento", "milan", "epyc", "amd")),
    Row(PROCESSOR, r"epyc 7[0-9a-z]\d2|\brome\b", ("rome", "epyc", "amd")),
    Row(PROCESSOR, r"epyc 7(?!a53)[0-9a-z]\d3|\bmilan\b", ("milan", "epyc", "amd")),
    Row(PROCESSOR, r"epyc 97\d4|bergamo", ("bergamo", "epyc", "amd")),
    Row(PROCESSOR, r"epyc 9[0-689]\d4|genoa", ("genoa", "epyc", "amd")),
    Row(PROCESSOR, r"epyc 9\d\d5|turin", ("turin", "epyc", "amd")),
    Row(PROCESSOR, r"\bmi300a\b", ("mi300a", "amd")),
    Row(PROCESSOR, r"\bgrace\b", ("grace", "nvidia")),
    Row(PROCESSOR, r"xeon max|xeon cpu max", ("xeon-max", "sapphire-rapids", "xeon", "intel")),
    Row(PROCESSOR, r"xeon (?:platinum|gold|silver) [3-8]4\d\d", ("sapphire-rapids", "xeon")),
    Row(PROCESSOR, r"xeon (?:platinum|gold|silver) [3-8]5\d\d", ("emerald-rapids", "xeon")),
    Row(PROCESSOR, r"xeon (?:platinum|gold|silver) [3-8]3\d\d", ("ice-lake", "xeon")),
    Row(PROCESSOR, r"xeon (?:platinum|gold|silver) [3-8]2\d\d", ("cascade-lake", "xeon")),
    Row(PROCESSOR, r"xeon (?:platinum|gold|silver) [3-8]1\d\d", ("skylake", "xeon")),
    Row(PROCESSOR, r"\bxeon\b", ("xeon", "intel")),
    Row(PROCESSOR, r"\bepyc\b", ("epyc", "amd")),
    Row(PROCESSOR, r"a64fx", ("a64fx", "fujitsu")),
    Row(NIC, r"cassini|slingshot (?:11|200)|\bss11\b|200gb", ("cassini", "slingshot-11")),
    Row(NIC, r"connectx ?5|\bcx5\b|\bss10\b|timms", ("connectx-5", "slingshot-10")),
)


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """A model that no row of the table fits."""

    kind: PartKind
    model: str
    parts: int


class Namer:
    """Names parts by the table and a site's own rows, and remembers what it did not know."""

    def __init__(self, own: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """Take a site's own names: name → globs on the folded model; they come first."""
        self._own = tuple((name.lower(), globs) for name, globs in (own or {}).items())
        self._unknown: Counter[tuple[PartKind, str]] = Counter()
        self._names = lru_cache(maxsize=4096)(self._find)

    def names(self, kind: PartKind, model: str) -> tuple[str, ...]:
        """What a part is called, the narrowest family first; empty if nothing fits."""
        found = self._names(kind, model)
        if not found:
            self._unknown[kind, model.strip()] += 1
        return found

    def unrecognised(self) -> tuple[Unrecognised, ...]:
        """The models that nothing fitted so far, the most frequent first."""
        ordered = sorted(self._unknown.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Unrecognised(kind, model, n) for (kind, model), n in ordered)

    def _find(self, kind: PartKind, model: str) -> tuple[str, ...]:
        folded = fold(model)
        own = [n for n, globs in self._own if any(fnmatch.fnmatchcase(folded, g) for g in globs)]
        rows = [r for r in TABLE if r.kind == kind and re.search(r.pattern, folded)]
        names = [*own, *(name for row in rows for name in row.names)]
        return tuple(dict.fromkeys([*names, *_narrower(kind, folded, names)]))


def fold(model: str) -> str:
    """A model as patterns see it: lower case, no trademarks, single spaces between words."""
    return _BETWEEN.sub(" ", _MARKS.sub(" ", model)).strip().lower()


def _narrower(kind: PartKind, folded: str, names: list[str]) -> list[str]:
    """Names that carry a number of the model: `a100-80gb`, `epyc-7742`."""
    if not names:
        return []
    if kind == ACCELERATOR and (size := _GIGABYTES.search(folded)):
        return [f"{names[0]}-{size[1]}gb"]
    if kind == PROCESSOR and (number := _EPYC_NUMBER.search(folded)):
        return [f"epyc-{number[1]}"]
    return []
