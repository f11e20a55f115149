"""Cases for checks that look at what is inside images."""

from __future__ import annotations

from dataclasses import replace

import builders
from poya.model.finding import Finding
from poya.model.image_contents import (
    Certificate,
    ImageContents,
    InitrdFacts,
    KernelFacts,
    PackageRepository,
    ProviderSupport,
    RootfsFacts,
    Unread,
)
from poya.model.intent import Intent
from poya.model.inventory import Capabilities, Inventory
from poya.model.vcluster import VCluster
from poya.planning import make_plan

RELEASE = "5.14.21-150400.24.46_12.0.73-cray_shasta_c"
AUTHORITY = Certificate("aa" * 32, "Platform CA", "/etc/poya/mars.pem")
URL = "https://vcs.cmn.alps.example.org/vcs/cray/base.git"


def contents(
    *,
    arch: str = "x86_64",
    release: str = RELEASE,
    initrd_kernels: tuple[str, ...] = (RELEASE,),
    rootfs_kernels: tuple[str, ...] = (RELEASE,),
    programs: str = "x86_64",
    providers: tuple[str, ...] = ("cpss3", "sbps"),
    certificates: tuple[Certificate, ...] = (AUTHORITY,),
    initrd_certificates: tuple[Certificate, ...] = (),
    repositories: tuple[PackageRepository, ...] = (),
    unread: tuple[Unread, ...] = (),
) -> ImageContents:
    """What is inside an image with which nothing is wrong, or something that is named."""
    supports = tuple(ProviderSupport(p, f"usr/lib/dracut/hooks/{p}.sh") for p in providers)
    return ImageContents(
        kernel=KernelFacts(arch, release),
        initrd=InitrdFacts(100, initrd_kernels, (), supports, initrd_certificates),
        rootfs=RootfsFacts("COS", programs, rootfs_kernels, certificates, repositories),
        unread=unread,
    )


def cluster(
    *inside: ImageContents | None, provider: str = "sbps", image_arch: str = "x86_64"
) -> VCluster:
    """gele of alps, with one boot set for each image."""
    images = tuple(
        replace(builders.image(f"i{n}", arch=image_arch), contents=one)
        for n, one in enumerate(inside)
    )
    boot_sets = {
        f"set{n}": builders.boot_set(
            image.id, arch="X86", node_groups=["gele"], rootfs_provider=provider
        )
        for n, image in enumerate(images)
    }
    names = builders.xnames(2)
    return VCluster(
        name="gele",
        site="alps",
        release="CSM 1.6",
        templates=(builders.template("gele", boot_sets, cfs={"configuration": "gele-config"}),),
        configurations=(
            builders.configuration("gele-config", builders.layer("base", clone_url=URL)),
        ),
        images=images,
        groups=(builders.group("gele", names),),
        nodes=builders.nodes("2x X86"),
    )


def target(
    capabilities: Capabilities = builders.CSM_1_6,
    authorities: tuple[Certificate, ...] = (AUTHORITY,),
) -> Inventory:
    """mars, which knows the nodes and has an authority of its own."""
    found = builders.inventory(capabilities, known=builders.nodes("2x X86"))
    return replace(found, authorities=authorities)


def told(
    name: str,
    vcluster: VCluster,
    inventory: Inventory | None = None,
    intent: Intent | None = None,
) -> list[Finding]:
    """The findings of one id in the plan of this vCluster."""
    plan = make_plan(vcluster, inventory or target(), intent or Intent())
    return [finding for finding in plan.findings if finding.id == name]
