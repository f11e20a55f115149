# SPDX-License-Identifier: Apache-2.0
"""What each CSM release offers, as data: the services ask the profile, never the release.

Service versions are those that the CSM manifests pin; for 1.7, those that were seen running.
The versions of SMD, BSS and SLS on CSM 1.3 are assumptions: nothing published names them; so is
that CAPMC, deprecated from 1.5 on, is gone in 1.7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from poya.errors import UsageError


class MetadataForm(StrEnum):
    """How IMS takes an image's metadata on POST."""

    NONE = "none"
    """The field does not exist (IMS before 3.16)."""
    MAP = "map"
    """A map, stored as it is (IMS 3.16 to 3.23)."""
    PAIR = "pair"
    """One `{"key": k, "value": v}`; a map without `key` is stored as it is (IMS 3.24 on)."""


@dataclass(frozen=True, slots=True)
class ReleaseProfile:
    """The traits of one CSM release that a client can tell apart.

    Attributes:
        release: Such as "1.5".
        ims, bos, cfs, smd, bss, sts: Versions of the services.
        ims_arch: Images have `arch`.
        ims_metadata: How images take `metadata`.
        ims_times_have_zone: `created` ends in +00:00.
        ims_undelete_keeps_arch, ims_undelete_keeps_metadata: False: a soft delete forgets it.
        bos_v1: BOS v1 is there beside v2.
        bos_arch: Boot sets have `arch`.
        bos_tenants: Templates and sessions belong to tenants.
        bos_strict: Names, lengths and node specifiers are checked, and `arch` against IMS.
        bos_patch_needs_boot_sets: PATCH of a template must carry `boot_sets`.
        bos_drops_empty_cfs: `cfs` without a configuration is not stored.
        bos_providers: Root file system providers that boot; None: none is questioned.
        bos_component_paging: The list of components can be paged.
        bos_old_options: `disable_components_on_completion` exists.
        cfs_versions: GET /versions and / exist.
        cfs_v3: The v3 API (and its sources) exists.
        cfs_logging_level: CFS has the option.
        cfs_description: Configurations have `description`.
        cfs_special_parameters: Layers have `special_parameters`.
        cfs_inventory_source: `additional_inventory` may name a source.
        cfs_tenants: v3 configurations have `tenant_name`.
        cfs_source_restore: POST /v3/sources/{id} exists.
        tenant_admins_configure: The gateway lets tenant admins read and write configurations.
        ims_remote_status: IMS tells how its remote build nodes are.
        bos_not_found_title: The title of BOS's 404 problems; empty: one for each kind.
        bos_drops_locked: Sessions leave locked nodes alone.
        has_cps: Root file systems come by CPS and DVS (provider cpss3).
        has_sbps: Root file systems come by iSCSI (provider sbps).
        sls: Version of SLS.
        pcs: Version of PCS; None: CAPMC alone switches nodes.
        pcs_posts_status: POST /power-status exists.
        capmc: CAPMC is there.
        tapms: Version of TAPMS; None: there are no tenants.
        tapms_path: Where TAPMS answers below /apis/tapms.
        tapms_finds_owners: POST of xnames to TAPMS finds the tenants that own them.
        catalog_is_split: The product catalog is several ConfigMaps (product-catalog 2.0 on).
        tenant_versions: API versions of the resource Tenant, oldest first; the last is stored.
    """

    release: str
    ims: str
    bos: str
    cfs: str
    smd: str
    bss: str
    sts: str
    ims_arch: bool = False
    ims_metadata: MetadataForm = MetadataForm.NONE
    ims_times_have_zone: bool = True
    ims_undelete_keeps_arch: bool = False
    ims_undelete_keeps_metadata: bool = False
    bos_v1: bool = True
    bos_arch: bool = False
    bos_tenants: bool = False
    bos_strict: bool = False
    bos_patch_needs_boot_sets: bool = False
    bos_drops_empty_cfs: bool = False
    bos_providers: frozenset[str] | None = None
    bos_component_paging: bool = False
    bos_old_options: bool = True
    cfs_versions: bool = False
    cfs_v3: bool = False
    cfs_logging_level: bool = False
    cfs_description: bool = False
    cfs_special_parameters: bool = False
    cfs_inventory_source: bool = False
    cfs_tenants: bool = False
    cfs_source_restore: bool = False
    tenant_admins_configure: bool = False
    ims_remote_status: bool = False
    bos_not_found_title: str = ""
    bos_drops_locked: bool = False
    has_cps: bool = True
    has_sbps: bool = False
    sls: str = "2.0.0"
    pcs: str | None = None
    pcs_posts_status: bool = False
    capmc: bool = True
    tapms: str | None = None
    tapms_path: str = ""
    tapms_finds_owners: bool = False
    catalog_is_split: bool = False
    tenant_versions: tuple[str, ...] = ()


