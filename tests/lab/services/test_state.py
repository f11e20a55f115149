# SPDX-License-Identifier: Apache-2.0
"""The records of a site: copies out, whole writes in, alive after a kill; and quick."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.services.fakes import Lab, node
from poya.errors import UsageError
from poya.lab.profiles import RELEASES, profile_of
from poya.lab.state import SiteState, tenant_key


def test_gives_copies() -> None:
    state = SiteState.in_memory()
    state.groups.put("a", {"members": {"ids": ["x"]}})
    group = state.groups.get("a")
    assert group is not None
    group["members"]["ids"].clear()
    assert state.groups.get("a") == {"members": {"ids": ["x"]}}


def test_keeps_order_when_replacing(tmp_path: Path) -> None:
    state = SiteState.open(tmp_path / "s")
    for key in ("b", "a", "b"):
        state.images.put(key, {"k": key})
    state.close()
    again = SiteState.open(tmp_path / "s")
    assert again.images.keys() == ["b", "a"]
    assert again.images.encoded() == b'[{"k":"b"},{"k":"a"}]'
    assert again.images.encoded(["a"]) == b'[{"k":"a"}]'


def test_forgets_deleted_records(tmp_path: Path) -> None:
    state = SiteState.open(tmp_path / "s")
    state.images.put_many({"a": {}, "b": {}})
    state.groups.put("a", {})
    assert state.images.delete("a")
    assert not state.images.delete("a")
    state.groups.clear()
    state.close()
    again = SiteState.open(tmp_path / "s")
    assert (again.images.keys(), len(again.groups)) == (["b"], 0)


def test_undoes_a_transaction_that_fails() -> None:
    state = SiteState.in_memory()
    state.images.put("a", {"v": 1})

    def fail() -> None:
        with state.transaction():
            state.images.put("a", {"v": 2})
            state.deleted_images.put("a", {})
            raise UsageError("no")

    with pytest.raises(UsageError):
        fail()
    assert state.images.get("a") == {"v": 1}
    assert "a" not in state.deleted_images


def test_survives_a_kill(tmp_path: Path) -> None:
    """What was acknowledged is there after kill -9."""
    path = tmp_path / "s"
    script = (
        "import sys, time; from pathlib import Path; from poya.lab.state import SiteState\n"
        "state = SiteState.open(Path(sys.argv[1]))\n"
        "for n in range(50): state.images.put(str(n), {'n': n})\n"
        "print('done', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        os.kill(process.pid, signal.SIGKILL)
    state = SiteState.open(path)
    assert state.images.get("49") == {"n": 49}
    state.close()


def test_keeps_templates_of_tenants_under_keys_of_their_own() -> None:
    assert tenant_key("t") != tenant_key("t", "blue")


def test_knows_five_releases() -> None:
    assert RELEASES == ("1.3", "1.4", "1.5", "1.6", "1.7")
    assert profile_of("1.5").ims == "3.15.0"
    with pytest.raises(UsageError):
        profile_of("2.0")


async def test_lists_ten_thousand_images_at_once(csm17: Lab) -> None:
    link = {"path": "s3://boot-images/x/manifest.json", "etag": "e" * 32, "type": "s3"}
    records = {
        f"id-{n}": {"id": f"id-{n}", "name": f"image {n}", "link": link, "arch": "x86_64"}
        for n in range(10_000)
    }
    csm17.site.state.images.put_many(records)
    answer = await csm17.call("GET", "/apis/ims/v3/images")
    assert len(answer.json()) == 10_000


async def test_builds_ten_thousand_nodes_in_seconds(csm17: Lab, tmp_path: Path) -> None:
    """Also on disk; filtered lists stay usable."""
    xnames = [
        f"x{1000 + n // 256}c{n // 32 % 8}s{n // 4 % 8}b{n // 2 % 2}n{n % 2}"
        for n in range(10_000)
    ]
    nodes = {x: node(x, NID=number) for number, x in enumerate(xnames)}
    started = time.perf_counter()
    on_disk = SiteState.open(tmp_path / "s")
    on_disk.components.put_many(nodes)
    on_disk.close()
    csm17.site.state.components.put_many(nodes)
    found = await csm17.json("GET", "/apis/smd/hsm/v2/State/Components", type="Node", nid="7")
    assert len(found["Components"]) == 1
    assert time.perf_counter() - started < 3
