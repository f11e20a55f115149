# SPDX-License-Identifier: Apache-2.0
"""What a target can do and what it holds: all that a plan is made against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from poya.documents import Document
from poya.model.ending import Ending
from poya.model.image import Image
from poya.model.image_contents import Certificate
from poya.model.records import EntityRef, Kind, Node


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target understands, by feature and not by release number.

    Attributes:
        is_verbatim: It keeps documents and ids as they are (a bundle); nothing is translated.
        rootfs_providers: Those that its BOS boots from; empty where that is not known.
        own_tenant: The tenant that we act as there; templates without a tenant become its.
    """

    release: str
    is_verbatim: bool = False
    has_image_arch: bool = True
    has_image_metadata: bool = True
    has_configuration_description: bool = True
    has_configuration_tenants: bool = False
    has_sources: bool = True
    has_boot_set_arch: bool = True
    has_template_tenants: bool = True
    checks_arch: bool = True
    rootfs_providers: tuple[str, ...] = ()
    own_tenant: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """What the token says its bearer may do, unverified; all of it unknown by default.

    Attributes:
        roles: Of the client `shasta`; `admin` may do everything. None where there is no saying.
        tenants: Those that it administers.
        expires_in_s: How long it is good for, by the site's own clock.
    """

    roles: tuple[str, ...] | None = None
    tenants: tuple[str, ...] = ()
    expires_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Storage:
    """The bucket of boot images.

    Attributes:
        state: `ok`, `absent`, `denied`; `unknown` where it was not looked at.
        room_bytes: What its quota leaves; None without a quota, or where the store does not say.
        may_write: Whether its access control list lets us write; None where that does not tell.
        lists_uploads: Whether we may list unfinished uploads, which resuming needs; None where
            that was not tried.
    """

    state: Literal["ok", "absent", "denied", "unknown"] = "unknown"
    room_bytes: int | None = None
    may_write: bool | None = None
    lists_uploads: bool | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How things stand at a site beyond what it holds; what could not be asked is unknown.

    Attributes:
        access: What our token says we may do.
        clock_ahead_s: How far the site's clock is ahead of ours.
        storage: The bucket of boot images.
        bos_options: `GET /v2/options`.
        partitions: xname → partition.
        tenants: Tenant → its nodes; None where the site could not be asked.
        reserved: Nodes that a service has reserved.
        busy: xname → the BOS session that is working on it.
        branches: (clone URL, branch) → the commit at its head; empty if there is no such branch.
        sources: CFS source → its clone URL; None where CFS has none to ask for.
        package_repositories: Names of those in its Nexus; None where that could not be asked.
        unasked: What could not be asked, and why, in words.
        endings: Certificates that the site is reached with.
        shared_boots: Hosts of those records of BSS that are no node's own: roles, `Default`,
            `Global`.
    """

    access: Access = field(default_factory=Access)
    clock_ahead_s: float | None = None
    storage: Storage = field(default_factory=Storage)
    bos_options: Mapping[str, Any] = field(default_factory=dict)
    partitions: Mapping[str, str] = field(default_factory=dict)
    tenants: Mapping[str, tuple[str, ...]] | None = None
    reserved: frozenset[str] = frozenset()
    busy: Mapping[str, str] = field(default_factory=dict)
    branches: Mapping[tuple[str, str], str] = field(default_factory=dict)
    sources: Mapping[str, str] | None = None
    package_repositories: frozenset[str] | None = None
    unasked: tuple[str, ...] = ()
    endings: tuple[Ending, ...] = ()
    shared_boots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Interest:
    """What a survey must look at closely: names that the plan may want to write.

    Attributes:
        repositories: (clone URL, commit).
        branches: (clone URL, branch).
        is_everything: Look at all there is: what will be planned is not known yet.
    """

    entities: tuple[EntityRef, ...] = ()
    image_names: tuple[str, ...] = ()
    xnames: tuple[str, ...] = ()
    repositories: tuple[tuple[str, str], ...] = ()
    branches: tuple[tuple[str, str], ...] = ()
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
        circumstances: How things stand beyond what it holds.
        authorities: Those that sign the target's certificates, as poya is configured; empty
            where those of the system are used.
    """

    label: str
    capabilities: Capabilities
    entities: Mapping[EntityRef, Document] = field(default_factory=dict)
    images: tuple[Image, ...] = ()
    nodes: Mapping[str, Node] | None = None
    commits: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    desired_by: Mapping[str, int] = field(default_factory=dict)
    circumstances: Circumstances = field(default_factory=Circumstances)
    authorities: tuple[Certificate, ...] = ()

    def names(self, kind: Kind) -> frozenset[str]:
        """The names taken at the target for one kind."""
        return frozenset(ref.name for ref in self.entities if ref.kind == kind)