_CSM_1_3 = ReleaseProfile(
    release="1.3",
    ims="3.7.2",
    bos="2.0.27",
    cfs="1.11.2",
    smd="2.0.0",
    bss="1.21.0",
    sts="0.7.0",
)
_CSM_1_4 = replace(
    _CSM_1_3,
    release="1.4",
    ims="3.8.6",
    bos="2.0.47",
    cfs="1.12.10",
    smd="2.2.6",
    bss="1.22.0",
    cfs_versions=True,
    cfs_logging_level=True,
    cfs_description=True,
    pcs="1.4.3",
    tapms="1.4.3",
    tapms_path="v1",
    tenant_versions=("v1alpha1",),
)
_CSM_1_5 = replace(
    _CSM_1_4,
    release="1.5",
    ims="3.15.0",
    bos="2.10.28",
    cfs="1.18.7",
    smd="2.11.12",
    bss="1.26.0",
    sts="0.7.1",
    ims_arch=True,
    bos_arch=True,
    bos_tenants=True,
    cfs_v3=True,
    cfs_special_parameters=True,
    pcs="2.3.1",
    pcs_posts_status=True,
    tapms="1.5.7",
    tapms_path="v1alpha2",
    tenant_versions=("v1alpha1", "v1alpha2"),
)
_CSM_1_6 = replace(
    _CSM_1_5,
    release="1.6",
    ims="3.20.0",
    bos="2.30.5",
    cfs="1.20.2",
    smd="2.23.0",
    bss="1.28.0",
    sts="0.8.1",
    ims_metadata=MetadataForm.MAP,
    bos_v1=False,
    bos_strict=True,
    bos_patch_needs_boot_sets=True,
    ims_remote_status=True,
    has_sbps=True,
    sls="2.5.0",
    pcs="2.4.1",
    tapms="1.7.1",
    tapms_path="v1alpha3",
    catalog_is_split=True,
    tapms_finds_owners=True,
    tenant_versions=("v1alpha1", "v1alpha2", "v1alpha3"),
)
_CSM_1_7 = replace(
    _CSM_1_6,
    release="1.7",
    ims="3.33.0",
    bos="2.50.0",
    cfs="1.31.1",
    smd="2.45.0",
    bss="1.37.0",
    ims_metadata=MetadataForm.PAIR,
    ims_times_have_zone=False,
    ims_undelete_keeps_arch=True,
    ims_undelete_keeps_metadata=True,
    bos_patch_needs_boot_sets=False,
    bos_drops_empty_cfs=True,
    bos_providers=frozenset({"sbps"}),
    bos_component_paging=True,
    bos_old_options=False,
    cfs_inventory_source=True,
    cfs_tenants=True,
    cfs_source_restore=True,
    tenant_admins_configure=True,
    bos_not_found_title="The resource was not found",
    bos_drops_locked=True,
    has_cps=False,
    sls="2.12.0",
    pcs="2.13.0",
    capmc=False,
    tapms="1.9.1",
)
_BY_RELEASE = {p.release: p for p in (_CSM_1_3, _CSM_1_4, _CSM_1_5, _CSM_1_6, _CSM_1_7)}

RELEASES = tuple(_BY_RELEASE)


def profile_of(release: str) -> ReleaseProfile:
    """The profile of a CSM release such as "1.6".

    Raises:
        UsageError: The lab does not know that release.
    """
    try:
        return _BY_RELEASE[release]
    except KeyError:
        raise UsageError(
            f"The lab cannot emulate CSM {release!r}.", why=f"It knows {', '.join(RELEASES)}."
        ) from None
