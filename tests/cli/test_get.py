# SPDX-License-Identifier: Apache-2.0
"""`poya get` and `poya describe`, typed at two emulated sites."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from migration.console import Operator, operator_of
from poya.cli.get import get
from poya.lab.pytest_plugin import LabPair
from poya.lab.state import tenant_key

KINDS = sorted(get.commands)
GELE_NODES = 10


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return operator_of(lab_pair)


def names(operator: Operator, *words: str) -> list[str]:
    return operator.must("get", *words, "--output", "names").out.splitlines()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("site", ["alps", "prealps"])
def test_each_kind_is_read_in_every_form_and_nothing_is_written(
    operator: Operator, lab_pair: LabPair, kind: str, site: str
) -> None:
    shown = operator.must("get", kind, "--site", site)
    listed = json.loads(operator.must("get", kind, "--site", site, "--output", "json").out)
    assert len(shown.out.splitlines()) == 1 + len(listed)
    assert bool(listed) is not shown.err.startswith(f"{site} has no ")
    wide = operator.must("get", kind, "--site", site, "--output", "wide").out
    assert len(wide.splitlines()) == len(shown.out.splitlines())
    as_yaml = operator.must("get", kind, "--site", site, "--output", "yaml").out
    assert _timeless(yaml.safe_load(as_yaml)) == _timeless(listed)
    first_column = [line.split()[0] for line in shown.out.splitlines()[1:]]
    assert list(dict.fromkeys(first_column)) == names(operator, kind, "--site", site)
    for served in (lab_pair.alps, lab_pair.prealps):
        assert [r for r in served.requests(mutating=True) if "/token" not in r.path] == []


def _timeless(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """PCS tells when it looked."""
    return [{k: v for k, v in one.items() if k != "lastUpdated"} for one in listed]


def test_json_is_what_the_site_sent(operator: Operator) -> None:
    (image,) = json.loads(operator.must("get", "images", "gele-cos*", "-o", "json").out)
    assert image["link"]["path"].endswith("/manifest.json")
    (node,) = json.loads(operator.must("get", "nodes", "x1001c1s4b0n0", "-o", "json").out)
    assert node["Type"] == "Node"


def test_names_are_matched_by_patterns_and_sorted(operator: Operator) -> None:
    assert names(operator, "templates", "gele*", "eiger*") == [
        "eiger-cos-template-23.05.1",
        "gele-cos-template-23.06.0-1",
    ]


@pytest.mark.parametrize("kind", ["images", "templates", "configurations", "groups", "vclusters"])
def test_a_name_that_is_not_there_is_an_error(operator: Operator, kind: str) -> None:
    refused = operator.types("get", kind, "no-such-thing")
    assert refused.status == 2
    assert "'no-such-thing'" in refused.err
    assert refused.out == ""


def test_a_near_miss_is_suggested(operator: Operator) -> None:
    assert "Did you mean 'gele'?" in operator.types("get", "groups", "gelle").err


def test_a_pattern_that_fits_nothing_is_no_error_but_told(operator: Operator) -> None:
    answer = operator.must("get", "images", "no-such-*")
    assert answer.err == "alps has no IMS image that fits.\n"
    assert operator.must("get", "images", "no-such-*", "-o", "json").out == "[]\n"


def test_nodes_are_asked_for_by_expressions(operator: Operator) -> None:
    assert len(names(operator, "nodes", "gele")) == GELE_NODES
    assert names(operator, "nodes", "gele&Application_UAN") == ["x3000c0s17b0n0", "x3000c0s19b0n0"]
    assert names(operator, "nodes", "x1001c1s[4-5]b0n0!x1001c1s5") == ["x1001c1s4b0n0"]
    assert names(operator, "hardware", "x1001c1s4") == ["x1001c1s4b0n0", "x1001c1s4b1n0"]
    refused = operator.types("get", "nodes", "gele,nid009999,x9c9")
    assert refused.status == 2
    assert "'nid009999', 'x9c9'" in refused.err


def test_a_group_narrows_every_kind(operator: Operator) -> None:
    for kind in ("nodes", "hardware", "components", "power"):
        assert len(names(operator, kind, "--group", "gele")) == GELE_NODES
    assert names(operator, "templates", "--group", "gele") == ["gele-cos-template-23.06.0-1"]
    assert names(operator, "configurations", "--group", "gele") == ["gele-cos-config-23.06.0-1"]
    assert names(operator, "images", "--group", "GELE") == [
        "gele-cos-23.06.0-1",
        "gele-uan-23.06.0-1",
    ]
    assert operator.types("get", "templates", "--group", "nope").status == 2


def test_times_and_limits_choose_the_newest(operator: Operator) -> None:
    every = json.loads(operator.must("get", "images", "-o", "json").out)
    newest = max(every, key=lambda image: image["created"])
    assert names(operator, "images", "--limit", "1") == [newest["name"]]
    assert names(operator, "images", "--since", newest["created"][:19]) == [newest["name"]]
    before = (datetime.fromisoformat(newest["created"][:19]) - timedelta(seconds=1)).isoformat()
    assert newest["name"] not in names(operator, "images", "--until", before)
    assert names(operator, "images", "--since", "1d") == []
    refused = operator.types("get", "images", "--since", "yesterday")
    assert (refused.status, refused.out) == (2, "")


def test_the_closure_of_a_vcluster_is_shown_as_a_tree(operator: Operator) -> None:
    tree = operator.must("describe", "vcluster", "gele").out
    for part in (
        "vCluster gele at alps",
        "boot set uan: X86",
        "rootfs  ",
        "layer 2: ",
        "HSM group gele: 10 nodes",
        "10 Ready: x1001c1s[4-7]b[0-1]n0,x3000c0s[17,19]b0n0",
    ):
        assert part in tree
    value = json.loads(operator.must("describe", "vcluster", "gele", "-o", "json").out)
    as_yaml = operator.must("describe", "vcluster", "gele", "-o", "yaml").out
    assert yaml.safe_load(as_yaml) == value
    assert {image["record"]["name"] for image in value["images"]} == {
        "gele-cos-23.06.0-1",
        "gele-uan-23.06.0-1",
    }


def test_who_else_uses_a_part_is_told(operator: Operator, lab_pair: LabPair) -> None:
    templates = lab_pair.alps.site.state.templates
    own = next(one for one in templates.values() if one["name"] == "gele-cos-template-23.06.0-1")
    templates.put(tenant_key("other", None), {**own, "name": "other"})
    tree = operator.must("describe", "vcluster", "-b", "gele-cos-template-23.06.0-1").out
    assert "also of template other" in tree


@pytest.mark.parametrize("name", ["\x1b[2Jboo", "\u202eoob", "a\x9bb", "n" * 300_000])
def test_a_name_cannot_steer_the_terminal(
    operator: Operator, lab_pair: LabPair, name: str
) -> None:
    images = lab_pair.alps.site.state.images
    images.put("evil", {"id": "evil", "name": name, "created": None, "link": None})
    for output in ("table", "wide", "names", "json", "yaml"):
        out = operator.must("get", "images", "-o", output).out
        assert not [c for c in out if not c.isprintable() and c != "\n"], output
        assert output in ("json", "yaml") or max(map(len, out.splitlines())) < 2500
    listed = json.loads(operator.must("get", "images", "-o", "json").out)
    assert name in [image["name"] for image in listed]


def test_everything_on_the_page_can_be_typed(operator: Operator) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "look-around.md"
    typed = re.findall(r"^\$ poya (.*)$", page.read_text(), re.MULTILINE)
    assert len(typed) > 15
    for line in typed:
        operator.must(*shlex.split(line))


def test_describing_nothing_in_particular_is_an_error(operator: Operator) -> None:
    assert operator.types("describe", "vcluster").status == 2
    assert operator.types("describe", "vcluster", "nope").status == 2


def test_ages_are_counted_back_from_now() -> None:
    from poya.cli.get.listing import moment_of

    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert moment_of("36h", now) == datetime(2026, 11, 24, tzinfo=UTC)
    assert moment_of("2026-11-25", now) == datetime(2026, 11, 25, tzinfo=UTC)
    assert moment_of("2026-11-25T12:00+02:00", now) == datetime(2026, 11, 25, 10, tzinfo=UTC)
