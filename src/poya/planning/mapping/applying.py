# SPDX-License-Identifier: Apache-2.0
"""A whole vCluster under a mapping: every document rewritten, and every change said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from poya.documents import Document
from poya.errors import BadAnswer
from poya.model.finding import Finding
from poya.model.image import Image
from poya.model.mapping import Rename, Rules
from poya.model.plan import Change
from poya.model.records import (
    KIND_TITLES,
    Configuration,
    EntityRef,
    Group,
    Kind,
    SessionTemplate,
)
from poya.model.vcluster import VCluster
from poya.planning.diff import changes
from poya.planning.mapping.patching import PatchFailed
from poya.planning.mapping.rewriting import name_in, rewritten

_MOST_NAMES = 6
_Entity = TypeVar("_Entity", Group, Configuration, SessionTemplate)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A vCluster as a mapping wants it.

    Attributes:
        origins: The name that each entity has at the source, by what it is called now.
        changes: Field by field, for each entity that was changed.
        findings: What of the mapping could not be done, or does nothing.
        notes: What else was altered in an entity before it was planned, in words.
    """

    vcluster: VCluster
    origins: Mapping[EntityRef, str] = field(default_factory=dict)
    changes: Mapping[EntityRef, tuple[Change, ...]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    notes: Mapping[EntityRef, tuple[str, ...]] = field(default_factory=dict)


def apply_mapping(vcluster: VCluster, mapping: Rules) -> Mapped:
    """Apply the rules in their order. A document that a rule does not fit is left as it was."""
    if not mapping:
        return Mapped(vcluster)
    work = _Work(mapping)
    mapped = replace(
        vcluster,
        name=_renamed(vcluster.name, "group", mapping),
        groups=work.all("group", Group.of, ((g.label, g.document) for g in vcluster.groups)),
        configurations=work.all(
            "configuration",
            Configuration.of,
            ((c.name, c.document) for c in vcluster.configurations),
        ),
        templates=work.all(
            "template", SessionTemplate.of, ((t.name, t.document) for t in vcluster.templates)
        ),
        images=tuple(_image(image, mapping) for image in vcluster.images),
    )
    findings = (*work.findings, *_twins(work.refs), *_unused(vcluster, mapping))
    return Mapped(mapped, work.origins, work.changes, findings)


class _Work:
    """Collects what happens while the documents are rewritten one by one."""

    def __init__(self, mapping: Rules) -> None:
        self._mapping = mapping
        self.refs: list[EntityRef] = []
        self.origins: dict[EntityRef, str] = {}
        self.changes: dict[EntityRef, tuple[Change, ...]] = {}
        self.findings: list[Finding] = []

    def all(
        self,
        kind: Kind,
        read: Callable[[Document], _Entity],
        documents: Iterable[tuple[str, Document]],
    ) -> tuple[_Entity, ...]:
        return tuple(self._one(kind, read, name, document) for name, document in documents)

    def _one(
        self, kind: Kind, read: Callable[[Document], _Entity], name: str, document: Document
    ) -> _Entity:
        changed = document
        for rule in self._mapping:
            try:
                value = rewritten(rule, kind, changed.editable())
                candidate = changed if value == changed.value else Document.of(value)
                read(candidate)
            except (PatchFailed, BadAnswer) as error:
                self.findings.append(_does_not_fit(kind, name, f"{error}"))
            else:
                changed = candidate
        entity = read(changed)
        ref = EntityRef(kind, name_in(kind, changed.value))
        self.refs.append(ref)
        self.origins[ref] = name
        if found := changes(document.value, changed.value):
            self.changes[ref] = found
        return entity


def _does_not_fit(kind: Kind, name: str, why: str) -> Finding:
    return Finding(
        "mapping-does-not-fit",
        "critical",
        f"{KIND_TITLES[kind]} {name}",
        "A rule of the mapping does not fit it.",
        evidence=why,
        remedy="Correct the mapping; a failed test means that the source is not what it was.",
    )


def _twins(refs: Iterable[EntityRef]) -> Iterator[Finding]:
    for ref, number in sorted(Counter(refs).items()):
        if number > 1:
            yield Finding(
                "mapping-collision",
                "critical",
                str(ref),
                f"The mapping gives this name to {number} of the vCluster's own.",
                remedy="Give each of them a name of its own.",
            )


def _unused(vcluster: VCluster, mapping: Rules) -> Iterator[Finding]:
    """New names for what the vCluster does not have: a slip, or a mapping made for more."""
    held = {
        "group": {group.label for group in vcluster.groups},
        "configuration": {configuration.name for configuration in vcluster.configurations},
        "template": {template.name for template in vcluster.templates},
        "image": {image.name for image in vcluster.images},
    }
    for rule in mapping:
        if isinstance(rule, Rename):
            unknown = sorted(rule.names.keys() - held[rule.kind])
            held[rule.kind] |= {rule.names.get(name, name) for name in held[rule.kind]}
            if unknown:
                yield Finding(
                    "mapping-unused",
                    "info",
                    f"vCluster {vcluster.name}",
                    f"The mapping renames {KIND_TITLES[rule.kind]}s that it does not have.",
                    evidence=", ".join(unknown[:_MOST_NAMES]),
                )


def _image(image: Image, mapping: Rules) -> Image:
    name = _renamed(image.name, "image", mapping)
    if name == image.name:
        return image
    record = image.document.editable()
    record["name"] = name
    return replace(image, name=name, document=Document.of(record))


def _renamed(name: str, kind: str, mapping: Rules) -> str:
    for rule in mapping:
        if isinstance(rule, Rename) and rule.kind == kind:
            name = rule.names.get(name, name)
    return name
