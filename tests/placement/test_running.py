"""What nodes run is found out from live records, and keeps them from being taken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration.console import Operator
from poya.documents import Document, JsonObject
from poya.lab.pytest_plugin import LabPair, TestSite
from poya.model.records import SessionTemplate
from poya.placement.facts import NodeFacts, Shape
from poya.placement.running import Attribution, LiveState

REFUSED = 10
IMAGE, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"


def template(name: str, image: str, configuration: str = "", **selects: Any) -> SessionTemplate:
    boot_set: JsonObject = {
        "path": f"s3://boot-images/{image}/manifest.json",
        "type": "s3",
        **selects,
    }
    body: JsonObject = {
        "name": name,
        "cfs": {"configuration": configuration},
        "boot_sets": {"all": boot_set},
    }
    return SessionTemplate.of(Document.of(body))


def node(state: str = "Ready", **more: Any) -> NodeFacts:
    return NodeFacts("x1c0s0b0n0", Shape(), role="Compute", arch="X86", state=state, **more)


BY_ROLE = template("by-role", IMAGE, "conf", node_roles_groups=["Compute"])
TWIN = template("twin", IMAGE, "other-conf", node_groups=["elsewhere"])


@pytest.mark.parametrize(
    ("live", "state", "runs"),
    [
        (LiveState(), "Ready", ()),
        (LiveState(actual_image=IMAGE), "Ready", ("by-role",)),
        (LiveState(desired_image=IMAGE), "Ready", ("by-role",)),
        (LiveState(next_image=IMAGE), "Ready", ("by-role",)),
        (LiveState(actual_image=OTHER, desired_image=IMAGE), "Ready", (OTHER,)),
        (LiveState(actual_image=OTHER, desired_image=IMAGE, is_driven=True), "On", ("by-role",)),
        (LiveState(configuration="conf"), "Ready", ("by-role",)),
        (LiveState(configuration="nobodys"), "Ready", ("nobodys",)),
        (LiveState(actual_image=OTHER), "Ready", (OTHER,)),
        (LiveState(actual_image=OTHER, configuration="other-conf"), "Ready", ("twin",)),
        (LiveState(actual_image=IMAGE, configuration="other-conf"), "Ready", ("twin",)),
        (LiveState(actual_image=IMAGE, template="twin"), "Ready", ("twin",)),
        (LiveState(actual_image=OTHER, template="since-changed"), "Ready", ("since-changed",)),
        (LiveState(actual_image=IMAGE, template="long-ago"), "Ready", ("by-role",)),
        (LiveState(actual_image=IMAGE, configuration="conf"), "Off", ()),
        (LiveState(next_image=IMAGE, desired_image=IMAGE), "Off", ()),
        (LiveState(desired_image=IMAGE, is_driven=True), "Off", ("by-role",)),
    ],
)
def test_a_node_runs_what_it_was_booted_with_whoever_could_boot_it(
    live: LiveState, state: str, runs: tuple[str, ...]
) -> None:
    assert Attribution([BY_ROLE, TWIN]).running(node(state), live) == runs


def test_templates_select_by_role_subrole_and_group_and_by_architecture() -> None:
    found = Attribution(
        [
            BY_ROLE,
            template("uan", IMAGE, node_roles_groups=["Application_UAN"]),
            template("arm", IMAGE, node_roles_groups=["Compute"], arch="ARM"),
            template("named", IMAGE, node_list=["x1c0s0b0n0"]),
            template("group", IMAGE, node_groups=["Red"]),
        ]
    )
    assert found.selecting(node()) == ("by-role",)
    assert found.selecting(node(groups=("red",))) == ("by-role", "group")
    uan = NodeFacts("x1c0s1b0n0", Shape(), role="Application", subrole="UAN", arch="X86")
    assert found.selecting(uan) == ("uan",)


# In the lab


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


@pytest.fixture
def site(lab_pair: LabPair) -> TestSite:
    """Prealps, with a template that selects every Compute node by its role."""
    site = lab_pair.prealps
    (known, *_) = site.site.state.templates.values()
    (boot_set, *_) = known["boot_sets"].values()
    by_role = {k: v for k, v in boot_set.items() if not k.startswith("node_")}
    by_role |= {"node_roles_groups": ["Compute"], "path": path_of(IMAGE), "arch": "ARM"}
    body = {**known, "name": "canary", "cfs": {"configuration": "canary-conf"}}
    site.site.state.templates.put("/canary", {**body, "boot_sets": {"all": by_role}})
    return site


def path_of(image: str) -> str:
    return f"s3://boot-images/{image}/manifest.json"


def wanted(operator: Operator, *more: str) -> dict[str, Any]:
    words = ("placement", "plan", "10 nodes where gh200", "--site", "prealps", "--output", "json")
    answer = operator.types(*words, *more)
    assert answer.status in (0, REFUSED), answer.err
    found = json.loads(answer.out)
    assert isinstance(found, dict)
    return found


def boot(site: TestSite, xnames: list[str]) -> None:
    """As if BOS had booted them."""
    for xname in xnames:
        known = site.site.state.bos_components.get(xname)
        assert known is not None
        artifacts = {"kernel": f"s3://boot-images/{IMAGE}/kernel", "kernel_parameters": ""}
        state = {**known["actual_state"], "boot_artifacts": artifacts}
        site.site.state.bos_components.put(xname, {**known, "actual_state": state})


def test_an_idle_templates_role_is_a_note_and_no_refusal(
    operator: Operator, site: TestSite
) -> None:
    found = wanted(operator)
    assert found["feasible"]
    assert found["claimed"] == {"canary": found["joining"]}
    shown = operator.must("placement", "plan", "10 nodes where gh200", "--site", "prealps").out
    assert "10 joining nodes would be booted by template canary too" in " ".join(shown.split())


def test_nodes_that_run_a_templates_work_are_spared_until_that_is_accepted(
    operator: Operator, site: TestSite
) -> None:
    busy = wanted(operator)["joining"][:4]
    boot(site, busy)
    refused = wanted(operator)
    assert not refused["feasible"]
    assert ["running:canary"] in [remedy["accept"] for remedy in refused["remedies"]]
    answer = operator.types("placement", "plan", "10 nodes where gh200", "--site", "prealps")
    assert "4 running canary" in " ".join(answer.err.split())
    fewer = json.loads(
        operator.must(
            "placement", "plan", "8 nodes where gh200", "--site", "prealps", "--output", "json"
        ).out
    )
    assert not set(fewer["joining"]) & set(busy)
    assert set(wanted(operator, "--accept", "running:canary")["joining"]) & set(busy)


def test_what_is_switched_off_runs_nothing(operator: Operator, site: TestSite) -> None:
    busy = wanted(operator)["joining"]
    boot(site, busy)
    for xname in busy:
        component = site.site.state.components.get(xname)
        site.site.state.components.put(xname, {**(component or {}), "State": "Off"})
    assert wanted(operator)["feasible"]


@pytest.mark.parametrize("path", ["*/bos/v2/components*", "*/cfs/v*/components*", "*/bss/*"])
def test_a_service_that_does_not_tell_what_runs_is_an_error_not_nothing(
    operator: Operator, site: TestSite, path: str
) -> None:
    site.set_fault("status", path, status=500, times=0)
    answer = operator.types("placement", "plan", "2 nodes where gh200", "--site", "prealps")
    assert answer.status not in (0, REFUSED)


def test_group_resize_takes_no_node_at_work(operator: Operator, site: TestSite) -> None:
    words = ("group", "resize", "tasna", "4 nodes where gh200", "--site", "prealps")
    free = json.loads(operator.must(*words, "--dry-run", "--output", "json").out)["joining"]
    boot(site, free)
    after = json.loads(operator.must(*words, "--yes", "--output", "json").out)["joining"]
    assert not set(free) & set(after)


def test_a_group_and_what_it_boots_are_one_holder(operator: Operator, site: TestSite) -> None:
    words = ("placement", "plan", "14 nodes where gh200", "--site", "prealps", "--output", "json")
    found = json.loads(operator.must(*words, "--accept", "group:tasna").out)
    group = site.site.state.groups.get("tasna")
    assert group is not None
    assert set(group["members"]["ids"]) <= set(found["joining"])
