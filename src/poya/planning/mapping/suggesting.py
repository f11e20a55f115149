# SPDX-License-Identifier: Apache-2.0
"""A mapping proposed from what both sites say of themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from poya.documents import Document, Json
from poya.model.intent import Intent
from poya.model.inventory import Inventory
from poya.model.mapping import Rename, RenamedKind, RootfsProvider, Rule, Rules, Words
from poya.model.names import new_names
from poya.model.records import KIND_TITLES, KINDS
from poya.model.vcluster import VCluster
from poya.planning.mapping.applying import apply_mapping

# How HPE's names of a site's services begin: `<service>.<network>.<system>.<site domain>`.
_SERVICE = re.compile(
    r"\b(?:vcs|api|auth|s3|nexus|registry|rgw-vip)\.(?:cmn|can|chn|nmn|nmnlb|hmnlb)"
    r"\.([a-z0-9-]+(?:\.[a-z0-9-]+)+)"
)
_SBPS = re.compile(r"_sbps-(?:hsn|nmn)\._tcp\.([a-z0-9-]+(?:\.[a-z0-9-]+)+)")
_IQN = re.compile(r"\b(iqn\.\d{4}-\d{2}\.[a-z0-9.-]+)")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule, and why it is proposed."""

    rule: Rule
    reason: str


def suggest(vcluster: VCluster, inventory: Inventory) -> tuple[Suggestion, ...]:
    """Propose rules for what belongs to the source's site; empty if nothing does.

    Node names are not proposed: that is a choice of hardware.
    """
    made: list[Suggestion] = []
    for propose in (_words, _providers, _renames):
        mapped = apply_mapping(vcluster, tuple(s.rule for s in made)).vcluster
        made.extend(propose(mapped, inventory))
    return tuple(made)


def domain_of(documents: Iterable[Document]) -> str:
    """The `<system>.<site domain>` that these documents name most often; empty if none."""
    texts = [text for document in documents for text in _texts(document.value)]
    return _most_common(m for text in texts for p in (_SERVICE, _SBPS) for m in p.findall(text))


def domain_at(inventory: Inventory) -> str:
    """The target's own, as its configurations and templates name it; empty if none."""
    entities = inventory.entities.items()
    return domain_of(document for ref, document in entities if ref.kind != "group")


def documents_of(vcluster: VCluster) -> list[Document]:
    """The documents of a vCluster that may name its site."""
    return [
        *(configuration.document for configuration in vcluster.configurations),
        *(template.document for template in vcluster.templates),
    ]


def _words(vcluster: VCluster, inventory: Inventory) -> Iterator[Suggestion]:
    ours, theirs = documents_of(vcluster), list(inventory.entities.values())
    here, there = domain_of(ours), domain_of(theirs)
    if here and there and here != there:
        reason = f"{here} is the domain of {vcluster.site}, {there} that of {inventory.label}"
        yield Suggestion(Words({here: there}), reason)
    here, there = _iqn_of(ours), _iqn_of(theirs)
    if here and there and here != there:
        yield Suggestion(Words({here: there}), f"{inventory.label} serves images as {there}")


def _iqn_of(documents: Iterable[Document]) -> str:
    texts = [text for document in documents for text in _texts(document.value)]
    return _most_common(found for text in texts for found in _IQN.findall(text))


def _providers(vcluster: VCluster, inventory: Inventory) -> Iterator[Suggestion]:
    known = inventory.capabilities.rootfs_providers
    used = sorted(
        {
            (boot_set.rootfs_provider, boot_set.rootfs_provider_passthrough)
            for template in vcluster.templates
            for boot_set in template.boot_sets
            if boot_set.rootfs_provider and known and boot_set.rootfs_provider not in known
        }
    )
    after = _provider_at(inventory)
    for provider, passthrough in used if after else ():
        assert after is not None
        rule = RootfsProvider(provider, after[0], passthrough, after[1])
        reason = (
            f"{inventory.label} does not boot from {provider}; its own templates use {after[0]}. "
            "The image must hold what that provider needs"
        )
        yield Suggestion(rule, reason)


def _provider_at(inventory: Inventory) -> tuple[str, str] | None:
    """Provider and passthrough that most boot sets of the target have."""
    counted: Counter[tuple[str, str]] = Counter()
    for ref, document in inventory.entities.items():
        boot_sets = document.value.get("boot_sets") if ref.kind == "template" else None
        for boot_set in boot_sets.values() if isinstance(boot_sets, dict) else ():
            if isinstance(boot_set, dict):
                provider = str(boot_set.get("rootfs_provider") or "")
                passthrough = str(boot_set.get("rootfs_provider_passthrough") or "")
                if provider in inventory.capabilities.rootfs_providers:
                    counted[provider, passthrough] += 1
    return max(counted, key=lambda pair: (counted[pair], pair), default=None)


def _renames(vcluster: VCluster, inventory: Inventory) -> Iterator[Suggestion]:
    """New names where the target's are taken by something else."""
    from poya.planning.planner import make_plan  # noqa: PLC0415 - the planner applies mappings

    plan = make_plan(vcluster, inventory, Intent())
    for entity in plan.entities:
        if entity.action == "refuse":
            taken = inventory.names(entity.kind)
            suffix = f"-{vcluster.site.rpartition('/')[2]}"
            suffix = suffix.lower() if entity.kind == "group" else suffix
            name = next(n for n in new_names(entity.name, suffix) if n not in taken)
            reason = f"{inventory.label} has another {KIND_TITLES[entity.kind]} {entity.name}"
            yield Suggestion(Rename(entity.kind, {entity.name: name}), reason)


def rules_of(suggestions: Iterable[Suggestion]) -> Rules:
    """The rules alone; those that only differ in their names as one."""
    words: dict[str, str] = {}
    renamed: dict[RenamedKind, dict[str, str]] = {}
    others: list[Rule] = []
    for suggestion in suggestions:
        rule = suggestion.rule
        if isinstance(rule, Words):
            words.update(rule.words)
        elif isinstance(rule, Rename):
            renamed.setdefault(rule.kind, {}).update(rule.names)
        else:
            others.append(rule)
    renames = (Rename(kind, renamed[kind]) for kind in KINDS if kind in renamed)
    return (*renames, *((Words(words),) if words else ()), *others)


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value.lower()
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _most_common(names: Iterable[str]) -> str:
    counted = Counter(names)
    return max(counted, key=lambda name: (counted[name], name), default="")
