# SPDX-License-Identifier: Apache-2.0
"""What a look into an image costs, beside moving it: `python -m benchmarks.inside`.

Makes a root file system like that of a compute node (200,000 files, some GiB, gzip) with
mksquashfs and counts the requests and bytes of one look. The peer is what tools need that read
files, not ranges (unsquashfs): all of it. Round trips are modelled: a local file has none.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from poya.inspection import ImageFiles, Limits, look_into
from poya.lab.seed.insides import KERNEL_RELEASE

FILES = int(os.environ.get("POYA_BENCH_FILES", "200000"))
BALLAST_BYTES = int(os.environ.get("POYA_BENCH_BALLAST", str(1536 * 1024 * 1024)))
ROUND_TRIP_S, BYTES_PER_S = 0.02, 110e6
TOPS = (
    "usr/lib64", "usr/share/doc", "usr/share/locale", "usr/lib/python3.6/site-packages",
    "opt/cray/pe", "usr/include", "usr/src/linux", "var/lib/rpm-state", "etc/sysconfig",
)  # fmt: skip


class LocalFile:
    """A file in ranges."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.size_bytes = path.stat().st_size

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), length, offset)


def main() -> None:
    if shutil.which("mksquashfs") is None:
        sys.exit("This needs mksquashfs (squashfs-tools).")
    with tempfile.TemporaryDirectory(prefix="poya-bench-") as directory:
        image = Path(directory, "rootfs")
        make_image(image)
        report(image)


def make_image(image: Path) -> None:
    options = ["-tar", "-noappend", "-quiet", "-no-progress", "-comp", "gzip"]
    command = ["mksquashfs", "-", str(image), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as packing:
        assert packing.stdin is not None
        with tarfile.open(fileobj=packing.stdin, mode="w|") as tar:
            for path, content in members():
                info = tarfile.TarInfo(path)
                info.size = len(content)
                tar.addfile(info, BytesIO(content))
        packing.stdin.close()
    if packing.returncode:
        sys.exit("mksquashfs failed.")


def members() -> Iterator[tuple[str, bytes]]:
    dice = random.Random("poya")
    yield "etc/os-release", b'NAME="COS"\nPRETTY_NAME="COS 2.5"\n'
    yield "usr/bin/bash", b"\x7fELF".ljust(18, b"\0") + b"\x3e\x00" + dice.randbytes(900_000)
    for number in range(20):
        repo = f"[repo{number}]\nbaseurl=https://packages.local/repository/{number}\n"
        yield f"etc/zypp/repos.d/repo{number}.repo", repo.encode()
    for number in range(4):
        yield f"etc/pki/trust/anchors/ca{number}.crt", dice.randbytes(1200)
    yield "var/lib/ca-certificates/ca-bundle.pem", dice.randbytes(220_000)
    for number in range(4000):
        yield f"lib/modules/{KERNEL_RELEASE}/kernel/d{number % 90}/m{number}.ko", b"m" * 3000
    yield f"lib/modules/{KERNEL_RELEASE}/modules.dep", b""
    text = dice.randbytes(4000).hex().encode()
    for number in range(FILES):
        top = TOPS[number % len(TOPS)]
        name = f"{top}/p{number % 911}/s{number % 13}/file-{dice.randrange(1 << 40):x}"
        start = dice.randrange(4000)
        yield name, text[start : start + int(dice.lognormvariate(7.5, 1.2)) % 8000]
    for number in range(BALLAST_BYTES // (16 << 20)):
        yield f"opt/cray/pe/big/lib{number}.so", dice.randbytes(16 << 20)


def report(image: Path) -> None:
    ranges = LocalFile(image)
    started_s = time.perf_counter()
    contents, used = look_into(ImageFiles(rootfs=ranges), Limits(), time.monotonic)
    look_s = time.perf_counter() - started_s
    assert contents.rootfs is not None
    assert contents.rootfs.arch == "x86_64", contents
    assert len(contents.rootfs.repositories) == 20
    whole = ranges.size_bytes
    modelled_s = look_s + used.requests * ROUND_TRIP_S + used.read_bytes / BYTES_PER_S
    whole_s = whole / BYTES_PER_S
    print(f"image                 {whole / 2**20:10,.0f} MiB, {FILES:,} files")
    print(f"one look              {used.read_bytes / 2**20:10.1f} MiB in {used.requests} requests")
    print(f"bytes, look : whole   {used.read_bytes / whole:10.4%}")
    print(f"local time            {look_s:10.2f} s")
    print(f"at 20 ms and 110 MB/s {modelled_s:10.2f} s, whole image {whole_s:.1f} s")
    print(f"time, look : whole    {modelled_s / whole_s:10.1%}")


if __name__ == "__main__":
    main()
