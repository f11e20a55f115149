"""What the services do behind the back of a write, and what is put back by undoing it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from migration.console import CONFIGURATION, Operator, migrate
from migration.snapshot import snapshot
from poya.lab.pytest_plugin import LabPair, start_pair, stop_pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabPair]:
    """To CSM 1.7, whose CFS knows whose a configuration is."""
    pair = start_pair(tmp_path_factory.mktemp("sites"), ("1.5", "1.7"))
    yield pair
    stop_pair(pair)


def last_run(operator: Operator) -> str:
    return str(json.loads(operator.must("migrate", "list", "--output", "json").out)[-1]["run"])


def test_a_tenants_configuration_is_not_taken_from_it(pair: LabPair) -> None:
    """CFS 1.30: a PUT of an administrator that names no tenant takes it from the tenant."""
    operator, state = Operator(pair.config_path), pair.prealps.site.state
    theirs = {
        "name": CONFIGURATION,
        "last_updated": "2024-01-01T00:00:00Z",
        "layers": [],
        "tenant_name": "vcluster-blue",
    }
    state.configurations.put(CONFIGURATION, theirs)
    before = snapshot(pair.prealps)

    refused = migrate(operator, "--on-conflict", "overwrite")

    assert refused.status == 10
    assert "vcluster-blue" in refused.err + refused.out
    assert snapshot(pair.prealps) == before


def test_a_manifest_whose_etag_is_not_told_is_not_linked(
    lab_pair: LabPair,
) -> None:
    """A store that leaves the etag out once does not spoil the run for good."""
    operator = Operator(lab_pair.config_path)
    lab_pair.prealps.set_fault(
        "status", "/s3/boot-images/*/manifest.json", method="HEAD", status=200
    )
    answer = migrate(operator)
    assert answer.status == 12
    assert "tells no" in answer.err
    operator.must("migrate", "resume", last_run(operator))
