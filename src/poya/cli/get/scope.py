# SPDX-License-Identifier: Apache-2.0
"""What has to do with one HSM group: its nodes, and what they boot and are configured with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from poya.concurrency import both
from poya.model.names import image_id_of, normalise_xname
from poya.model.records import SessionTemplate

if TYPE_CHECKING:
    from poya.csm import Site


@dataclass(frozen=True, slots=True)
class Scope:
    """What has to do with one HSM group.

    Attributes:
        xnames: Its members.
        templates: The session templates that boot it or nodes of it.
        configurations: Those of its templates, and those that its nodes are to get.
    """

    label: str
    xnames: frozenset[str]
    templates: tuple[SessionTemplate, ...]
    configurations: frozenset[str]

    @property
    def image_ids(self) -> frozenset[str]:
        """The images that its templates boot."""
        paths = (boot_set.path for template in self.templates for boot_set in template.boot_sets)
        return frozenset(image_id for path in paths if (image_id := image_id_of(path)))

    def boots(self, template: SessionTemplate) -> bool:
        """Say whether a template is one of these."""
        return (template.name, template.tenant) in {(t.name, t.tenant) for t in self.templates}


async def scope_of(site: Site, label: str) -> Scope | None:
    """What has to do with the group; None without a label, which means everything.

    Raises:
        NotFound: The site has no such group.
    """
    if not label:
        return None
    group, (records, components) = await both(
        site.hsm.groups.get(label),
        both(site.bos.templates.list(), site.cfs.components.list()),
    )
    xnames = frozenset(normalise_xname(xname) for xname in group.xnames)
    views = (SessionTemplate.of(record.document) for record in records)
    templates = tuple(view for view in views if _boots(view, group.label.lower(), xnames))
    named = {name for template in templates for name in template.configurations()}
    desired = {one.desired_config for one in components if one.id in xnames}
    configurations = frozenset(name for name in named | desired if name)
    return Scope(group.label.lower(), xnames, templates, configurations)


def _boots(template: SessionTemplate, label: str, xnames: frozenset[str]) -> bool:
    listed = {xname for boot_set in template.boot_sets for xname in boot_set.node_list}
    return label in template.node_groups() or bool(listed & xnames)
