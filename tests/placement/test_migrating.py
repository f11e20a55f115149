"""`poya migrate … --nodes auto`: target nodes are chosen by what the source's are made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migration.console import Operator
from poya.lab.pytest_plugin import LabPair

ENDS = ("gele", "--from", "alps", "--to", "prealps")


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


def planned(operator: Operator, *words: str) -> dict[str, Any]:
    answer = operator.types("migrate", "plan", *ENDS, "--output", "json", *words)
    found = json.loads(answer.out)["plan"]
    assert isinstance(found, dict)
    return found


def test_the_pairing_keeps_role_architecture_and_the_order_of_nids(
    operator: Operator, lab_pair: LabPair
) -> None:
    plan = planned(operator, "--nodes", "auto")
    here = {c["ID"]: c for c in lab_pair.alps.site.state.components.values()}
    there = {c["ID"]: c for c in lab_pair.prealps.site.state.components.values()}
    pairs = [(here[p["source"]], there[p["target"]]) for p in plan["nodes"]]
    assert len(pairs) == 10
    for source, target in pairs:
        assert (source["Arch"], source["Role"]) == (target["Arch"], target["Role"])
    for role in ("Compute", "Application"):
        nids = sorted((s["NID"], t["NID"]) for s, t in pairs if s["Role"] == role)
        assert [target for _, target in nids] == sorted(target for _, target in nids)
    assert "gh200 >= 4" in plan["intent"]["demand"]


def test_it_is_carried_out_and_planned_again_with_the_same_nodes(operator: Operator) -> None:
    first = planned(operator, "--nodes", "auto")
    operator.must("migrate", "run", *ENDS, "--nodes", "auto", "--yes")
    again = planned(operator, "--nodes", "auto")
    assert again["nodes"] == first["nodes"]
    assert {entity["action"] for entity in again["entities"]} == {"reuse"}


def test_a_kept_plan_is_applied_with_the_nodes_that_were_shown(
    operator: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    kept = tmp_path / "plan.json"
    operator.must("migrate", "plan", *ENDS, "--nodes", "auto", "-o", str(kept))
    operator.must("apply", str(kept), "--yes")
    group = lab_pair.prealps.site.state.groups.get("gele")
    shown = json.loads(kept.read_text())["nodes"]
    assert group is not None
    assert sorted(group["members"]["ids"]) == sorted(pair["target"] for pair in shown)


def test_nodes_beyond_the_sources_join_the_groups_of_their_like(operator: Operator) -> None:
    demand = "uan: 2 nodes where role = Application; gpu: 10 nodes where gh200, 1 spare"
    plan = planned(operator, "--nodes", demand)
    group = next(entity for entity in plan["entities"] if entity["kind"] == "group")
    template = next(entity for entity in plan["entities"] if entity["kind"] == "template")
    assert len(group["body"]["members"]["ids"]) == 2 + 11
    assert len(template["body"]["boot_sets"]["uan"]["node_list"]) == 2
    assert len(plan["nodes"]) == 10


def test_a_smaller_demand_is_a_smaller_vcluster_that_somebody_accepts(operator: Operator) -> None:
    plan = planned(
        operator, "--nodes", "uan: 1 node where role = Application; 4 nodes where gh200"
    )
    graded = {finding["id"]: finding["severity"] for finding in plan["findings"]}
    assert graded["node-without-counterpart"] == "warning"
    assert len(plan["nodes"]) == 5


def test_nodes_of_another_group_are_taken_only_if_that_is_accepted(operator: Operator) -> None:
    demand = "uan: 2 nodes where role = Application; 14 nodes where gh200"
    refused = operator.types("migrate", "plan", *ENDS, "--nodes", demand)
    assert refused.status == 10
    assert "2 in group tasna" in " ".join(refused.err.split())
    plan = planned(operator, "--nodes", demand, "--accept", "group:tasna")
    held = next(finding for finding in plan["findings"] if finding["id"] == "node-held")
    assert held["severity"] == "warning"
    assert "in group tasna" in held["message"]


def test_surveys_are_enough_to_choose_nodes(
    operator: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    live = planned(operator, "--nodes", "auto")
    here, there = tmp_path / "gele.json", tmp_path / "prealps.json"
    operator.must("survey", "alps", "gele", "-o", str(here))
    operator.must("survey", "prealps", "--for", str(here), "-o", str(there))
    before = len(lab_pair.alps.requests()), len(lab_pair.prealps.requests())
    words = ("gele", "--from", str(here), "--to", str(there), "--nodes", "auto")
    answer = operator.types("migrate", "plan", *words, "--output", "json")
    assert json.loads(answer.out)["plan"]["nodes"] == live["nodes"]
    shown = operator.must("placement", "plan", "a100:4", "--site", str(there)).out
    assert "Provably none better" in shown
    assert (len(lab_pair.alps.requests()), len(lab_pair.prealps.requests())) == before


def test_a_survey_without_hardware_says_so(
    operator: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    survey = tmp_path / "prealps.json"
    lab_pair.prealps.set_fault("status", "*/Inventory/Hardware*", status=403, times=0)
    taken = operator.must("survey", "prealps", "-o", str(survey))
    assert "no nodes can be chosen by this survey" in taken.err
    answer = operator.types("placement", "plan", "a100:4", "--site", str(survey))
    assert answer.status == 2
    assert "does not tell what the site's nodes are made of" in " ".join(answer.err.split())


def test_a_bundle_as_target_has_no_nodes_to_choose(operator: Operator, tmp_path: Path) -> None:
    words = ("gele", "--from", "alps", "--to", str(tmp_path / "bundle"), "--nodes", "auto")
    answer = operator.types("migrate", "plan", *words)
    assert answer.status == 2
    assert "live or surveyed" in answer.err


def test_a_backup_keeps_what_its_nodes_are_made_of_for_the_restore(
    operator: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    bundle = tmp_path / "gele"
    operator.must("migrate", "backup", "--group", "gele", "-d", str(bundle), "--site", "alps")
    index = json.loads((bundle / "bundle.json").read_text())
    assert "gh200 >= 4" in index["hardware"]["demand"]
    where = ("--bundle", str(bundle), "--site", "prealps", "--nodes", "auto", "--yes")
    operator.must("migrate", "restore", *where)
    group = lab_pair.prealps.site.state.groups.get("gele")
    assert group is not None
    assert len(group["members"]["ids"]) == 10


@pytest.mark.parametrize("path", ["*/Inventory/Hardware*", "*/locks/status*", "*/tapms/*"])
def test_a_backup_does_without_what_no_service_tells_of_its_nodes(
    operator: Operator, lab_pair: LabPair, tmp_path: Path, path: str
) -> None:
    lab_pair.alps.set_fault("status", path, status=500, times=0)
    bundle = tmp_path / "gele"
    answer = operator.must(
        "migrate", "backup", "--group", "gele", "-d", str(bundle), "--site", "alps"
    )
    assert json.loads((bundle / "bundle.json").read_text())["hardware"] is None
    assert "what the nodes are made of" in answer.out
