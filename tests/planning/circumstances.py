# SPDX-License-Identifier: Apache-2.0
"""What may be around a vCluster, and how things may stand at its target: any of it."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from typing import TypeVar

from hypothesis import strategies as st

from poya.model.ending import Ending
from poya.model.inventory import Access, Circumstances, Storage
from poya.model.vcluster import Booted, Surroundings, VCluster

_T = TypeVar("_T", Surroundings, Circumstances)
_ENDINGS = st.lists(
    st.builds(
        Ending,
        st.sampled_from(["its CA", "its store"]),
        st.just("2026-12-01"),
        st.integers(-9, 99),
    ),
    max_size=3,
    unique=True,
).map(tuple)
_HEADS = st.sampled_from(["", "a" * 40, "b" * 40])


@st.composite
def surroundings(draw: st.DrawFn, cluster: VCluster) -> Surroundings:
    """Anything that may be around it at its site."""
    xnames, layers = cluster.xnames(), _layers(cluster)
    names = [None, *(c.name for c in cluster.configurations), "another"]
    hosts = draw(_some(xnames))
    return Surroundings(
        branches={place: draw(_HEADS) for place in layers},
        sources={source: draw(st.sampled_from(["https://a", "https://b"])) for source in "ab"},
        partitions={x: draw(st.sampled_from(["p1", "p2"])) for x in draw(_some(xnames))},
        booted=tuple(Booted((x,), draw(st.sampled_from(["", "i1"])), draw(st.booleans()))
                     for x in hosts),
        configured={x: draw(st.sampled_from(names)) or "" for x in draw(_some(xnames))},
        sharers={f"HSM group {g.label}": ("session template x",) for g in cluster.groups},
        foreign_templates=draw(st.sampled_from([(), ("x (blue)",)])),
        unasked=draw(st.sampled_from([(), ("BSS: no answer",)])),
        endings=draw(_ENDINGS),
        shared_boots=tuple(Booted((h,), "") for h in draw(_some(("Global", "Compute")))),
    )  # fmt: skip


@st.composite
def circumstances(draw: st.DrawFn, cluster: VCluster) -> Circumstances:
    """Any way in which things may stand at its target."""
    xnames = cluster.xnames()
    maybe = st.sampled_from([None, True, False])
    return Circumstances(
        access=Access(draw(st.sampled_from([None, (), ("admin",)])), (), draw(_NUMBERS)),
        clock_ahead_s=draw(_NUMBERS),
        storage=Storage(draw(st.sampled_from(["ok", "denied"])), 10, draw(maybe), draw(maybe)),
        bos_options={name: draw(st.booleans()) for name in _OPTIONS},
        partitions={x: draw(st.sampled_from(["p1", "p2"])) for x in draw(_some(xnames))},
        tenants=draw(
            st.sampled_from([None, {}, {"blue": xnames[:2], "red": xnames[1:3]}]),
        ),
        reserved=frozenset(draw(_some(xnames))),
        busy={x: draw(st.sampled_from(["s1", "s2"])) for x in draw(_some(xnames))},
        branches={place: draw(_HEADS) for place in _layers(cluster)},
        sources=draw(st.sampled_from([None, {}, {"a": "https://a", "b": "https://c"}])),
        package_repositories=draw(st.sampled_from([None, frozenset(), frozenset({"cos"})])),
        endings=draw(_ENDINGS),
        shared_boots=draw(_some(("Default", "Global"))),
    )


_NUMBERS = st.sampled_from([None, 0.0, 500.0, -5000.0])
_OPTIONS = ("reject_nids", "session_limit_required", "ims_images_must_exist", "ims_errors_fatal")


def shuffled(found: _T, dice: random.Random) -> _T:
    """The same with every mapping, and every tuple of records, in another order."""
    changed: dict[str, object] = {}
    for field in dataclasses.fields(found):
        value = getattr(found, field.name)
        if isinstance(value, Mapping):
            changed[field.name] = dict(dice.sample(list(value.items()), len(value)))
        elif isinstance(value, tuple):
            changed[field.name] = tuple(dice.sample(value, len(value)))
    return dataclasses.replace(found, **changed)  # type: ignore[arg-type]


def _some(names: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    if not names:
        return st.just(())
    return st.lists(st.sampled_from(names[:6]), max_size=4, unique=True).map(tuple)


def _layers(cluster: VCluster) -> list[tuple[str, str]]:
    layers = [la for c in cluster.configurations for la in c.repositories()]
    return sorted({(la.clone_url, la.branch) for la in layers if la.branch})
