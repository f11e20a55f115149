# SPDX-License-Identifier: Apache-2.0
"""Lab sites for tests: `pytest_plugins = ["poya.lab.pytest_plugin"]`.

    def test_something(lab_pair: LabPair) -> None:
        source, target = lab_pair.alps, lab_pair.prealps

The sites run once a session, in threads of the test process; every test gets them as seeded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from poya.lab.directory import SiteFiles, SiteSpec, configuration, write_private
from poya.lab.faults import Fault, FaultAction
from poya.lab.running import RunningSite
from poya.lab.seed.plant import Ground
from poya.lab.site import LabSite, LoggedRequest

_IMAGE_BYTES = 9 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TestSite:
    """One running site.

    Attributes:
        config_path: A poya configuration that names all sites of the lab.
    """

    __test__ = False

    running: RunningSite
    config_path: Path

    @property
    def name(self) -> str:
        """As the configuration names it."""
        return self.running.spec.name

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self.running.spec.url

    @property
    def s3_endpoint(self) -> str:
        """The object store's address."""
        return self.running.spec.s3_endpoint

    @property
    def ca_path(self) -> Path:
        """The CA to trust."""
        return self.running.files.ca

    @property
    def files(self) -> SiteFiles:
        """The site's secrets and content."""
        return self.running.files

    @property
    def site(self) -> LabSite:
        """The emulated site itself: its state, accounts, clock."""
        return self.running.site

    @property
    def ground(self) -> Ground:
        """What `poya.lab.seed.bulk` adds to."""
        return self.running.ground

    def requests(self, *, mutating: bool | None = None) -> list[LoggedRequest]:
        """What was asked of the site in this test; the store's requests have service `s3`."""
        return self.site.requests.entries(mutating=mutating)

    def set_fault(self, action: FaultAction | str, path: str, **details: object) -> None:
        """Add a fault: see `poya.lab.faults.Fault` for the details (method, nth, times, ...)."""
        described = {"action": FaultAction(action), "path": path, **details}
        self.site.faults.add(msgspec.convert(described, Fault))

    def clear_faults(self) -> None:
        """Let everything go well again."""
        self.site.faults.clear()


@dataclass(frozen=True, slots=True)
class LabPair:
    """Two sites: the source of `gele`, and one with room for it."""

    alps: TestSite
    prealps: TestSite
    config_path: Path

    def reset(self) -> None:
        """Bring both back to their seeds."""
        for one in (self.alps, self.prealps):
            one.running.reset()


def start_pair(directory: Path, releases: tuple[str, str] = ("1.5", "1.6")) -> LabPair:
    """Start `alps` and `prealps` in this process, with content below `directory`."""
    running = [
        RunningSite(
            SiteSpec(name, release, image_bytes=_IMAGE_BYTES),
            SiteFiles(directory / name),
            in_memory=True,
        )
        for name, release in zip(("alps", "prealps"), releases, strict=True)
    ]
    for one in running:
        one.start()
    config = directory / "config.toml"
    write_private(config, configuration(directory, [one.spec for one in running]))
    alps, prealps = (TestSite(one, config) for one in running)
    return LabPair(alps, prealps, config)


def stop_pair(pair: LabPair) -> None:
    """Stop both sites."""
    for one in (pair.alps, pair.prealps):
        one.running.stop()


@pytest.fixture(scope="session")
def lab_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabPair]:
    """The pair of sites of this session, in whatever state the last test left them."""
    pair = start_pair(tmp_path_factory.mktemp("lab"))
    yield pair
    stop_pair(pair)


@pytest.fixture
def lab_pair(lab_session: LabPair) -> LabPair:
    """The pair of sites as seeded: alps (CSM 1.5) with gele, and prealps (CSM 1.6)."""
    lab_session.reset()
    return lab_session
