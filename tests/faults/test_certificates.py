"""A site's certificates change hands in the middle of a run: it stops where it can go on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from faults.fuse import Fuse
from faults.rows import at_the_end, ended_badly, goes_back_to_the_beginning, goes_to_the_end
from faults.scale import SHARDS, WHOLE, share
from faults.situations import FRESH
from faults.wiring import Wiring
from faults.world import World
from leaks import collected
from poya.lab.certificates import Certificates, certificates_in
from poya.lab.pytest_plugin import TestSite
from poya.lab.storage.server import _hang_up

shards = pytest.mark.parametrize("shard", SHARDS)
_EVERY_NTH = 12 if WHOLE else 1


@dataclass
class Authority:
    """Another CA for a site, from whose certificates its servers can be made to go on with."""

    site: TestSite
    certificates: Certificates

    def takes_over(self) -> None:
        """New handshakes are made with it, and every connection ends, as when Istio restarts."""
        running = self.site.running
        context = running._gateway._server.config.ssl
        assert context is not None
        context.load_cert_chain(self.certificates.server)
        running._store._tls.load_cert_chain(self.certificates.server)
        for connection in list(running._store._open):
            _hang_up(connection)
        self.site.set_fault("reset-before", "*", times=1)


@contextmanager
def another_authority(site: TestSite, directory: Path) -> Iterator[Authority]:
    """Another CA; in the end the site has its own again."""
    directory.mkdir()
    files = site.running.files
    own = directory / "own.pem"
    shutil.copyfile(files.ca, own)
    try:
        yield Authority(site, certificates_in(directory, "prealps"))
    finally:
        shutil.copyfile(own, files.ca)
        Authority(site, certificates_in(files.directory, "prealps")).takes_over()
        site.clear_faults()


@shards
def test_a_site_whose_authority_changes_stops_the_run_until_the_operator_knows_it(
    world: World, tmp_path: Path, shard: int
) -> None:
    scene, site = world.scene(FRESH), world.pair.prealps
    points = range(2, len(scene.points["apply"]) - 8)[::_EVERY_NTH]
    for at in share(points, shard, 1):
        attempt = world.start(scene, Wiring())
        with another_authority(site, tmp_path / f"{at}") as authority, collected():
            end = attempt.goes(Fuse(at, act=authority.takes_over))
            assert end.error is not None, at
            told = " ".join(end.error.lines())
            assert not ended_badly(end), (at, told)
            assert "The certificate of" in told, (at, told)
            assert " CA " in told, (at, told)
            # The operator puts the new CA where the configuration looks for it.
            shutil.copyfile(authority.certificates.ca, site.running.files.ca)
            world.clear_faults()
            found = [*goes_to_the_end(attempt), *at_the_end(attempt)]
            assert not [*found, *goes_back_to_the_beginning(attempt)], (at, found)
