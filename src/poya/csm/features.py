# SPDX-License-Identifier: Apache-2.0
"""What a site can do, by feature: fixes are backported, so a CSM release says too little."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from poya.csm import releases
from poya.csm.bos import Bos
from poya.csm.cfs import Cfs, Dialect
from poya.csm.ims import Ims
from poya.csm.versions import Version


@dataclass(frozen=True, slots=True)
class Features:
    """What the services of one site know.

    Attributes:
        cfs_v3: CFS has its v3 API; else v2 only.
        cfs_sources: CFS keeps logins to repositories elsewhere.
        cfs_description: A configuration may have a description.
        cfs_tenants: A configuration may belong to a tenant.
        ims_arch: An image records its architecture; else all are x86_64.
        ims_metadata: An image may have tags.
        bos_arch: A boot set may name an architecture.
        bos_tenants: A template may belong to a tenant.
        bos_arch_check: BOS refuses a boot set whose architecture is not its image's.
        rootfs_providers: What boot sets may name so that nodes boot.
        release_guess: The CSM release, as `1.6`; a guess, for people only.
        versions: Of the services asked, by name.
    """

    cfs_v3: bool
    cfs_sources: bool
    cfs_description: bool
    cfs_tenants: bool
    ims_arch: bool
    ims_metadata: bool
    bos_arch: bool
    bos_tenants: bool
    bos_arch_check: bool
    rootfs_providers: frozenset[str]
    release_guess: str
    versions: Mapping[str, str]


async def probe(ims_client: Ims, cfs_client: Cfs, bos_client: Bos) -> Features:
    """Ask the services what they are, at the same time.

    Raises:
        PoyaError: One of them does not answer; that is no missing feature.
    """
    answers = await asyncio.gather(
        ims_client.version(), cfs_client.dialect(), bos_client.version()
    )
    return features_of(*answers)


def features_of(ims_version: Version, dialect: Dialect, bos_version: Version) -> Features:
    """What services of these versions know."""
    cfs_version = dialect.version or Version(0, 0)
    versions = {"ims": str(ims_version), "bos": str(bos_version)}
    if dialect.version is not None:
        versions["cfs"] = str(dialect.version)
    return Features(
        cfs_v3=not dialect.is_v2,
        cfs_sources=not dialect.is_v2,
        cfs_description=releases.CFS_DESCRIPTION.is_met_by(cfs_version),
        cfs_tenants=releases.CFS_TENANTS.is_met_by(cfs_version),
        ims_arch=releases.IMS_ARCH.is_met_by(ims_version),
        ims_metadata=releases.IMS_METADATA.is_met_by(ims_version),
        bos_arch=releases.BOS_ARCH.is_met_by(bos_version),
        bos_tenants=releases.BOS_TENANTS.is_met_by(bos_version),
        bos_arch_check=releases.BOS_ARCH_CHECK.is_met_by(bos_version),
        rootfs_providers=_providers(bos_version),
        release_guess=releases.release_of(ims_version),
        versions=MappingProxyType(versions),
    )


def _providers(bos_version: Version) -> frozenset[str]:
    known = {
        "cpss3": not releases.BOS_WITHOUT_CPS.is_met_by(bos_version),
        "sbps": releases.BOS_SBPS.is_met_by(bos_version),
    }
    return frozenset(name for name, is_known in known.items() if is_known)
