# SPDX-License-Identifier: Apache-2.0
"""Which templates of a bundle are meant, and what goes with them."""

from __future__ import annotations

from poya.errors import NotFound, UsageError
from poya.model.records import Group, SessionTemplate
from poya.model.vcluster import Selector
from poya.sites.bundle.contents import Contents


def choose(contents: Contents, selector: Selector) -> tuple[SessionTemplate, ...]:
    """The templates that are selected: by name, by the group they boot, or all.

    Raises:
        UsageError: The bundle has no template at all.
        NotFound: It has none that is selected.
    """
    by_name = {template.name: template for template in contents.templates}
    if not (contents.templates or contents.flaws):
        raise UsageError(f"{contents.label} holds no BOS session template.")
    if selector.templates:
        damaged = {name for kind, name in (f.owner for f in contents.flaws) if kind == "template"}
        for name in selector.templates:
            if name not in by_name and name not in damaged:
                raise _no_such("BOS session template", name, contents)
        return tuple(by_name[n] for n in dict.fromkeys(selector.templates) if n in by_name)
    label = selector.name.lower()
    if label in ("", (contents.vcluster or name_of(contents.templates)).lower()):
        return contents.templates
    chosen = tuple(t for t in contents.templates if label in t.node_groups())
    if not chosen:
        raise _no_such("vCluster", selector.name, contents)
    return chosen


def groups_of(contents: Contents, templates: tuple[SessionTemplate, ...]) -> tuple[Group, ...]:
    """The groups of the boot sets; all templates together have all groups of the bundle."""
    held = {group.label: group for group in contents.groups}
    labels = [label for template in templates for label in template.node_groups()]
    extra = list(held) if templates == contents.templates else []
    return tuple(held[label] for label in dict.fromkeys([*labels, *extra]) if label in held)


def name_of(templates: tuple[SessionTemplate, ...]) -> str:
    """What a vCluster without a name is called: its first group, else its first template."""
    labels = [label for template in templates for label in template.node_groups()]
    return labels[0] if labels else templates[0].name


def _no_such(kind: str, name: str, contents: Contents) -> NotFound:
    templates = ", ".join(template.name for template in contents.templates)
    return NotFound(
        f"{contents.label} has no {kind} '{name}'.", why=f"It has the templates {templates}."
    )
