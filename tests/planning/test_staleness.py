"""A saved plan is applied only while it is the plan that would be made."""

from __future__ import annotations

import dataclasses

from hypothesis import given

from builders import CSM_1_6, CSM_1_7, configuration, group, image, inventory, layer, vcluster
from poya.model.intent import Intent
from poya.model.inventory import Inventory
from poya.model.plan import Plan, decode_plan
from poya.model.records import Node
from poya.model.vcluster import VCluster
from poya.planning import make_plan
from poya.planning.staleness import what_moved
from strategies import FEW, vclusters

GELE = vcluster("gele: compute=ARM@gele*2 image=a1")


def target(**changed: object) -> Inventory:
    return dataclasses.replace(inventory(CSM_1_6, dict(GELE.nodes)), **changed)  # type: ignore[arg-type]


def moved(cluster: VCluster = GELE, held: Inventory | None = None) -> list[str]:
    saved = decode_plan(make_plan(GELE, target(), Intent()).encode())
    fresh = make_plan(cluster, held or target(), saved.intent)
    return [str(one) for one in what_moved(saved, fresh)]


@FEW
@given(vclusters())
def test_nothing_moved_between_two_plans_of_the_same(cluster: VCluster) -> None:
    held = inventory(CSM_1_6, {x: Node(x) for x in cluster.xnames()})
    plan = make_plan(cluster, held, Intent())
    assert what_moved(decode_plan(plan.encode()), make_plan(cluster, held, plan.intent)) == ()


def test_a_commit_that_changed_at_the_source_is_named() -> None:
    other = configuration("gele-config", layer("base", commit="f" * 40))
    (told,) = moved(dataclasses.replace(GELE, configurations=(other,)))
    assert "CFS configuration gele-config: changed at alps: /layers/0/commit" in told
    assert "f" * 40 in told


def test_a_group_that_appeared_at_the_target_is_named() -> None:
    held = inventory(CSM_1_6, dict(GELE.nodes), [group("gele", [])])
    told = moved(held=held)
    assert "HSM group gele: appeared at mars" in told


def test_a_new_release_is_named() -> None:
    assert "mars: was CSM 1.6, is CSM 1.7 now" in moved(held=target(capabilities=CSM_1_7))


def test_files_of_an_image_that_changed_are_named() -> None:
    other = image("a1", arch="aarch64", content="rebuilt")
    told = moved(dataclasses.replace(GELE, images=(other,)))
    assert "IMS image a1: its files at alps changed" in told


def test_an_image_that_the_target_holds_by_now_is_named() -> None:
    held = image("z9", name="a1", arch="aarch64", content="a1")
    told = moved(held=target(images=(held,)))
    assert "IMS image a1: was not there at mars, is there as z9 now" in told


def test_a_node_that_was_locked_since_is_named() -> None:
    nodes = {x: dataclasses.replace(node, is_locked=True) for x, node in GELE.nodes.items()}
    (told,) = moved(held=target(nodes=nodes))
    assert told.startswith("vCluster gele: new finding node-locked")


def test_a_finding_that_went_away_does_not_make_a_plan_stale() -> None:
    nodes = {x: dataclasses.replace(node, is_locked=True) for x, node in GELE.nodes.items()}
    saved = make_plan(GELE, target(nodes=nodes), Intent())
    assert saved.warnings()
    assert what_moved(saved, make_plan(GELE, target(), Intent())) == ()


def test_what_has_no_words_of_its_own_is_still_told() -> None:
    saved = make_plan(GELE, target(), Intent())
    fresh: Plan = dataclasses_replace(saved, verbatim=True)
    assert [one.message for one in what_moved(saved, fresh)] == ["/verbatim false → true"]


def dataclasses_replace(plan: Plan, **changed: object) -> Plan:
    import msgspec

    return msgspec.structs.replace(plan, **changed)
