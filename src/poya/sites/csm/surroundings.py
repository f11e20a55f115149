# SPDX-License-Identifier: Apache-2.0
"""What is around a vCluster at a live CSM: what its nodes run now, and who shares its parts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from poya.concurrency import both, together
from poya.csm import BootParameters, Site
from poya.errors import NotFound
from poya.model.names import S3Path, normalise_xname
from poya.model.records import Configuration, SessionTemplate
from poya.model.vcluster import Booted, Gap, Surroundings
from poya.sites.csm.asking import Asking, branch_heads
from poya.sites.csm.circumstances import partitions_of
from poya.sites.csm.endings import endings
from poya.sites.csm.objects import Objects
from poya.sites.csm.shared_boots import shared_boots

# BSS takes its hosts from the query; a URL may have 8 KiB.
_HOSTS_A_REQUEST = 200
_SECRET_KEY = re.compile(r"passw|secret|token|private_?key|shadow", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Captured:
    """What was captured so far: the closure whose surroundings are wanted."""

    templates: tuple[SessionTemplate, ...]
    configurations: tuple[Configuration, ...]
    xnames: tuple[str, ...]
    other_templates: tuple[SessionTemplate, ...]
    own_tenant: str
    roles: frozenset[str] = frozenset()


async def surroundings(
    site: Site, objects: Objects, captured: Captured
) -> tuple[Surroundings, tuple[Gap, ...]]:
    """Ask for all of it at once; a source that is gone is a gap."""
    asking = Asking()
    (branches, (sources, gaps)), (booted, (configured, partitions)) = await both(
        both(
            branch_heads(site, asking, branches_of(captured.configurations)),
            _sources(site, asking, captured.configurations),
        ),
        both(
            asking.about("BSS boot parameters", _booted(site, captured.xnames), ()),
            both(
                asking.about("CFS components", _configured(site, captured.xnames), {}),
                asking.about("HSM partitions", partitions_of(site), {}),
            ),
        ),
    )
    ends, shared = await both(
        endings(site, objects, asking),
        asking.about("BSS records of roles", shared_boots(site, captured.roles), ()),
    )
    wanted = set(captured.xnames)
    found = Surroundings(
        branches=branches,
        sources=sources,
        partitions={x: p for x, p in partitions.items() if x in wanted},
        booted=booted,
        configured=configured,
        sharers=_sharers(captured),
        foreign_templates=tuple(sorted(_foreign(captured))),
        unasked=asking.noted(),
        endings=ends,
        shared_boots=tuple(sorted((_booted_by(r, normal=False) for r in shared), key=_by_hosts)),
    )
    return found, gaps


def branches_of(configurations: Iterable[Configuration]) -> tuple[tuple[str, str], ...]:
    """Every (clone URL, branch) that the configurations follow."""
    layers = [layer for c in configurations for layer in c.repositories()]
    return tuple(
        sorted({(la.clone_url, la.branch) for la in layers if la.clone_url and la.branch})
    )


async def _sources(
    site: Site, asking: Asking, configurations: Iterable[Configuration]
) -> tuple[dict[str, str], tuple[Gap, ...]]:
    names = sorted({la.source for c in configurations for la in c.repositories() if la.source})

    async def ask(name: str) -> str | Gap:
        try:
            return (await site.cfs.sources.get(name)).clone_url
        except NotFound:
            return Gap("source-gone", f"CFS source {name}", f"{site.config.name} has none")

    answers = await together(asking.about(f"CFS source {n}", ask(n), None) for n in names)
    pairs = list(zip(names, answers, strict=True))
    found = {name: answer for name, answer in pairs if isinstance(answer, str)}
    return found, tuple(answer for answer in answers if isinstance(answer, Gap))


async def _booted(site: Site, xnames: tuple[str, ...]) -> tuple[Booted, ...]:
    batches = await together(
        site.bss.boot_parameters.list(hosts) for hosts in _slices(xnames, _HOSTS_A_REQUEST)
    )
    return tuple(sorted((_booted_by(r) for batch in batches for r in batch), key=_by_hosts))


def _by_hosts(booted: Booted) -> tuple[str, ...]:
    return booted.hosts


def _booted_by(record: BootParameters, *, normal: bool = True) -> Booted:
    kernel = S3Path.parse(record.kernel or "")
    return Booted(
        hosts=tuple(sorted(normalise_xname(h) if normal else h for h in record.hosts or ())),
        image=kernel.key.partition("/")[0] if kernel else "",
        has_secrets=any(_SECRET_KEY.search(key) for key in _keys(record.cloud_init)),
    )


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield f"{key}"
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


async def _configured(site: Site, xnames: tuple[str, ...]) -> dict[str, str]:
    wanted = set(xnames)
    if not wanted:
        return {}
    components = await site.cfs.components.list()
    return {c.id: c.desired_config or "" for c in components if c.id in wanted}


def _sharers(captured: Captured) -> dict[str, tuple[str, ...]]:
    """Which other templates use the images, configurations and groups of these."""
    own = dict(_parts(captured.templates))
    users: dict[str, set[str]] = defaultdict(set)
    for template in captured.other_templates:
        for part, _ in _parts((template,)):
            if part in own:
                users[part].add(f"session template {template.name}")
    return {part: tuple(sorted(names)) for part, names in sorted(users.items())}


def _parts(templates: Iterable[SessionTemplate]) -> Iterator[tuple[str, None]]:
    for template in templates:
        for name in template.configurations():
            yield f"CFS configuration {name}", None
        for label in template.node_groups():
            yield f"HSM group {label}", None
        for boot_set in template.boot_sets:
            yield f"image {boot_set.path}", None


def _foreign(captured: Captured) -> Iterator[str]:
    labels = {label for template in captured.templates for label in template.node_groups()}
    for template in captured.other_templates:
        if template.tenant != captured.own_tenant and labels & set(template.node_groups()):
            yield f"{template.name} ({template.tenant or 'no tenant'})"


def _slices(names: tuple[str, ...], length: int) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(names), length):
        yield names[start : start + length]
