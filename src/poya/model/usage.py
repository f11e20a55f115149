# SPDX-License-Identifier: Apache-2.0
"""Who else at a site uses the parts of a vCluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from poya.model.names import image_id_of
from poya.model.records import SessionTemplate
from poya.model.vcluster import VCluster


@dataclass(frozen=True, slots=True)
class Usage:
    """What of a site refers to images, configurations and groups.

    Attributes:
        templates: Every session template of the site.
        desired: The nodes that each configuration is desired for (CFS components).
        booted: The nodes whose next boot takes each image (BSS), by image id.
    """

    templates: tuple[SessionTemplate, ...]
    desired: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    booted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Users:
    """Who uses one part besides the vCluster itself.

    Attributes:
        templates: Names of session templates.
        nodes: xnames of nodes that are none of the vCluster's.
    """

    templates: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Say whether anybody does."""
        return bool(self.templates or self.nodes)


def users_of_image(image_id: str, vcluster: VCluster, usage: Usage) -> Users:
    """Who else boots an image."""
    templates = (
        template
        for template in usage.templates
        if any(image_id_of(boot_set.path) == image_id for boot_set in template.boot_sets)
    )
    return _others(templates, usage.booted.get(image_id, ()), vcluster)


def users_of_configuration(name: str, vcluster: VCluster, usage: Usage) -> Users:
    """Who else is configured by a configuration."""
    templates = (one for one in usage.templates if name in one.configurations())
    return _others(templates, usage.desired.get(name, ()), vcluster)


def users_of_group(label: str, vcluster: VCluster, usage: Usage) -> Users:
    """Which other templates boot a group."""
    templates = (one for one in usage.templates if label in one.node_groups())
    return _others(templates, (), vcluster)


def _others(
    templates: Iterable[SessionTemplate], xnames: Iterable[str], vcluster: VCluster
) -> Users:
    own = {(template.name, template.tenant) for template in vcluster.templates}
    names = {one.name for one in templates if (one.name, one.tenant) not in own}
    nodes = set(xnames) - set(vcluster.xnames())
    return Users(tuple(sorted(names)), tuple(sorted(nodes)))
