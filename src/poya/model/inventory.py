# SPDX-License-Identifier: Apache-2.0
"""What a target can do and what it holds: all that a plan is made against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from poya.documents import Document
from poya.model.image import Image
from poya.model.records import EntityRef, Kind, Node


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target understands, by feature and not by release number.

    Attributes:
        is_verbatim: It keeps documents and ids as they are (a bundle); nothing is translated.
        rootfs_providers: Those that its BOS boots from; empty where that is not known.
    """

    release: str
    is_verbatim: bool = False
    has_image_arch: bool = True
    has_image_metadata: bool = True
    has_configuration_description: bool = True
    has_configuration_tenants: bool = False
    has_sources: bool = True
    has_boot_set_arch: bool = True
    checks_arch: bool = True
    rootfs_providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Interest:
    """What a survey must look at closely: names that the plan may want to write.

    Attributes:
        is_everything: Look at all there is: what will be planned is not known yet.
    """

    entities: tuple[EntityRef, ...] = ()
    image_names: tuple[str, ...] = ()
    xnames: tuple[str, ...] = ()
    repositories: tuple[tuple[str, str], ...] = ()
    is_everything: bool = False


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was found at the target.

    Attributes:
        entities: The documents that the target holds, by kind and name.
        images: Those that could be reused, each with its manifest and the stored etags.
        nodes: By xname. None where the target has no nodes of its own (a bundle).
        commits: For each (clone URL, commit) asked about: whether the target's git has it; a pair
            that could not be asked about is absent.
        desired_by: How many components want each configuration.
        label: How people know the target: the site's name or the bundle's directory.
    """

    label: str
    capabilities: Capabilities
    entities: Mapping[EntityRef, Document] = field(default_factory=dict)
    images: tuple[Image, ...] = ()
    nodes: Mapping[str, Node] | None = None
    commits: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    desired_by: Mapping[str, int] = field(default_factory=dict)

    def names(self, kind: Kind) -> frozenset[str]:
        """The names taken at the target for one kind."""
        return frozenset(ref.name for ref in self.entities if ref.kind == kind)
