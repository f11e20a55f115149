# SPDX-License-Identifier: Apache-2.0
"""What nodes run, and for which session template: from what the services say of them now.

A template is only an intention: what a node runs is what it was booted with. So the image that a
node reports, or is to boot, counts first, then the configuration that is desired for it; templates
give these a name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from poya.model.names import image_id_of
from poya.model.records import BootSet, SessionTemplate
from poya.placement.facts import NodeFacts

_OFF = frozenset({"off", "empty"})


@dataclass(frozen=True, slots=True)
class LiveState:
    """What the services say of one node.

    Attributes:
        is_driven: BOS works on it now, whatever its power.
        template: The template of its BOS session; empty where that session is forgotten.
        desired_image, actual_image: Ids as BOS knows them; empty for none. The actual one is
            reported by the node, and BOS forgets it when no report comes.
        next_image: Id of the image that BSS would boot it with.
        configuration: Its desired CFS configuration.
    """

    is_driven: bool = False
    template: str = ""
    desired_image: str = ""
    actual_image: str = ""
    next_image: str = ""
    configuration: str = ""

    def images(self, *, is_on: bool) -> tuple[str, ...]:
        """The images that it runs or is brought to, as far as that is known."""
        driven = (self.desired_image,) if self.is_driven else ()
        reported = self.actual_image or self.desired_image or self.next_image
        found = (*driven, reported) if is_on else driven
        return tuple(dict.fromkeys(image for image in found if image))


class Attribution:
    """Finds whose work a node does, and who could give it work."""

    def __init__(self, templates: Iterable[SessionTemplate]) -> None:
        self._templates = tuple(templates)
        # Thousands of nodes ask the same few questions.
        self._booting = cache(self._find_booting)
        self._configured = cache(self._find_configured)
        self._selecting: dict[object, tuple[str, ...]] = {}

    def running(self, node: NodeFacts, live: LiveState) -> tuple[str, ...]:
        """What the node runs, or is being brought to; empty if it runs nothing.

        Names of templates. Of an image that no template boots (any more) the configuration says
        whose it is; if that is in none either, what is named is the image, else the configuration.
        """
        is_on = node.state.lower() not in _OFF
        images = live.images(is_on=is_on)
        configuration = live.configuration if is_on or live.is_driven else ""
        if not images and not configuration:
            return ()
        booting = self._booting(images)
        if live.template and (not booting or live.template in {t.name for t in booting}):
            return (live.template,)
        configured = self._configured(configuration)
        both = tuple(t for t in booting if t in configured)
        candidates = both or booting or configured
        likely = [t for t in candidates if selects(t, node)] or candidates
        return tuple(sorted({t.name for t in likely})) or images or (configuration,)

    def selecting(self, node: NodeFacts) -> tuple[str, ...]:
        """The templates that boot nodes of its role, or of its groups, without naming it."""
        key = (node.groups, node.role, node.subrole, node.arch)
        if key not in self._selecting:
            found = {t.name for t in self._templates if selects(t, node, named=False)}
            self._selecting[key] = tuple(sorted(found))
        return self._selecting[key]

    def _find_booting(self, images: tuple[str, ...]) -> tuple[SessionTemplate, ...]:
        return tuple(
            t for t in self._templates if any(image_id_of(b.path) in images for b in t.boot_sets)
        )

    def _find_configured(self, configuration: str) -> tuple[SessionTemplate, ...]:
        return tuple(t for t in self._templates if configuration in t.configurations())


def selects(template: SessionTemplate, node: NodeFacts, *, named: bool = True) -> bool:
    """Say whether a session of the template would boot the node.

    Args:
        named: By name counts too.
    """
    return any(
        (named and node.xname in boot_set.node_list)
        or (_selects_alike(boot_set, node) and _fits(boot_set, node))
        for boot_set in template.boot_sets
    )


def _selects_alike(boot_set: BootSet, node: NodeFacts) -> bool:
    """BOS knows a role as `Compute` and, with its subrole, as `Application_UAN`."""
    roles = (node.role, f"{node.role}_{node.subrole}")
    return any(label.lower() in node.groups for label in boot_set.node_groups) or any(
        role in roles for role in boot_set.node_roles_groups
    )


def _fits(boot_set: BootSet, node: NodeFacts) -> bool:
    """BOS from 2.5 on leaves out nodes of another architecture than the boot set's."""
    known = ("x86", "arm")
    words = boot_set.arch.lower(), node.arch.lower()
    return not all(word in known for word in words) or words[0] == words[1]
