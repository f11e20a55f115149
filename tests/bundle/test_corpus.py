# SPDX-License-Identifier: Apache-2.0
"""Every malformed bundle is refused: no request to the target, nothing touched, no bug, no hang."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundle.corpus import MANTA, POYA, SIGNED, Builder
from bundle.places import MantaBundle, back_up
from bundle.watching import Target, configure, run, watched_target
from poya.sites.bundle import open_bundle

MOST_MEMORY_KIB = 200 * 1024
REFUSED = (2, 10)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pristine")
    MantaBundle().write(place / "manta")
    asyncio.run(back_up(open_bundle(place / "manta"), place / "poya"))
    shutil.copytree(place / "poya", place / "signed")
    assert run("bundle", "keygen", str(place / "key"))[0] == 0
    assert run("bundle", "sign", str(place / "signed"), "--key", str(place / "key"))[0] == 0
    return place


@pytest.fixture
def target() -> Iterator[Target]:
    with watched_target() as found:
        yield found


CASES = [
    *(("poya", name, builder) for name, builder in POYA.items()),
    *(("manta", name, builder) for name, builder in MANTA.items()),
    *(("signed", name, builder) for name, builder in SIGNED.items()),
]


def test_the_corpus_is_large() -> None:
    assert len({name for _, name, _ in CASES}) >= 60


def config_for(base: str, pristine: Path, place: Path, target: Target) -> Path:
    policy = f'keys = ["{pristine / "key.pub"}"]\nunsigned = "refuse"' if base == "signed" else ""
    return configure(place, target, policy)


def snapshot(directory: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for parent, folders, files in os.walk(directory):
        for name in [*folders, *files]:
            status = Path(parent, name).lstat()
            found[str(Path(parent, name))] = (status.st_size, status.st_mtime_ns)
    return found


@pytest.mark.parametrize(
    ("base", "builder"),
    [(base, builder) for base, _, builder in CASES],
    ids=[f"{base}-{name}" for base, name, _ in CASES],
)
def test_a_malformed_bundle_is_refused_before_any_request(
    base: str, builder: Builder, pristine: Path, tmp_path: Path, target: Target
) -> None:
    (tmp_path / "x").mkdir()
    directory = shutil.copytree(pristine / base, tmp_path / "x" / "bundle")
    builder(directory)
    before = snapshot(tmp_path / "x")
    config = config_for(base, pristine, tmp_path, target)
    code, out, err = run(
        "--config", str(config), "migrate", "restore", "--bundle", str(directory), "--yes"
    )
    assert code in REFUSED, (code, out, err)
    assert err.startswith("Error:")
    assert "\x1b[2J" not in out + err
    assert target.knocks == []
    assert snapshot(tmp_path / "x") == before


@pytest.mark.parametrize("base", ["poya", "manta", "signed"])
def test_the_good_bundle_would_have_reached_the_target(
    base: str, pristine: Path, tmp_path: Path, target: Target
) -> None:
    # Without it nothing above would prove anything.
    config = config_for(base, pristine, tmp_path, target)
    code, _, _ = run(
        "--config", str(config), "migrate", "restore", "--bundle", str(pristine / base), "--yes"
    )
    assert code == 17
    assert target.knocks != []


_ALL = """
import shutil, sys
from pathlib import Path
from bundle.corpus import MANTA, POYA
from bundle.watching import run

pristine, place, config = map(Path, sys.argv[1:])
worst = ("", 0)
for base, cases in (("poya", POYA), ("manta", MANTA)):
    for name, builder in cases.items():
        directory = shutil.copytree(pristine / base, place / f"{base}-{name}" / "bundle")
        builder(directory)
        for verb in (["migrate", "restore", "--yes", "--bundle"], ["bundle", "inspect"]):
            code, out, err = run("--config", str(config), *verb, str(directory))
            assert code in (0, 2, 10), (name, verb, code, err)
        status = Path("/proc/self/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0])
        if peak > worst[1]:
            worst = (f"{base}-{name}", peak)
        shutil.rmtree(directory.parent)
print(worst[1], worst[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_no_malformed_bundle_takes_much_memory(
    pristine: Path, tmp_path: Path, target: Target
) -> None:
    config = config_for("poya", pristine, tmp_path, target)
    (tmp_path / "place").mkdir()
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _ALL, str(pristine), str(tmp_path / "place"), str(config)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{root / 'tests'}:{root / 'src'}"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[0]) <= MOST_MEMORY_KIB, done.stdout
