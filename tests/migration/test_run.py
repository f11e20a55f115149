"""`poya migrate run`: a vCluster moves between two emulated sites, and can be taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migration.console import CONFIGURATION, NODES, TEMPLATE, Operator, migrate
from migration.snapshot import snapshot
from poya.lab.pytest_plugin import LabPair, TestSite


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


def template_at(site: TestSite, name: str = TEMPLATE) -> dict[str, Any]:
    records = site.site.state.templates.values()
    return next(record for record in records if record["name"] == name)


def images_at(site: TestSite) -> dict[str, dict[str, Any]]:
    return {record["name"]: record for record in site.site.state.images.values()}


def manifest_of(site: TestSite, image: dict[str, Any]) -> dict[str, Any]:
    bucket, _, key = image["link"]["path"].removeprefix("s3://").partition("/")
    found = json.loads(site.ground.objects.read_now(bucket, key))
    assert isinstance(found, dict)
    return found


def last_run(operator: Operator) -> str:
    runs = json.loads(operator.must("migrate", "list", "--output", "json").out)
    return str(runs[-1]["run"])


def test_brings_every_boot_set_image_and_artifact(operator: Operator, lab_pair: LabPair) -> None:
    assert migrate(operator).status == 0

    alps, prealps = lab_pair.alps, lab_pair.prealps
    for name in ("gele-cos-23.06.0-1", "gele-uan-23.06.0-1"):
        source, target = images_at(alps)[name], images_at(prealps)[name]
        before, after = manifest_of(alps, source), manifest_of(prealps, target)
        assert target["arch"] == source["arch"]
        assert [a["type"] for a in after["artifacts"]] == [a["type"] for a in before["artifacts"]]
        assert [a["md5"] for a in after["artifacts"]] == [a["md5"] for a in before["artifacts"]]
        for artifact in after["artifacts"]:
            assert artifact["link"]["path"].startswith(f"s3://boot-images/{target['id']}/")


def test_equal_content_gets_the_equal_etag(operator: Operator, lab_pair: LabPair) -> None:
    assert migrate(operator).status == 0

    name = "gele-cos-23.06.0-1"
    before = manifest_of(lab_pair.alps, images_at(lab_pair.alps)[name])
    after = manifest_of(lab_pair.prealps, images_at(lab_pair.prealps)[name])
    etags = [a["link"]["etag"] for a in after["artifacts"]]
    assert etags == [a["link"]["etag"] for a in before["artifacts"]]
    assert any("-" in etag for etag in etags), "the rootfs was uploaded in parts"


def test_manifest_etags_are_those_of_the_stored_objects(
    operator: Operator, lab_pair: LabPair
) -> None:
    assert migrate(operator).status == 0

    stored = {(r.bucket, r.key): r.etag for r in lab_pair.prealps.ground.objects.rows()}
    for image in images_at(lab_pair.prealps).values():
        for artifact in manifest_of(lab_pair.prealps, image)["artifacts"]:
            bucket, _, key = artifact["link"]["path"].removeprefix("s3://").partition("/")
            assert stored[bucket, key] == artifact["link"]["etag"]


def test_boot_sets_point_at_the_images_of_the_target(
    operator: Operator, lab_pair: LabPair
) -> None:
    assert migrate(operator).status == 0

    images = images_at(lab_pair.prealps)
    boot_sets = template_at(lab_pair.prealps)["boot_sets"]
    for name, image in (("compute", "gele-cos-23.06.0-1"), ("uan", "gele-uan-23.06.0-1")):
        assert boot_sets[name]["path"] == images[image]["link"]["path"]
        assert boot_sets[name]["etag"] == images[image]["link"]["etag"]


def test_keeps_the_exact_commit_of_a_layer_made_from_a_branch(
    operator: Operator, lab_pair: LabPair
) -> None:
    assert migrate(operator).status == 0

    source = lab_pair.alps.site.state.configurations.get(CONFIGURATION)
    target = lab_pair.prealps.site.state.configurations.get(CONFIGURATION)
    assert source is not None
    assert target is not None
    assert any("branch" in layer for layer in source["layers"])
    commits = [layer["commit"] for layer in target["layers"]]
    assert commits == [layer["commit"] for layer in source["layers"]]
    assert not any("branch" in layer for layer in target["layers"])


def test_maps_members_and_node_lists_by_architecture(
    operator: Operator, lab_pair: LabPair
) -> None:
    assert migrate(operator).status == 0

    state = lab_pair.prealps.site.state
    group = state.groups.get("gele")
    assert group is not None
    members = group["members"]["ids"]
    archs = [(state.components.get(xname) or {})["Arch"] for xname in members]
    assert sorted(archs) == ["ARM"] * 8 + ["X86"] * 2
    node_list = template_at(lab_pair.prealps)["boot_sets"]["uan"]["node_list"]
    assert sorted(node_list) == ["x3002c0s17b0n0", "x3002c0s19b0n0"]


def test_writes_nothing_at_the_source(operator: Operator, lab_pair: LabPair) -> None:
    before = snapshot(lab_pair.alps)
    assert migrate(operator).status == 0
    assert lab_pair.alps.requests(mutating=True) == []
    assert snapshot(lab_pair.alps) == before


def test_says_what_was_done_and_how_to_go_on(operator: Operator) -> None:
    answer = migrate(operator)
    run = last_run(operator)
    assert "Migrated vCluster gele" in answer.out
    assert f"prealps says of {TEMPLATE}: Valid" in answer.out
    assert f"poya migrate undo {run}" in answer.out
    assert max(len(line) for line in answer.out.splitlines()) <= 80


def test_a_second_migration_moves_nothing(operator: Operator, lab_pair: LabPair) -> None:
    assert migrate(operator).status == 0
    before = snapshot(lab_pair.prealps)
    lab_pair.prealps.site.requests.clear()

    answer = migrate(operator, "--output", "json")

    assert answer.status == 0
    assert json.loads(answer.out)["report"]["moved_bytes"] == 0
    assert lab_pair.prealps.requests(mutating=True) == []
    assert snapshot(lab_pair.prealps) == before


def test_undo_leaves_the_target_as_it_was(operator: Operator, lab_pair: LabPair) -> None:
    before = snapshot(lab_pair.prealps)
    assert migrate(operator).status == 0
    assert snapshot(lab_pair.prealps) != before

    operator.must("migrate", "undo", last_run(operator), "--yes")

    assert snapshot(lab_pair.prealps) == before


def test_undo_leaves_alone_what_somebody_else_changed(
    operator: Operator, lab_pair: LabPair
) -> None:
    assert migrate(operator).status == 0
    state = lab_pair.prealps.site.state
    group = state.groups.get("gele")
    assert group is not None
    state.groups.put("gele", {**group, "description": "mine now"})

    answer = operator.types("migrate", "undo", last_run(operator), "--yes")

    assert answer.status == 12
    assert "gele" in answer.err
    assert "changed by somebody else" in answer.err
    assert (state.groups.get("gele") or {})["description"] == "mine now"
    assert TEMPLATE not in {t["name"] for t in state.templates.values()}


def test_undo_puts_overwritten_records_back(operator: Operator, lab_pair: LabPair) -> None:
    state = lab_pair.prealps.site.state
    other = {"name": CONFIGURATION, "last_updated": "2024-01-01T00:00:00Z", "layers": []}
    state.configurations.put(CONFIGURATION, other)
    before = snapshot(lab_pair.prealps)
    assert migrate(operator, "--on-conflict", "overwrite").status == 0
    assert len((state.configurations.get(CONFIGURATION) or {})["layers"]) == 3

    operator.must("migrate", "undo", last_run(operator), "--yes")

    assert snapshot(lab_pair.prealps) == before


def test_refuses_a_name_that_is_taken(operator: Operator, lab_pair: LabPair) -> None:
    other = {"name": CONFIGURATION, "last_updated": "2024-01-01T00:00:00Z", "layers": []}
    lab_pair.prealps.site.state.configurations.put(CONFIGURATION, other)
    before = snapshot(lab_pair.prealps)

    answer = migrate(operator, "--on-conflict", "fail")

    assert answer.status == 11
    assert "name-taken" in answer.err
    assert snapshot(lab_pair.prealps) == before


def test_renames_where_a_name_is_taken(operator: Operator, lab_pair: LabPair) -> None:
    other = {"name": CONFIGURATION, "last_updated": "2024-01-01T00:00:00Z", "layers": []}
    lab_pair.prealps.site.state.configurations.put(CONFIGURATION, other)

    assert migrate(operator, "--on-conflict", "configuration=rename").status == 0

    assert template_at(lab_pair.prealps)["cfs"]["configuration"] == f"{CONFIGURATION}-migrated"


def test_refuses_unknown_nodes_before_the_first_write(
    operator: Operator, lab_pair: LabPair
) -> None:
    answer = operator.types("migrate", "run", "gele", "--from", "alps", "--to", "prealps", "--yes")
    assert answer.status == 10
    assert "node-unknown" in answer.err
    assert "--nodes" in answer.err
    assert lab_pair.prealps.requests(mutating=True) == []


def test_maps_nodes_by_a_file_of_pairs(
    operator: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    group = lab_pair.alps.site.state.groups.get("gele")
    assert group is not None
    sources = sorted(group["members"]["ids"])
    arm = [f"x9000c1s{slot}b{board}n0" for slot in (3, 4, 5, 6) for board in (0, 1)]
    targets = [*arm, "x3002c0s21b0n0", "x3002c0s17b0n0"]
    mapping = tmp_path / "nodes.txt"
    mapping.write_text("# source target\n" + "\n".join(map(" ".join, zip(sources, targets))))  # noqa: B905

    operator.must(
        "migrate", "run", "gele", "--from", "alps", "--to", "prealps", "--yes",
        "--nodes", str(mapping),
    )  # fmt: skip

    node_list = template_at(lab_pair.prealps)["boot_sets"]["uan"]["node_list"]
    assert node_list == ["x3002c0s21b0n0", "x3002c0s17b0n0"]


def test_a_plan_writes_nothing_and_asks_nothing(operator: Operator, lab_pair: LabPair) -> None:
    answer = operator.must(
        "migrate", "plan", "gele", "--from", "alps", "--to", "prealps", "--nodes", NODES
    )
    assert "5 to create" in answer.out
    assert lab_pair.prealps.requests(mutating=True) == []


def test_without_a_terminal_nothing_is_applied_unasked(
    operator: Operator, lab_pair: LabPair
) -> None:
    answer = operator.types(
        "migrate", "run", "gele", "--from", "alps", "--to", "prealps", "--nodes", NODES,
        "--accept", "all",
    )  # fmt: skip
    assert answer.status == 14
    assert "--yes" in answer.err
    assert lab_pair.prealps.requests(mutating=True) == []


def test_strict_refuses_warnings_that_are_not_accepted(operator: Operator) -> None:
    answer = migrate(operator, "--strict")
    assert answer.status == 10
    assert "--accept clone-url-of-site" in answer.err
    told = ("clone-url-of-site", "repository-of-site", "target-ca-absent")
    accepted = [word for finding in told for word in ("--accept", finding)]
    assert migrate(operator, "--strict", *accepted[2:]).status == 10
    assert migrate(operator, "--strict", *accepted).status == 0


def test_verify_tells_what_differs(operator: Operator, lab_pair: LabPair) -> None:
    assert migrate(operator).status == 0
    state = lab_pair.prealps.site.state
    configuration = state.configurations.get(CONFIGURATION)
    assert configuration is not None
    state.configurations.put(CONFIGURATION, {**configuration, "layers": []})

    answer = operator.types("migrate", "verify", last_run(operator))

    assert answer.status == 13
    assert CONFIGURATION in answer.err
    assert "/layers" in answer.err
