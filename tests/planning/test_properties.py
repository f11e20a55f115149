# SPDX-License-Identifier: Apache-2.0
"""What holds for any vCluster and any target."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from builders import BUNDLE, CSM_1_4, CSM_1_6, CSM_1_7, entities_of, image, inventory, ref_of
from planning.circumstances import circumstances, shuffled, surroundings
from planning.stored import apply
from poya.documents import Document, JsonObject
from poya.migration.publishing import bound_body
from poya.model.intent import POLICIES, Intent, NodeChoice, Policy
from poya.model.inventory import Inventory
from poya.model.plan import Plan, decode_plan
from poya.model.records import KINDS, Node
from poya.model.vcluster import VCluster
from poya.planning import interest_of, make_plan
from poya.sites.base import Published
from strategies import QUICK, vclusters

TARGETS = st.sampled_from([CSM_1_4, CSM_1_6, CSM_1_7, BUNDLE])
ARCHS = st.sampled_from(["X86", "ARM", "UNKNOWN", ""])


@st.composite
def _targets(draw: st.DrawFn, cluster: VCluster) -> Inventory:
    """A target that holds some of the vCluster's names, some of them for something else."""
    held = inventory(draw(TARGETS), {x: Node(x, arch=draw(ARCHS)) for x in cluster.xnames()})
    entities = {
        ref_of(entity): _altered(entity.document, ref_of(entity).kind)
        if draw(st.booleans())
        else entity.document
        for entity in entities_of(cluster)
        if draw(st.booleans())
    }
    namesakes = [
        image(f"held-{i.id}", name=i.name, content="another")
        for i in cluster.images
        if draw(st.booleans())
    ]
    return dataclasses.replace(held, entities=entities, images=tuple(namesakes))


def _altered(document: Document, kind: str) -> Document:
    value = document.editable()
    value["description"] = f"{value.get('description')} of somebody else"
    if kind == "group":
        value["tags"] = ["theirs"]
    return Document.of(value)


@st.composite
def _intents(draw: st.DrawFn, policies: tuple[Policy, ...] = POLICIES) -> Intent:
    kinds = (*KINDS, "image")
    return Intent(policies={kind: draw(st.sampled_from(policies)) for kind in kinds})


