# SPDX-License-Identifier: Apache-2.0
"""A vCluster as captured: everything that its session templates lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from poya.model.ending import Ending
from poya.model.image import Image
from poya.model.records import BootSet, Configuration, Group, Node, SessionTemplate


@dataclass(frozen=True, slots=True)
class Selector:
    """What to capture: a group's label or the names of templates; with neither, everything.

    Attributes:
        name: The vCluster's name: an HSM group label.
        templates: Names of session templates; with these given the label selects nothing.
    """

    name: str = ""
    templates: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Say whether nothing in particular is selected."""
        return not self.name and not self.templates


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that the vCluster refers to and that the source does not hold.

    Attributes:
        id: Which kind of gap; the finding that tells of it has the same id.
        subject: What is missing or unreadable.
        evidence: How that was seen.
    """

    id: str
    subject: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Booted:
    """What BSS boots nodes with (`GET /bootparameters`).

    Attributes:
        hosts: xnames; also roles, `Default` or `Global`.
        image: The id of the image that the kernel lies in; empty where that is none of IMS's.
        has_secrets: The cloud-init data carry something that looks like a password or a key;
            what it is, is not kept.
    """

    hosts: tuple[str, ...]
    image: str
    has_secrets: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a vCluster at its site and does not move with it; empty where not asked.

    Attributes:
        branches: (clone URL, branch) → the commit at its head; empty if there is no such branch.
        sources: CFS source that a layer names → its clone URL.
        partitions: xname → partition.
        booted: What its nodes boot now.
        configured: xname → the CFS configuration that it is to have.
        sharers: What else uses a part of it: the part in words → its other users in words.
        foreign_templates: Templates of other tenants that boot its groups, as `name (tenant)`.
        unasked: What could not be asked, and why, in words.
        endings: Certificates that the site is reached with.
        shared_boots: Records of BSS that its nodes boot or are set up with beside their own:
            roles, `Default`, `Global`.
    """

    branches: Mapping[tuple[str, str], str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    partitions: Mapping[str, str] = field(default_factory=dict)
    booted: tuple[Booted, ...] = ()
    configured: Mapping[str, str] = field(default_factory=dict)
    sharers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    foreign_templates: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    endings: tuple[Ending, ...] = ()
    shared_boots: tuple[Booted, ...] = ()


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a vCluster's nodes are made of, as the demand that they fulfil.

    Attributes:
        demand: Its text.
        members: Class of the demand → the nodes that stand for it.
    """

    demand: str
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VCluster:
    """The closure of one or more session templates at one site, at one time.

    Attributes:
        name: What the operator calls it.
        site: The name of the site or bundle it was captured from.
        images: By source image id.
        nodes: By xname: what the source knows of the nodes concerned. May lack some.
        hardware: None where nobody asked what its nodes are made of.
        selector: What was asked for; with it the same is captured again.
        surroundings: What is around it at its site and does not move.
    """

    name: str
    site: str
    release: str
    templates: tuple[SessionTemplate, ...]
    configurations: tuple[Configuration, ...] = ()
    images: tuple[Image, ...] = ()
    groups: tuple[Group, ...] = ()
    nodes: Mapping[str, Node] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    selector: Selector = field(default_factory=Selector)
    surroundings: Surroundings = field(default_factory=Surroundings)
    hardware: Hardware | None = None

    def image(self, image_id: str) -> Image | None:
        """The captured image with this id."""
        return next((image for image in self.images if image.id == image_id), None)

    def booted_by(self, boot_set: BootSet) -> tuple[str, ...]:
        """The nodes that a boot set boots by its groups and its node list."""
        labels = {label.lower() for label in boot_set.node_groups}
        members = (x for group in self.groups if group.label in labels for x in group.members)
        return (*members, *boot_set.node_list)

    def xnames(self) -> tuple[str, ...]:
        """Every node that its groups and node lists name, each once."""
        members = [xname for group in self.groups for xname in group.members]
        listed = [x for t in self.templates for b in t.boot_sets for x in b.node_list]
        return tuple(dict.fromkeys(members + listed))
