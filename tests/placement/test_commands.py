"""`poya placement`: an operator asks which nodes of an emulated site suit a demand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migration.console import Operator
from poya.lab.pytest_plugin import LabPair

REFUSED = 10


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


def test_a_running_vclusters_demand_is_fulfilled_at_the_other_site(
    operator: Operator, tmp_path: Path
) -> None:
    written = tmp_path / "gele.demand"
    written.write_text(operator.must("placement", "demand", "gele", "--site", "alps").out)

    shown = operator.must("placement", "plan", str(written), "--site", "prealps").out
    found = json.loads(
        operator.must(
            "placement", "plan", str(written), "--site", "prealps", "--output", "json"
        ).out
    )

    nodes = {each["name"]: each["nodes"] for each in found["classes"]}
    assert nodes["uan"] == ["x3002c0s17b0n0", "x3002c0s19b0n0"]
    assert len(nodes["gh200"]) == 8
    assert all(xname.startswith("x9000c1s") for xname in nodes["gh200"])
    # tasna's nodes are left alone
    assert not any(xname.startswith("x9000c1s0b") for xname in nodes["gh200"])
    assert found["proven"] is True
    assert "Provably none better" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_hardware_is_shown_as_the_demand_of_any_nodes(operator: Operator) -> None:
    of_group = operator.must("placement", "demand", "gele", "--site", "alps").out
    got = ("get", "hardware", "gele", "--site", "alps", "--output", "demand")
    assert operator.must(*got).out == of_group
    fewer = operator.must(*got[:2], "gele&Application", *got[3:]).out
    assert fewer.startswith("uan: 2 nodes")
    assert "gh200" not in fewer
    assert operator.types(*got[:2], "nobody", *got[3:]).status != 0


def test_it_reads_in_bulk_and_writes_nothing(operator: Operator, lab_pair: LabPair) -> None:
    site = lab_pair.prealps
    before = len(site.requests())
    operator.must("placement", "plan", "a100:4", "--site", "prealps")
    asked = site.requests()[before:]
    hardware = [entry for entry in asked if "Inventory/Hardware" in entry.path]
    assert len(hardware) == 1
    writes = [entry for entry in asked if entry.method not in ("GET", "HEAD")]
    assert all("token" in e.path or "locks/status" in e.path for e in writes)


def test_a_demand_that_cannot_be_fulfilled_says_who_has_the_nodes_and_what_would_do(
    operator: Operator,
) -> None:
    answer = operator.types("placement", "plan", "a100:16", "--site", "prealps")
    assert answer.status == REFUSED
    assert "short of 4 a100" in answer.err
    assert "4 locked" in answer.err
    assert "--accept locked" in answer.err
    assert "It fits with 12 a100" in answer.err
    operator.must("placement", "plan", "a100:16", "--site", "prealps", "--accept", "locked")


def test_the_refusal_is_json_too(operator: Operator) -> None:
    words = ("placement", "plan", "14 nodes where gh200", "--site", "prealps", "--output", "json")
    answer = operator.types(*words)
    assert answer.status == REFUSED
    found = json.loads(answer.out)
    assert found["feasible"] is False
    assert ["group:tasna"] in [remedy["accept"] for remedy in found["remedies"]]


def test_a_misspelt_component_is_pointed_out(operator: Operator) -> None:
    answer = operator.types("placement", "plan", "2 nodes where a1000", "--site", "prealps")
    assert answer.status == REFUSED
    assert "Did you mean a100" in answer.err


def test_a_demand_that_cannot_be_read_is_pointed_at(operator: Operator) -> None:
    answer = operator.types("placement", "plan", "2 nodes where a100 >=", "--site", "prealps")
    assert answer.status == 2
    assert "2 nodes where a100 >=\n" in answer.err
    caret = next(line for line in answer.err.splitlines() if line.strip() == "^")
    assert caret.index("^") == 2 + len("2 nodes where a100 >=")


@pytest.mark.parametrize("reason", ["all", "group:", "hunger"])
def test_only_reasons_that_exist_can_be_accepted(operator: Operator, reason: str) -> None:
    words = ("placement", "plan", "a100:4", "--site", "prealps", "--accept", reason)
    assert operator.types(*words).status == 2


def test_models_without_a_name_are_listed_and_can_be_named(
    operator: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    hardware = lab_pair.prealps.site.state.hardware
    part = dict(hardware.get("x2000c1s0b0n0a0") or {})
    fru = dict(part["PopulatedFRU"])
    fru["NodeAccelFRUInfo"] = {**fru["NodeAccelFRUInfo"], "Model": "Mystery Board 9"}
    hardware.put("x2000c1s0b0n0a0", {**part, "PopulatedFRU": fru})

    listed = operator.must("placement", "facts", "--unrecognised", "--site", "prealps").out
    assert "Mystery Board 9" in listed
    assert operator.types("placement", "plan", "mystery:1", "--site", "prealps").status == REFUSED

    named = tmp_path / "config.toml"
    names = '\n[sites.prealps.placement.names]\nmystery = ["mystery board*"]\n'
    named.write_text(_absolute(lab_pair.config_path) + names)
    found = Operator(named).must("placement", "plan", "mystery:1", "--site", "prealps").out
    assert "x2000c1s0b0n0" in found


def _absolute(config: Path) -> str:
    return config.read_text().replace('"prealps/', f'"{config.parent}/prealps/')