def _shuffled(cluster: VCluster, target: Inventory, seed: int) -> tuple[VCluster, Inventory]:
    dice = random.Random(seed)

    def mixed(items: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(dice.sample(items, len(items)))

    def mixed_map(items: Mapping[object, object]) -> dict[object, object]:
        return dict(dice.sample(list(items.items()), len(items)))

    fields = ("templates", "configurations", "images", "groups")
    changed = {name: mixed(getattr(cluster, name)) for name in fields}
    nodes = None if target.nodes is None else mixed_map(target.nodes)  # type: ignore[arg-type]
    return (
        dataclasses.replace(cluster, **changed, nodes=mixed_map(cluster.nodes)),  # type: ignore[arg-type]
        dataclasses.replace(
            target,
            entities=mixed_map(target.entities),  # type: ignore[arg-type]
            images=mixed(target.images),  # type: ignore[arg-type]
            nodes=nodes,  # type: ignore[arg-type]
        ),
    )


@QUICK
@given(st.data(), vclusters())
def test_same_inputs_give_the_same_bytes_in_whatever_order_they_come(
    data: st.DataObject, cluster: VCluster
) -> None:
    target = data.draw(_targets(cluster))
    intent = data.draw(_intents())
    plan = make_plan(cluster, target, intent)

    other_cluster, other_target = _shuffled(cluster, target, data.draw(st.integers(0, 2**32)))

    assert make_plan(other_cluster, other_target, intent).encode() == plan.encode()
    assert interest_of(other_cluster) == interest_of(cluster)


@QUICK
@given(st.data(), vclusters())
def test_what_stands_around_it_gives_the_same_bytes_in_whatever_order_it_comes(
    data: st.DataObject, cluster: VCluster
) -> None:
    around, stand = data.draw(surroundings(cluster)), data.draw(circumstances(cluster))
    cluster = dataclasses.replace(cluster, surroundings=around)
    target = dataclasses.replace(data.draw(_targets(cluster)), circumstances=stand)
    plan = make_plan(cluster, target, Intent())

    dice = random.Random(data.draw(st.integers(0, 2**32)))
    other = dataclasses.replace(cluster, surroundings=shuffled(around, dice))
    elsewhere = dataclasses.replace(target, circumstances=shuffled(stand, dice))

    assert make_plan(other, elsewhere, Intent()).encode() == plan.encode()


@QUICK
@given(st.data(), vclusters())
def test_a_plan_survives_being_saved(data: st.DataObject, cluster: VCluster) -> None:
    plan = make_plan(cluster, data.draw(_targets(cluster)), data.draw(_intents()))

    read = decode_plan(plan.encode())

    assert read == plan
    assert read.encode() == plan.encode()
    assert read.digest() == plan.digest()


@QUICK
@given(st.data(), vclusters())
def test_nothing_is_left_to_do_after_a_plan_was_applied(
    data: st.DataObject, cluster: VCluster
) -> None:
    target = inventory(data.draw(TARGETS), {x: Node(x) for x in cluster.xnames()})
    plan = make_plan(cluster, target, Intent())
    assert not plan.is_empty()

    again = make_plan(cluster, apply(plan, target), Intent())

    assert _unsettled(again) == []
    assert again.is_empty()


@QUICK
@given(st.data(), vclusters())
def test_nothing_is_left_to_do_after_conflicts_were_settled(
    data: st.DataObject, cluster: VCluster
) -> None:
    target = data.draw(_targets(cluster))
    intent = data.draw(_intents(policies=("overwrite", "rename")))
    plan = make_plan(cluster, target, intent)
    assert all(image.action != "refuse" for image in plan.images)
    assert all(entity.action != "refuse" for entity in plan.entities)

    again = make_plan(cluster, apply(plan, target), intent)

    assert _unsettled(again) == []


@QUICK
@given(st.data(), vclusters())
def test_nothing_is_left_to_do_after_nodes_were_mapped(
    data: st.DataObject, cluster: VCluster
) -> None:
    targets = {
        x.replace("x1", "x9"): Node(x.replace("x1", "x9"), arch=data.draw(ARCHS))
        for x in cluster.xnames()
    }
    target = inventory(CSM_1_6, targets)
    choice = NodeChoice(targets=tuple(data.draw(st.permutations(list(targets)))))
    plan = make_plan(cluster, target, Intent(nodes=choice))

    after = apply(plan, target)

    assert _unsettled(make_plan(cluster, after, Intent(nodes=choice))) == []
    assert set(_members(after)) <= set(targets)


@QUICK
@given(st.data(), vclusters())
def test_every_reference_of_the_target_state_resolves(
    data: st.DataObject, cluster: VCluster
) -> None:
    target = data.draw(_targets(cluster))
    intent = data.draw(_intents(policies=("overwrite", "rename")))
    plan = make_plan(cluster, target, intent)

    after = apply(plan, target)

    paths = {i.manifest_path for i in (*after.images, *(cluster.images if plan.verbatim else ()))}
    configurations, groups = after.names("configuration"), after.names("group")
    for body in (entity.body for entity in plan.of_kind("template")):
        assert configurations >= _named_configurations(body)
        for boot_set in body["boot_sets"].values():
            assert configurations >= _named_configurations(boot_set)
            assert groups >= {label.lower() for label in boot_set.get("node_groups") or ()}
    for ref in (entity.ref for entity in plan.of_kind("template")):
        boot_sets = after.entities[ref].value["boot_sets"]
        assert isinstance(boot_sets, dict)
        assert paths >= {b["path"] for b in boot_sets.values() if isinstance(b, dict)}


@QUICK
@given(vclusters())
def test_bindings_are_left_open_only_for_images_that_are_brought(cluster: VCluster) -> None:
    plan = make_plan(cluster, inventory(CSM_1_6), Intent())
    brought = {i.source_id: Published(f"s3://b/{i.source_id}", "e") for i in plan.images}

    for entity in plan.of_kind("template"):
        body = bound_body(entity, brought).value
        boot_sets = body["boot_sets"]
        assert isinstance(boot_sets, dict)
        for boot_set in boot_sets.values():
            assert isinstance(boot_set, dict)
            assert boot_set["path"] in {p.path for p in brought.values()}
            assert boot_set["etag"] == "e"


@QUICK
@given(st.data(), vclusters())
def test_a_backup_keeps_every_document_as_it_is(data: st.DataObject, cluster: VCluster) -> None:
    plan = make_plan(cluster, inventory(BUNDLE), Intent())

    documents = {ref_of(entity): entity.document.value for entity in entities_of(cluster)}

    assert {entity.ref: entity.body for entity in plan.entities} == documents
    assert [i.source_id for i in plan.images] == sorted(i.id for i in cluster.images)


@QUICK
@given(st.data(), vclusters())
def test_no_two_steps_write_the_same_place(data: st.DataObject, cluster: VCluster) -> None:
    plan = make_plan(cluster, data.draw(_targets(cluster)), data.draw(_intents()))

    steps = [entity.step for entity in plan.entities]
    names = [(i.source_id, a.name) for i in plan.images for a in i.artifacts]

    assert len(set(steps)) == len(steps)
    assert len(set(names)) == len(names)
    assert not {name for _, name in names} & {"manifest.json", "", ".", ".."}


def _unsettled(plan: Plan) -> list[object]:
    settled = ("reuse",)
    images = [(i.action, i.name) for i in plan.images if i.action not in settled]
    entities = [(e.step, e.changes) for e in plan.entities if e.action not in settled]
    return [*images, *entities]


def _members(target: Inventory) -> list[str]:
    bodies = [d.value["members"] for ref, d in target.entities.items() if ref.kind == "group"]
    return [str(x) for m in bodies if isinstance(m, dict) for x in m["ids"]]  # type: ignore[union-attr]


def _named_configurations(body: JsonObject) -> set[str]:
    cfs = body.get("cfs")
    name = cfs.get("configuration") if isinstance(cfs, dict) else None
    return {str(name)} if name else set()
