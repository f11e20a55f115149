# SPDX-License-Identifier: Apache-2.0
"""What the configuration says of choosing nodes at a site (`[sites.<name>.placement]`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from poya.errors import ConfigError
from poya.settings.tables import refuse_unknown, texts_of

_KEYS = frozenset("pools shared_groups names switch_groups".split())
_COMPONENT = re.compile(r"[a-z][a-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class PlacementSettings:
    """What must be known of a site to choose nodes there (`[sites.<name>.placement]`).

    Attributes:
        pools: HSM groups whose nodes are there to be taken.
        shared_groups: Globs of groups that say nothing of who uses a node.
        names: The site's own names of parts → globs on their models.
        switch_groups: Cabinet → name of its Slingshot group.
    """

    pools: tuple[str, ...] = ()
    shared_groups: tuple[str, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    switch_groups: Mapping[str, str] = field(default_factory=dict)


def read_placement(table: object, where: str) -> PlacementSettings:
    """Read the table.

    Raises:
        ConfigError: It says something impossible.
    """
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is not a table.")
    refuse_unknown(table, _KEYS, where)
    names = _lists(table.get("names", {}), f"{where} names")
    for name in names:
        if not _COMPONENT.fullmatch(name):
            raise ConfigError(f"{where}: '{name[:40]}' cannot be the name of a component.")
    groups = _lists(table.get("switch_groups", {}), f"{where} switch_groups")
    return PlacementSettings(
        pools=tuple(x.lower() for x in texts_of(table.get("pools", []), f"{where} pools")),
        shared_groups=texts_of(table.get("shared_groups", []), f"{where} shared_groups"),
        names=names,
        switch_groups={cabinet: group for group, found in groups.items() for cabinet in found},
    )


def _lists(table: object, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is not a table of lists.")
    return {name: texts_of(value, f"{where}.{name}") for name, value in table.items()}
