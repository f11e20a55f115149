# SPDX-License-Identifier: Apache-2.0
"""The records of a vCluster as CFS, BOS and BSS of a release answer them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from poya.lab.profiles import ReleaseProfile
from poya.lab.seed.histories import COS, COS_BRANCH, CSCS, CSCS_BRANCH, CSM, CSM_BRANCH
from poya.lab.seed.images import Image
from poya.lab.seed.sites import BootSetSeed, VClusterSeed

Record: TypeAlias = dict[str, Any]

_WHEN = "2023-06-23T08:12:40Z"
_GATEWAY = "https://api-gw-service-nmn.local/vcs/cray"
_BOS_ARCH = {"aarch64": "ARM", "x86_64": "X86"}
_KERNEL_PARAMETERS = (
    "ip=dhcp quiet crashkernel=512M hugepagelist=2m-2g intel_iommu=off iommu.passthrough=on "
    "numa_interleave_omit=headless oops=panic pageblock_order=14 rd.neednet=1 rd.retry=10 "
    "rd.shell ksocklnd.skip_mr_route_setup=1 spire_join_token=${SPIRE_JOIN_TOKEN}"
)


def configuration(
    vcluster: VClusterSeed, domain: str, commits: Mapping[str, str], profile: ReleaseProfile
) -> Record:
    """The vCluster's CFS configuration, in v3 form.

    Args:
        vcluster: Whose it is.
        domain: The site's, for the layer that names its git server.
        commits: The commit of each repository's branch, by repository.
        profile: The site's release.
    """
    named = _layer("cos-compute-" + COS_BRANCH, f"{_GATEWAY}/{COS}.git", "cos-compute.yml")
    branched = _layer("cscs", f"https://vcs.cmn.{domain}/vcs/cray/{CSCS}.git", "site.yml")
    common = _layer("csm-packages-1.5", f"{_GATEWAY}/{CSM}.git", "site.yml")
    layers = [
        named | {"commit": commits[COS]},
        branched | {"commit": commits[CSCS], "branch": CSCS_BRANCH},
        common | {"commit": commits[CSM]},
    ]
    record: Record = {"name": vcluster.configuration, "last_updated": _WHEN, "layers": layers}
    if profile.cfs_description:
        record["description"] = f"Configuration of {vcluster.label}"
    return record


def branches() -> dict[str, str]:
    """The branch of each repository that the seeded configurations follow."""
    return {COS: COS_BRANCH, CSCS: CSCS_BRANCH, CSM: CSM_BRANCH}


def template(
    vcluster: VClusterSeed, domain: str, etags: Mapping[str, str], profile: ReleaseProfile
) -> Record:
    """The vCluster's BOS session template; `etags` of its manifests by image id."""
    boot_sets = {
        boot_set.name: _boot_set(vcluster, boot_set, domain, profile)
        | {"etag": etags[boot_set.image.id]}
        for boot_set in vcluster.boot_sets
    }
    record: Record = {
        "name": vcluster.template,
        "description": f"Boots {vcluster.label}",
        "enable_cfs": True,
        "cfs": {"configuration": vcluster.configuration},
        "boot_sets": boot_sets,
    }
    if profile.bos_tenants:
        record["tenant"] = ""
    return record


def cfs_component(xname: str, configuration: Record | None = None) -> Record:
    """What CFS knows of a node, configured with `configuration` or with nothing."""
    applied = [
        {key: layer[key] for key in ("clone_url", "playbook", "commit")}
        | {"status": "applied", "session_name": "", "last_updated": _WHEN}
        for layer in (configuration["layers"] if configuration else ())
    ]
    return {
        "id": xname,
        "desired_config": configuration["name"] if configuration else "",
        "enabled": configuration is not None,
        "error_count": 0,
        "retry_policy": 3,
        "state": applied,
        "tags": {},
    }


def boot_parameters(xname: str, image: Image, boot_set: Mapping[str, str], rootfs: str) -> Record:
    """What BSS boots a node with, as BOS writes it: `rootfs` is the etag of the file system."""
    base = f"s3://boot-images/{image.id}"
    provider = "sbps-s3" if boot_set["rootfs_provider"] == "sbps" else "craycps-s3"
    root = f"root={provider}:{base}/rootfs:{rootfs}:{boot_set['rootfs_provider_passthrough']}"
    nmd = f"nmd_data=url={base}/rootfs,etag={rootfs}"
    words = (image.boot_parameters, boot_set["kernel_parameters"], root, nmd)
    return {
        "hosts": [xname],
        "params": " ".join((*words, "bos_update_frequency=4h")),
        "kernel": f"{base}/kernel",
        "initrd": f"{base}/initrd",
        "cloud-init": {"meta-data": None, "user-data": None, "phone-home": {}},
    }


def _layer(name: str, clone_url: str, playbook: str) -> Record:
    return {"name": name, "clone_url": clone_url, "playbook": playbook}


def _boot_set(
    vcluster: VClusterSeed, boot_set: BootSetSeed, domain: str, profile: ReleaseProfile
) -> Record:
    provider, passthrough = rootfs_provider(domain, profile)
    record: Record = {
        "path": boot_set.image.path,
        "type": "s3",
        "kernel_parameters": _KERNEL_PARAMETERS,
        "rootfs_provider": provider,
        "rootfs_provider_passthrough": passthrough,
    }
    if boot_set.node_list:
        record["node_list"] = list(boot_set.node_list)
    else:
        record["node_groups"] = [vcluster.label]
    if profile.bos_arch:
        record["arch"] = _BOS_ARCH[boot_set.image.arch]
    return record


def rootfs_provider(domain: str, profile: ReleaseProfile) -> tuple[str, str]:
    """What boots images at a site of this release, and what it is told (BOS passthrough)."""
    if profile.bos_providers is None and not profile.bos_strict:
        return "cpss3", "dvs:api-gw-service-nmn.local:300:hsn0,nmn0:0"
    # from CSM 1.6 on sbps is what HPE's procedures set up
    return "sbps", f"sbps:v1:iqn.2023-06.csm.iscsi:_sbps-hsn._tcp.{domain}:300"
