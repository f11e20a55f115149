# SPDX-License-Identifier: Apache-2.0
"""Passwords that stand in the documents of a site stand in nothing that poya prints or saves."""

from __future__ import annotations

import json
import os
import stat
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


def _put_parameter(state: Any, text: str) -> None:
    template = dict(state.templates.get(tenant_key(TEMPLATE)) or {})
    sets = {n: {**one, "kernel_parameters": text} for n, one in template["boot_sets"].items()}
    state.templates.put(tenant_key(TEMPLATE), {**template, "boot_sets": sets})


def _parameters_of(state: Any) -> set[str]:
    (template,) = (t for t in state.templates.values() if t["name"] == TEMPLATE)
    return {one["kernel_parameters"] for one in template["boot_sets"].values()}


@pytest.fixture
def alone(lab_pair: LabPair) -> Operator:
    """An operator whose source holds one secret that has to reach the target."""
    _put_parameter(lab_pair.alps.site.state, f"quiet ldap_password={PARAMETER} x=1")
    return Operator(lab_pair.config_path)


def _run_directory(operator: Operator) -> Path:
    run = str(json.loads(operator.must("migrate", "list", "--output", "json").out)[-1]["run"])
    return Path(os.environ["XDG_STATE_HOME"]) / "poya" / "runs" / run


def test_a_kept_plan_tells_no_kernel_parameters_secret_and_still_brings_it(
    alone: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    kept = tmp_path / "gele.plan"
    alone.must("migrate", "plan", *ENDS, "-o", str(kept))
    assert "ldap_password=*** x=1" in kept.read_text()
    shown = alone.must("show", str(kept), "--output", "json").out
    assert CANARY not in kept.read_text() + shown

    alone.must("apply", str(kept), "--yes")

    assert _parameters_of(lab_pair.prealps.site.state) == {f"quiet ldap_password={PARAMETER} x=1"}
    assert "0 to create, 0 to change" in alone.must("migrate", "plan", *ENDS).out


def test_a_plan_is_stale_once_its_secret_changed_at_the_source(
    alone: Operator, lab_pair: LabPair, tmp_path: Path
) -> None:
    kept = tmp_path / "gele.plan"
    alone.must("migrate", "plan", *ENDS, "-o", str(kept))
    _put_parameter(lab_pair.alps.site.state, "quiet ldap_password=c4nary-other x=1")

    answer = alone.types("apply", str(kept), "--yes")

    assert answer.status == 11
    said = " ".join(answer.err.split())
    assert f"BOS session template {TEMPLATE}: a secret of it changed" in said
    assert "/boot_sets/compute/kernel_parameters" in said
    assert CANARY not in answer.out + answer.err
    assert lab_pair.prealps.requests(mutating=True) == []


def test_a_run_keeps_its_secrets_apart_until_it_is_taken_back(
    alone: Operator, lab_pair: LabPair
) -> None:
    alone.must("migrate", "run", *ENDS, "--yes")
    directory = _run_directory(alone)
    for file in directory.iterdir():
        assert file.is_dir() or CANARY.encode() not in file.read_bytes(), file.name
    kept = list((directory / "secrets").iterdir())
    assert kept
    assert {stat.S_IMODE(one.stat().st_mode) for one in kept} == {0o600}
    assert stat.S_IMODE((directory / "secrets").stat().st_mode) == 0o700

    alone.must("migrate", "verify", directory.name)
    alone.must("migrate", "undo", directory.name, "--yes")

    assert not (directory / "secrets").exists()
    assert not lab_pair.prealps.site.state.templates.get(tenant_key(TEMPLATE))


def test_a_run_that_stopped_goes_on_with_its_secrets(alone: Operator, lab_pair: LabPair) -> None:
    lab_pair.prealps.set_fault("status", "/apis/bos/*", method="PUT", status=500, times=50)
    assert alone.types("migrate", "run", *ENDS, "--yes").status == 12
    lab_pair.prealps.clear_faults()

    alone.must("migrate", "resume", _run_directory(alone).name)

    assert _parameters_of(lab_pair.prealps.site.state) == {f"quiet ldap_password={PARAMETER} x=1"}


def test_a_run_that_lost_its_secrets_writes_no_mask(alone: Operator, lab_pair: LabPair) -> None:
    lab_pair.prealps.set_fault("status", "/apis/bos/*", method="PUT", status=500, times=50)
    assert alone.types("migrate", "run", *ENDS, "--yes").status == 12
    lab_pair.prealps.clear_faults()
    directory = _run_directory(alone)
    for file in (directory / "secrets").iterdir():
        file.write_text('"changed"')

    for verb in (("resume",), ("verify",), ("undo", "--yes")):
        answer = alone.types("migrate", verb[0], directory.name, *verb[1:])
        assert answer.status == 2
        assert "lacks the secrets" in answer.err
    alone.must("migrate", "status", directory.name)
    assert not lab_pair.prealps.site.state.templates.get(tenant_key(TEMPLATE))


def test_what_is_overwritten_comes_back_with_its_secret(
    alone: Operator, lab_pair: LabPair
) -> None:
    state = lab_pair.prealps.site.state
    alone.must("migrate", "run", *ENDS, "--yes")
    theirs = "quiet ldap_password=c4nary-theirs"
    _put_parameter(state, theirs)

    alone.must("migrate", "run", *ENDS, "--yes", "--on-conflict", "template=overwrite")
    assert _parameters_of(state) == {f"quiet ldap_password={PARAMETER} x=1"}
    directory = _run_directory(alone)
    for file in directory.iterdir():
        assert file.is_dir() or CANARY.encode() not in file.read_bytes(), file.name
    alone.must("migrate", "undo", directory.name, "--yes")

    assert _parameters_of(state) == {theirs}
