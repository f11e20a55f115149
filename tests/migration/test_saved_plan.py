"""Plans and surveys that are kept: read, signed off, applied later, refused when stale."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest

from migration.console import NODES, TEMPLATE, Operator
from migration.snapshot import snapshot
from poya.lab.pytest_plugin import LabPair
from poya.model.plan import decode_plan
from poya.planning.staleness import what_moved

BETWEEN = ("gele", "--from", "alps", "--to", "prealps", "--nodes", NODES)


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


@pytest.fixture
def plan(operator: Operator, tmp_path: Path) -> Path:
    path = tmp_path / "gele.plan"
    operator.must("migrate", "plan", *BETWEEN, "-o", str(path))
    return path


def test_a_plan_that_was_kept_is_shown_and_carried_out(
    operator: Operator, lab_pair: LabPair, plan: Path
) -> None:
    shown = operator.must("show", str(plan)).out
    assert hashlib.sha256(plan.read_bytes()).hexdigest() in shown
    assert "Plan for vCluster gele" in shown
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600

    operator.must("apply", str(plan), "--yes")

    assert any(t["name"] == TEMPLATE for t in lab_pair.prealps.site.state.templates.values())
    assert "0 to create" in operator.must("migrate", "plan", *BETWEEN).out


def test_planning_writes_nothing_and_gives_the_same_bytes(
    operator: Operator, lab_pair: LabPair, plan: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.plan"
    operator.must("migrate", "plan", *BETWEEN, "-o", str(again))
    assert again.read_bytes() == plan.read_bytes()
    assert lab_pair.alps.requests(mutating=True) == []
    assert lab_pair.prealps.requests(mutating=True) == []


def test_a_stale_plan_is_refused_and_what_moved_is_named(
    operator: Operator, lab_pair: LabPair, plan: Path
) -> None:
    groups = lab_pair.prealps.site.state.groups
    theirs = {"label": "gele", "description": "theirs", "members": {"ids": []}}
    groups.put("gele", theirs)
    before = snapshot(lab_pair.prealps)

    answer = operator.types("apply", str(plan), "--yes")

    assert answer.status == 11
    assert "HSM group gele: appeared at prealps" in answer.err
    assert snapshot(lab_pair.prealps) == before


def test_a_change_at_the_source_makes_a_plan_stale(
    operator: Operator, lab_pair: LabPair, plan: Path
) -> None:
    configurations = lab_pair.alps.site.state.configurations
    name = "gele-cos-config-23.06.0-1"
    record = dict(configurations.get(name) or {})
    record["layers"] = record["layers"][:2]
    configurations.put(name, record)

    answer = operator.types("apply", str(plan), "--yes")

    assert answer.status == 11
    assert f"CFS configuration {name}: changed at alps" in answer.err


def test_a_plan_that_was_carried_out_is_not_carried_out_twice(
    operator: Operator, plan: Path
) -> None:
    operator.must("apply", str(plan), "--yes")
    answer = operator.types("apply", str(plan), "--yes")
    assert answer.status == 11
    assert "is there already" in " ".join(answer.err.split())


def test_a_plan_begun_elsewhere_is_resumed_not_repeated(
    operator: Operator, lab_pair: LabPair, plan: Path
) -> None:
    lab_pair.prealps.set_fault("status", "/apis/cfs/*", method="PUT", status=500, times=50)
    assert operator.types("apply", str(plan), "--yes").status == 12
    lab_pair.prealps.clear_faults()

    answer = operator.types("apply", str(plan), "--yes")

    assert answer.status == 11
    assert "poya migrate resume" in answer.err


def test_garbage_is_no_plan(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "x.plan"
    for content in (b"", b"{}", b"\x00\xff", b'{"version": 1}', b'{"version": 99}'):
        path.write_bytes(content)
        for verb in (("apply", "--yes"), ("show",)):
            assert operator.types(verb[0], str(path), *verb[1:]).status == 2
    assert operator.types("show", str(tmp_path / "missing")).status == 2


def test_surveys_stand_in_for_both_sites(
    operator: Operator, lab_pair: LabPair, plan: Path, tmp_path: Path
) -> None:
    here, there, offline = (str(tmp_path / n) for n in ("alps.json", "prealps.json", "off.plan"))
    operator.must("survey", "alps", "gele", "-o", here)
    operator.must("survey", "prealps", "--for", here, "-o", there)
    lab_pair.alps.site.requests.clear()
    lab_pair.prealps.site.requests.clear()

    ends = ("gele", "--from", here, "--to", there, "--nodes", NODES)
    operator.must("check", "--offline", *ends)
    operator.must("migrate", "plan", *ends, "-o", offline)
    operator.must("show", here)

    assert lab_pair.alps.requests() == []
    assert lab_pair.prealps.requests() == []
    kept, made = (decode_plan(p.read_bytes()) for p in (Path(offline), plan))
    assert what_moved(kept, made) == ()
    assert kept.entities == made.entities
    operator.must("apply", offline, "--yes")


def test_a_survey_of_all_is_narrowed_to_what_is_asked_for(
    operator: Operator, plan: Path, tmp_path: Path
) -> None:
    here = str(tmp_path / "alps.json")
    operator.must("survey", "alps", "-o", here)
    for name in ("gele", "eiger", "clariden"):
        operator.must("diff", f"{here}:{name}", f"alps:{name}")


def test_check_offline_contacts_nobody(operator: Operator) -> None:
    answer = operator.types("check", "gele", "--offline", "--from", "alps", "--to", "prealps")
    assert answer.status == 2
    assert "poya survey alps" in answer.err


def test_a_survey_is_not_run_from(operator: Operator, lab_pair: LabPair, tmp_path: Path) -> None:
    here = str(tmp_path / "alps.json")
    operator.must("survey", "alps", "gele", "-o", here)
    answer = operator.types(
        "migrate", "run", "gele", "--from", here, "--to", "prealps", "--nodes", NODES, "--yes"
    )
    assert answer.status == 2
    assert lab_pair.prealps.requests(mutating=True) == []


def test_check_refuses_with_ten_and_tells_everything(operator: Operator) -> None:
    answer = operator.types(
        "check", "gele", "--from", "alps", "--to", "prealps", "--output", "json"
    )
    assert answer.status == 10
    document = json.loads(answer.out)
    assert document["critical"] == 1
    assert {"node-unknown", "clone-url-of-site"} <= {f["id"] for f in document["findings"]}


def test_diff_ends_with_one_where_something_differs(operator: Operator) -> None:
    assert operator.types("diff", "alps:gele", "alps:gele").status == 0
    answer = operator.types("diff", "alps:gele", "alps:eiger", "--output", "json")
    assert answer.status == 1
    assert json.loads(answer.out)["equal"] is False


def test_a_mapped_vcluster_arrives_under_its_new_names(
    operator: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    file = tmp_path / "mapping.toml"
    ends = ("gele", "--from", "alps", "--to", "prealps")
    operator.must("migrate", "map", *ends, "--suggest", "-o", str(file))
    mapping = ("--mapping", str(file), "--map", "groups:gele=bise", "--map", "templates:x=y")

    operator.must("migrate", "run", *BETWEEN, *mapping, "--yes")

    state = lab_pair.prealps.site.state
    assert state.groups.get("bise") is not None
    assert state.groups.get("gele") is None
    (record,) = (r for r in state.templates.values() if r["name"] == TEMPLATE)
    assert record["boot_sets"]["compute"]["node_groups"] == ["bise"]
    (configuration,) = (
        r for r in state.configurations.values() if r["name"].startswith("gele-cos-config")
    )
    urls = " ".join(layer["clone_url"] for layer in configuration["layers"])
    assert "vcs.cmn.prealps.example.org" in urls
    assert "vcs.cmn.alps.example.org" not in urls
    assert "0 to create" in operator.must("migrate", "plan", *BETWEEN, *mapping).out


def test_a_vclusters_own_file_selects_it(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "vcluster.toml"
    file.write_text('group = "gele"\n[[mount]]\npath = "/scratch"\nsource = "nfs.alps:/scratch"\n')
    ends = ("--from", "alps", "--to", "prealps", "--nodes", NODES)
    answer = operator.must("check", "--file", str(file), *ends)
    assert "mount-unmapped" in answer.out
    assert operator.types("check", "gele", "--file", str(file), *ends).status == 2
