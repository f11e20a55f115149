# SPDX-License-Identifier: Apache-2.0
"""What the boot tests are made of, tried with neither QEMU nor packages."""

from __future__ import annotations

import gzip
import lzma
import os
import time
from pathlib import Path

import pytest

from boot import cpio
from boot.modules import load_order
from boot.packages import PackagesUnavailable, run
from boot.qemu import BootFailed, QemuUnavailable, boot, marker_line


def _module(directory: Path, name: str, depends: str = "") -> None:
    path = directory / "kernel" / name
    path.parent.mkdir(exist_ok=True)
    content = b"\x7fELF\0license=GPL\0depends=" + depends.encode() + b"\0name=x\0"
    path.write_bytes(lzma.compress(content) if path.suffix == ".xz" else content)


def _names(directory: Path, *wanted: str) -> list[str]:
    return [module.name for module in load_order(directory, wanted)]


def test_modules_come_after_what_they_depend_on_and_once(tmp_path: Path) -> None:
    _module(tmp_path, "virtio.ko")
    _module(tmp_path, "virtio-ring.ko", "virtio")
    _module(tmp_path, "virtio_pci.ko.xz", "virtio_ring,virtio")
    _module(tmp_path, "virtio_blk.ko", "virtio,virtio-ring")

    assert _names(tmp_path, "virtio_pci", "virtio_blk") == [
        "virtio",
        "virtio_ring",
        "virtio_pci",
        "virtio_blk",
    ]


def test_compressed_modules_are_handed_over_plain(tmp_path: Path) -> None:
    _module(tmp_path, "squashfs.ko.xz")

    assert load_order(tmp_path, ["squashfs"])[0].content.startswith(b"\x7fELF")


def test_what_the_kernel_has_built_in_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "modules.builtin").write_text("kernel/fs/squashfs/squashfs.ko\n")
    _module(tmp_path, "virtio_blk.ko")

    assert _names(tmp_path, "squashfs", "virtio_blk") == ["virtio_blk"]


def test_a_module_that_the_kernel_lacks_is_told(tmp_path: Path) -> None:
    _module(tmp_path, "virtio_blk.ko", "virtio")

    with pytest.raises(PackagesUnavailable, match="no module virtio"):
        load_order(tmp_path, ["virtio_blk"])


