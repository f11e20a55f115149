# SPDX-License-Identifier: Apache-2.0
"""From a capture and a survey to a plan. No I/O, no clock: same inputs, same plan."""

from __future__ import annotations

from dataclasses import replace

from poya.model.finding import by_severity
from poya.model.intent import Intent
from poya.model.inventory import Interest, Inventory
from poya.model.names import sorted_xnames
from poya.model.plan import NodePair, Plan
from poya.model.vcluster import VCluster
from poya.planning.architectures import fill_architectures
from poya.planning.checks import Case, run_checks
from poya.planning.entities import EntityPlanner, own_refs
from poya.planning.images import plan_images
from poya.planning.mapping.applying import apply_mapping
from poya.planning.nodes import NodeMap, map_nodes
from poya.planning.steps import steps_of


def interest_of(captured: VCluster, intent: Intent | None = None) -> Interest:
    """What the target must be asked about before this vCluster can be planned for it."""
    wanted = intent or Intent()
    vcluster = apply_mapping(captured, wanted.mapping).vcluster
    layers = [la for c in vcluster.configurations for la in c.repositories() if la.clone_url]
    chosen = wanted.nodes
    targets = (*chosen.targets, *chosen.pairs.values()) if chosen else vcluster.xnames()
    return Interest(
        entities=own_refs(vcluster),
        image_names=tuple(sorted({image.name for image in vcluster.images})),
        xnames=sorted_xnames(set(targets)),
        repositories=tuple(sorted({(la.clone_url, la.commit) for la in layers if la.commit})),
        branches=tuple(sorted({(la.clone_url, la.branch) for la in layers if la.branch})),
    )


def make_plan(captured: VCluster, inventory: Inventory, intent: Intent) -> Plan:
    """Decide everything, and collect every finding; raises nothing.

    A plan with critical findings is complete and readable, and must not be applied.
    """
    mapped = apply_mapping(captured, intent.mapping)
    filled = fill_architectures(mapped.vcluster, inventory)
    vcluster = filled.vcluster
    mapped = replace(mapped, notes=filled.edits)
    nodes = map_nodes(vcluster, inventory, intent.nodes)
    images = plan_images(vcluster, inventory, intent)
    entities = EntityPlanner(inventory, intent, nodes, mapped).plan(vcluster, images)
    ends = (vcluster.site, inventory.label)
    steps = steps_of(images, entities, ends, inventory.capabilities)
    case = Case(vcluster, inventory, intent, nodes, images, entities, filled.origins)
    outcome = run_checks(case)
    return Plan(
        vcluster=vcluster.name,
        source=vcluster.site,
        source_release=vcluster.release,
        target=inventory.label,
        target_release=inventory.capabilities.release,
        images=images,
        entities=entities,
        nodes=_changed_pairs(nodes),
        findings=by_severity((*mapped.findings, *nodes.findings, *outcome.findings)),
        predicted=outcome.predicted,
        verbatim=inventory.capabilities.is_verbatim,
        selector=vcluster.selector,
        intent=intent,
        steps=steps.steps,
        rights=steps.rights,
    )


def _changed_pairs(nodes: NodeMap) -> tuple[NodePair, ...]:
    if nodes.is_identity:
        return ()
    return tuple(NodePair(source, target) for source, target in sorted(nodes.pairs.items()))
