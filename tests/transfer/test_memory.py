# SPDX-License-Identifier: Apache-2.0
"""What a transfer takes of memory, measured on a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from poya.errors import UsageError
from poya.transfer import buffers_within, parse_size
from poya.transfer.etags import MIB
from poya.transfer.memory import resident_bytes
from transfer.conftest import Side
from transfer.content import content

SCRIPT = """
import json, sys
from poya import transfer
urls, keys, process_bytes = json.loads(sys.argv[1])
def store(site):
    credentials = transfer.Credentials("AKTEST", "s3cret+/key")
    return transfer.S3Store(transfer.S3Config(site, urls[site]), lambda: credentials)
def place(key):
    return transfer.ObjectPlace("boot-images", key)
source, target = store("alps"), store("prealps")
jobs = [
    transfer.Job(
        key, transfer.ObjectSource(source, place(key)), transfer.ObjectTarget(target, place(key))
    )
    for key in keys
]
limits = transfer.Limits(memory_bytes=transfer.buffers_within(process_bytes))
transfer.copy(jobs, limits)
status = open("/proc/self/status").read()
print(status.split("VmHWM:")[1].split()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_the_whole_process_stays_within_its_limit(alps: Side, prealps: Side) -> None:
    process_mib = 112
    keys = [f"{number}/rootfs" for number in range(3)]
    for key in keys:
        alps.fake.put(key, content(32 * MIB, key), 8 * MIB)
    urls = {"alps": alps.url, "prealps": prealps.url}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([urls, keys, process_mib * MIB])],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    peak_bytes = int(done.stdout) * 1024
    assert peak_bytes <= process_mib * MIB
    assert all(prealps.fake.data(key) == content(32 * MIB, key) for key in keys)


def test_too_little_memory_is_refused_with_what_is_needed() -> None:
    with pytest.raises(UsageError) as caught:
        buffers_within(resident_bytes())
    assert "--memory" in caught.value.todo


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("256M", 256 * MIB), ("1.5G", 1536 * MIB), ("4096", 4096), ("2 MiB", 2 * MIB),
        ("1t", 1024**4), ("0", None), ("", None), ("M", None), ("-1", None), ("1MM", None),
        ("1e3", None), ("0.1", None),
    ],
)  # fmt: skip
def test_sizes_are_read_as_people_write_them(text: str, size_bytes: int | None) -> None:
    assert parse_size(text) == size_bytes
