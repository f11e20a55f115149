# SPDX-License-Identifier: Apache-2.0
"""Passwords that stand in the documents of a site stand in nothing that poya prints or saves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migration.console import CONFIGURATION, NODES, TEMPLATE, Operator
from poya.lab.pytest_plugin import LabPair
from poya.lab.state import tenant_key

# Each at a place of its own, so that a leak says where it comes from.
PASSWORD, TOKEN, QUERY, PARAMETER = "c4nary-pass", "c4nary-token", "c4nary-query", "c4nary-param"
CANARY = "c4nary-"
ENDS = ("gele", "--from", "alps", "--to", "prealps", "--nodes", NODES)


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    """An operator whose source, and a changed copy at the target, are full of canaries."""
    alps, prealps = lab_pair.alps.site.state, lab_pair.prealps.site.state
    configuration = dict(alps.configurations.get(CONFIGURATION) or {})
    configuration["layers"] = [
        {**layer, "clone_url": url(str(layer["clone_url"]))}
        for layer, url in zip(configuration["layers"], _LOGINS, strict=True)
    ]
    template = _with_parameter(dict(alps.templates.get(tenant_key(TEMPLATE)) or {}))
    alps.configurations.put(CONFIGURATION, configuration)
    alps.templates.put(tenant_key(TEMPLATE), template)
    layers = [{**layer, "playbook": "other.yml"} for layer in configuration["layers"]]
    prealps.configurations.put(CONFIGURATION, {**configuration, "layers": layers})
    return Operator(lab_pair.config_path)


def _with_parameter(template: dict[str, Any]) -> dict[str, Any]:
    sets = {
        name: {**one, "kernel_parameters": f"quiet ldap_password={PARAMETER}"}
        for name, one in template["boot_sets"].items()
    }
    return {**template, "boot_sets": sets}


_LOGINS: tuple[Callable[[str], str], ...] = (
    lambda url: url.replace("https://", f"https://crayvcs:{PASSWORD}/with@signs@"),
    lambda url: url.replace("https://", f"https://{TOKEN}@"),
    lambda url: f"{url}?access_token={QUERY}",
)


@pytest.mark.parametrize(
    "words",
    [
        ("check", *ENDS),
        ("check", *ENDS, "--output", "json"),
        ("diff", f"alps:{TEMPLATE}", "prealps:gele-cos-template-23.06.0-1"),
        ("diff", "alps", "prealps"),
        ("diff", "alps", "prealps", "--output", "json"),
        ("migrate", "map", "gele", "--from", "alps", "--map", "domains:alps.example.org=x.org"),
        ("migrate", "map", "gele", "--from", "alps", "--map", "words:quiet=loud"),
        ("migrate", "map", "gele", "--from", "alps", "--to", "prealps", "--suggest"),
        ("migrate", "plan", *ENDS),
        ("migrate", "plan", *ENDS, "--on-conflict", "configuration=overwrite"),
    ],
)
def test_nothing_that_is_shown_tells_them(operator: Operator, words: tuple[str, ...]) -> None:
    answer = operator.types(*words)
    assert answer.status in (0, 1, 2, 10, 11), answer.err
    assert CANARY not in answer.out + answer.err


def test_a_survey_tells_them_nowhere_and_plans_alike(operator: Operator, tmp_path: Path) -> None:
    here, there = tmp_path / "alps.json", tmp_path / "prealps.json"
    operator.must("survey", "alps", "gele", "-o", str(here))
    operator.must("survey", "prealps", "--for", str(here), "-o", str(there))
    assert CANARY not in here.read_text() + there.read_text()

    ends = ("gele", "--nodes", NODES, "--output", "json")
    live = operator.types("check", *ends, "--from", "alps", "--to", "prealps")
    saved = operator.types("check", *ends, "--offline", "--from", str(here), "--to", str(there))
    ids = {f["id"] for f in json.loads(live.out)["findings"]}
    assert "secret-in-clone-url" in ids
    left_out = {f["id"] for f in json.loads(saved.out)["findings"]}
    # Commits are looked up by the same name of the repository, with its password or without.
    assert left_out == ids | {"secret-left-out"}


def test_a_plan_keeps_no_login_of_a_clone_url(operator: Operator, tmp_path: Path) -> None:
    kept = tmp_path / "gele.plan"
    more = ("--on-conflict", "configuration=overwrite", "-o", str(kept))
    operator.types("migrate", "plan", *ENDS, *more)
    text = kept.read_text()
    assert PASSWORD not in text
    assert TOKEN not in text


def test_a_mapping_with_a_password_is_refused(operator: Operator, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(f'[git.urls]\n"https://a/x.git" = "https://me:{PASSWORD}@b/x.git"\n')
    answer = operator.types("migrate", "map", "gele", "--from", "alps", "--mapping", str(mapping))
    assert answer.status == 2
    assert CANARY not in answer.out + answer.err
