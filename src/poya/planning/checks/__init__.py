# SPDX-License-Identifier: Apache-2.0
"""The checks: one file each, found by being here.

A check is a module with a function `check(case)` that yields findings. It may also have
`predict(case)`, which yields texts that the target's own validation will answer because of what
the check told. A check never raises and never stops another.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType

from poya.model.finding import Finding
from poya.model.image import Image
from poya.model.intent import Intent
from poya.model.inventory import Inventory
from poya.model.names import sorted_xnames
from poya.model.plan import EntityPlan, ImagePlan
from poya.model.records import BootSet, Kind, Node, SessionTemplate
from poya.model.vcluster import VCluster
from poya.planning.architectures import Origin
from poya.planning.nodes import NodeMap

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Case:
    """All that a check may look at.

    Attributes:
        archs: Image id → what it is for, where only something else than its record says it.
    """

    vcluster: VCluster
    inventory: Inventory
    intent: Intent
    nodes: NodeMap
    images: tuple[ImagePlan, ...]
    entities: tuple[EntityPlan, ...]
    archs: Mapping[str, Origin] = field(default_factory=dict)

    def of_kind(self, kind: Kind) -> tuple[EntityPlan, ...]:
        """The planned entities of one kind."""
        return tuple(entity for entity in self.entities if entity.kind == kind)

    def sources_of(self, boot_set: BootSet) -> list[str]:
        """The source's nodes that the boot set boots by its groups and its node list."""
        return [*self.vcluster.booted_by(boot_set)]

    def targets(self) -> list[Node]:
        """The target's nodes that take part, as the target knows them."""
        known = self.inventory.nodes or {}
        names = sorted_xnames(set(self.nodes.pairs.values()))
        return [known[name] for name in names if name in known]

    def image_of(self, boot_set: BootSet) -> Image | None:
        """The captured image that a boot set boots."""
        images = self.vcluster.images
        return next((i for i in images if i.manifest_path == boot_set.path), None)

    def boot_sets(self) -> Iterator[tuple[SessionTemplate, BootSet]]:
        """Every boot set of every template."""
        for template in self.vcluster.templates:
            for boot_set in template.boot_sets:
                yield template, boot_set


def images_named(images: Sequence[Image]) -> str:
    """Images that one finding is about, in words: `IMS images a, b, c and 4 more`."""
    names = [image.name for image in images]
    shown = ", ".join(names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"IMS image{'s' if len(names) > 1 else ''} {shown}{more}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What all checks said."""

    findings: tuple[Finding, ...]
    predicted: tuple[str, ...]


def run_checks(case: Case) -> Outcome:
    """Run every check and collect what they say."""
    findings: list[Finding] = []
    predicted: list[str] = []
    for module in _modules():
        findings.extend(module.check(case))
        if hasattr(module, "predict"):
            predicted.extend(module.predict(case))
    return Outcome(tuple(findings), tuple(sorted(set(predicted))))


@cache
def _modules() -> tuple[ModuleType, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in names)
