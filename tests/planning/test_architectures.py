# SPDX-License-Identifier: Apache-2.0
"""A site that does not record architectures: what says them instead, and that it is carried on."""

from __future__ import annotations

import dataclasses

import pytest

from builders import CSM_1_4, CSM_1_6, boot_set, image, inventory, nodes, template, vcluster
from poya.model.image_contents import ImageContents, KernelFacts
from poya.model.intent import Intent, NodeChoice
from poya.model.plan import Plan
from poya.model.vcluster import VCluster
from poya.planning import make_plan

TARGETS = nodes("4x ARM", cabinet=9000)


def old(arch_of_kernel: str = "", arch_of_nodes: str = "", arch_of_boot_set: str = "") -> VCluster:
    """A vCluster of a site that records no architecture of images; others may say it."""
    cluster = vcluster("gele: compute=X86@gele*4 image=a1")
    contents = ImageContents(kernel=KernelFacts(arch=arch_of_kernel)) if arch_of_kernel else None
    fields = {"node_groups": ["gele"], "arch": arch_of_boot_set or None}
    return dataclasses.replace(
        cluster,
        images=(dataclasses.replace(image("a1", arch=""), contents=contents),),
        templates=(template("gele", {"compute": boot_set("a1", **fields)}),),
        nodes={x: dataclasses.replace(n, arch=arch_of_nodes) for x, n in cluster.nodes.items()},
    )


def plan_of(cluster: VCluster, capabilities: object = CSM_1_6) -> Plan:
    choice = NodeChoice(targets=tuple(TARGETS))
    held = inventory(capabilities, TARGETS)  # type: ignore[arg-type]
    return make_plan(cluster, held, Intent(nodes=choice))


@pytest.mark.parametrize(
    ("cluster", "says"),
    [
        (old(arch_of_kernel="aarch64", arch_of_nodes="X86"), "as its kernel says"),
        (old(arch_of_boot_set="ARM"), "as its boot sets say"),
        (old(arch_of_nodes="ARM"), "as the nodes that boot it say"),
    ],
)
def test_an_image_for_arm_is_brought_as_what_it_is(cluster: VCluster, says: str) -> None:
    plan = plan_of(cluster)
    (entity,) = plan.of_kind("template")
    assert entity.body["boot_sets"]["compute"]["arch"] == "ARM"
    assert [i.arch for i in plan.images] == ["aarch64"]
    found = {f.id: f.message for f in plan.findings}
    assert says in found["arch-filled"]
    assert not found.keys() & {"arch-image", "arch-nodes"}
    if says != "as its boot sets say":
        assert f"boot set 'compute': arch ARM, {says}" in entity.edits


def test_an_image_is_brought_as_what_its_boot_sets_are_told() -> None:
    """A boot set for Other says nothing of the image; its nodes do, to the image and the rest."""
    cluster = old(arch_of_nodes="ARM")
    boot_sets = {
        "compute": boot_set("a1", arch=None, node_groups=["gele"]),
        "odd": boot_set("a1", arch="Other", node_groups=["gele"]),
    }
    plan = plan_of(dataclasses.replace(cluster, templates=(template("gele", boot_sets),)))
    (entity,) = plan.of_kind("template")
    assert entity.body["boot_sets"]["compute"]["arch"] == "ARM"
    assert [i.arch for i in plan.images] == ["aarch64"]
    assert "arch-filled" in {f.id for f in plan.findings}


def test_its_nodes_are_paired_with_nodes_of_that_architecture() -> None:
    plan = plan_of(old(arch_of_kernel="aarch64"))
    assert [pair.target for pair in plan.nodes] == list(TARGETS)


@pytest.mark.parametrize("arch", ["", "x86_64"])
def test_nothing_is_added_where_bos_would_take_it_for_that_anyhow(arch: str) -> None:
    (entity,) = plan_of(old(arch_of_kernel=arch)).of_kind("template")
    assert "arch" not in entity.body["boot_sets"]["compute"]


def test_an_old_target_cannot_boot_it_and_says_so() -> None:
    plan = plan_of(old(arch_of_kernel="aarch64"), CSM_1_4)
    assert "arch-release" in {f.id for f in plan.blocking()}
