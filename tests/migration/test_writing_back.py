"""What a target held is written back as it was, whoever it belonged to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from migration.snapshot import snapshot
from poya.documents import Document
from poya.journal import Journal
from poya.lab.pytest_plugin import LabPair, start_pair, stop_pair
from poya.lab.seed.records import branches
from poya.migration.witnessing import Gate
from poya.model.records import EntityRef
from poya.planning.canonical import are_equal
from poya.settings import load_settings
from poya.site_config import site_config
from poya.sites.base import Target
from poya.sites.csm import open_csm_target

NAME = "blue-config"
REF = EntityRef("configuration", NAME)
THEIRS = {
    "name": NAME,
    "last_updated": "2024-01-01T00:00:00Z",
    "description": "of the tenant",
    "layers": [
        {
            "name": "theirs",
            "clone_url": "https://api-gw-service-nmn.local/vcs/cray/blue.git",
            "playbook": "site.yml",
            "commit": "b" * 40,
        }
    ],
    "tenant_name": "vcluster-blue",
}
OURS = b'{"name": "blue-config", "layers": []}'


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabPair]:
    """To CSM 1.7, whose CFS knows whose a configuration is."""
    pair = start_pair(tmp_path_factory.mktemp("sites"), ("1.5", "1.7"))
    yield pair
    stop_pair(pair)


@asynccontextmanager
async def target_of(pair: LabPair, directory: Path) -> AsyncIterator[Target]:
    journal, gate = Journal.create(directory / "journal.db", {"run": "one"}), Gate()
    config = site_config(load_settings(str(pair.config_path)).site("prealps"))
    try:
        with gate.opened(journal):
            async with open_csm_target(config, witness=gate) as target:
                yield target
    finally:
        journal.close()


async def test_a_tenants_configuration_that_was_overwritten_is_the_tenants_again(
    pair: LabPair, tmp_path: Path
) -> None:
    """CFS 1.30: a body without `tenant_name` takes it from its tenant, one with it gives it back."""
    state = pair.prealps.site.state
    state.tenants.put("vcluster-blue", {"name": "vcluster-blue"})
    state.configurations.put(NAME, THEIRS)
    before = snapshot(pair.prealps)
    async with target_of(pair, tmp_path) as target:
        pre_image = await target.read(REF)
        assert pre_image is not None
        await target.write(REF, Document(OURS), pre_image)
        taken = state.configurations.get(NAME)
        assert taken is not None
        assert not taken.get("tenant_name")

        await target.write(REF, Document(pre_image.raw), await target.read(REF))

    assert snapshot(pair.prealps) == before


@pytest.mark.parametrize("is_at_head", [True, False], ids=["at its head", "left behind"])
async def test_a_layer_that_follows_a_branch_follows_it_again_at_the_commit_that_it_had(
    pair: LabPair, tmp_path: Path, is_at_head: bool
) -> None:
    """CFS serves branch and commit and takes one; where they differ by now, the commit is kept."""
    repository, branch = next(iter(branches().items()))
    head = pair.prealps.ground.repositories.commit("cray", repository, branch)
    commit = head if is_at_head else "a" * 40
    url = f"https://api-gw-service-nmn.local/vcs/cray/{repository}.git"
    layer = {"name": "followed", "clone_url": url, "playbook": "site.yml", "branch": branch}
    served = {**THEIRS, "tenant_name": "", "layers": [{**layer, "commit": commit}]}
    state = pair.prealps.site.state
    state.configurations.put(NAME, served)
    before = snapshot(pair.prealps)
    async with target_of(pair, tmp_path) as target:
        pre_image = await target.read(REF)
        assert pre_image is not None
        await target.write(REF, Document(OURS), pre_image)
        await target.write(REF, Document(pre_image.raw), await target.read(REF))
        written = await target.read(REF)
    assert written is not None
    assert are_equal("configuration", written.value, pre_image.value)
    if is_at_head:
        assert snapshot(pair.prealps) == before
    else:
        stored = state.configurations.get(NAME)
        assert stored is not None
        assert [(la["commit"], la.get("branch")) for la in stored["layers"]] == [(commit, None)]