def _entries(archive: bytes) -> list[tuple[str, int, bytes]]:
    """Name, mode and content of each entry: the format read independently of the writer."""
    data, offset, entries = gzip.decompress(archive), 0, []
    while offset < len(data):
        assert data[offset : offset + 6] == b"070701"
        numbers = bytes.fromhex(data[offset + 6 : offset + 110].decode())
        mode, size, name_size = (int.from_bytes(numbers[i : i + 4]) for i in (4, 24, 44))
        start = -4 * (-(offset + 110 + name_size) // 4)
        name = data[offset + 110 : offset + 109 + name_size].decode()
        entries.append((name, mode, data[start : start + size]))
        offset = -4 * (-(start + size) // 4)
    return entries


def test_an_archive_holds_directories_before_files_and_ends_with_the_trailer() -> None:
    archive = cpio.archive({"lib/modules/a.ko": cpio.File(b"abcde")}, ["proc"])

    assert _entries(archive) == [
        ("lib", 0o40755, b""),
        ("lib/modules", 0o40755, b""),
        ("proc", 0o40755, b""),
        ("lib/modules/a.ko", 0o100644, b"abcde"),
        ("TRAILER!!!", 0, b""),
    ]


def test_the_order_of_its_files_does_not_change_an_archive() -> None:
    a, b = cpio.File(b"a"), cpio.File(b"b", 0o755)

    assert cpio.archive({"a": a, "b": b}) == cpio.archive({"b": b, "a": a})


def test_a_tool_that_is_missing_is_told() -> None:
    with pytest.raises(PackagesUnavailable, match="no-such-tool is not installed"):
        run(["no-such-tool"])


def test_a_tool_that_fails_is_told_with_its_own_words() -> None:
    with pytest.raises(PackagesUnavailable) as caught:
        run(["sh", "-c", "echo disk is full >&2; exit 3"])

    assert caught.value.why == "disk is full"


def test_a_tool_that_does_not_end_is_stopped() -> None:
    with pytest.raises(PackagesUnavailable, match=r"within 0\.1 s"):
        run(["sleep", "60"], timeout_s=0.1)


def _machine(tmp_path: Path, script: str) -> str:
    """A stand-in for QEMU that leaves its process id and does what `script` says."""
    program = tmp_path / "qemu"
    program.write_text(f'#!/bin/sh\necho $$ > "{tmp_path}/pid"\n{script}\n')
    program.chmod(0o755)
    return str(program)


def _boot(tmp_path: Path, script: str, timeout_s: float = 10) -> str:
    kernel, initrd, rootfs = (tmp_path / name for name in ("kernel", "initrd", "rootfs"))
    return boot(kernel, initrd, rootfs, timeout_s, _machine(tmp_path, script))


def _is_gone(tmp_path: Path) -> bool:
    try:
        os.kill(int((tmp_path / "pid").read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_a_machine_that_says_it_booted_is_not_waited_for(tmp_path: Path) -> None:
    start_s = time.monotonic()

    console = _boot(
        tmp_path, r"printf 'Booting\r\n\033[2JVCLUSTER-BOOT-OK n1 6.1\r\n'; exec sleep 60"
    )

    assert marker_line(console) == "VCLUSTER-BOOT-OK n1 6.1"
    assert time.monotonic() - start_s < 10
    assert _is_gone(tmp_path)


@pytest.mark.parametrize(
    "before",
    [r".\r\n\033c\033[?7l\033[2J", r"\033c\033[?7l\033[2J", r"\033c\033[?7l\033[2J\033[0m.\r"],
    ids=["whole", "cut short", "late"],
)
def test_the_firmware_s_last_line_does_not_hide_the_marker(tmp_path: Path, before: str) -> None:
    """As SeaBIOS 1.16.2 was seen to leave the console to the kernel."""
    console = _boot(tmp_path, rf"printf 'Booting from ROM..{before}VCLUSTER-BOOT-OK n1 6.1\r\n'")

    assert marker_line(console) == "VCLUSTER-BOOT-OK n1 6.1"


def test_the_cause_of_a_panic_is_shown_with_its_trace(tmp_path: Path) -> None:
    trace = "; ".join(["echo mounting failed", *["echo '[    3.489584] do_exit+0x2d/0x80'"] * 80])

    with pytest.raises(BootFailed, match="mounting failed"):
        _boot(tmp_path, trace)


def test_a_machine_that_stays_silent_is_ended_in_time(tmp_path: Path) -> None:
    with pytest.raises(BootFailed, match="in time"):
        _boot(tmp_path, "exec sleep 60", timeout_s=0.5)

    assert _is_gone(tmp_path)


def test_a_machine_that_stops_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(BootFailed, match="Kernel panic") as caught:
        _boot(tmp_path, "echo Kernel panic")

    assert caught.value.what == "The machine stopped before it had booted."


@pytest.mark.parametrize(
    "console",
    ["", "VCLUSTER-BOOT-OK n1", "cmdline: VCLUSTER-BOOT-OK n1\n", "VCLUSTER-BOOT-OKAY\n"],
    ids=["nothing", "half a line", "inside a line", "another word"],
)
def test_only_a_whole_line_that_starts_with_the_marker_counts(console: str) -> None:
    assert marker_line(console) is None


def test_a_comma_in_the_path_of_the_disk_is_not_an_option(tmp_path: Path) -> None:
    folder = tmp_path / "a,b"
    folder.mkdir()

    with pytest.raises(BootFailed, match=r"a,,b/rootfs,format=raw"):
        _boot(folder, 'echo "$@"')


def test_a_missing_emulator_is_told(tmp_path: Path) -> None:
    with pytest.raises(QemuUnavailable, match="no-such-qemu"):
        boot(tmp_path, tmp_path, tmp_path, 1, qemu="no-such-qemu")
