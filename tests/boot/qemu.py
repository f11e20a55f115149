# SPDX-License-Identifier: Apache-2.0
"""Booting an image under QEMU, with nothing but its console to judge it by."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

from poya.errors import PoyaError

MARKER = "VCLUSTER-BOOT-OK"
QEMU = "qemu-system-x86_64"

# The parameter `panic=-1` turns a panic into a reboot, and `-no-reboot` that into QEMU's end.
_APPEND = "console=ttyS0 quiet panic=-1 vc.root=/dev/vda"
# Emulated on purpose: where virtual machines are nested, /dev/kvm may be there and never run.
_MACHINE = ["-machine", "q35,accel=tcg", "-m", "512", "-nographic", "-no-reboot", "-nic", "none"]
_MARKER_LINE = re.compile(rf"^{MARKER}\b.*(?=\n)", re.MULTILINE)
# What puts a terminal's cursor at the start of a line. The firmware's last line may lack its end:
# what it has in the serial port's buffer is lost when the kernel takes the port over.
_LINE_START = re.compile(r"\r\n|\r|\x1bc|\x1b\[2J")
_TERMINAL_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CHUNK_BYTES = 65536
_SHOWN_CHARS = 8000  # a kernel panic's trace is some 2000, and the cause stands before it


class QemuUnavailable(PoyaError):
    """QEMU for x86-64 is not installed."""


class BootFailed(PoyaError):
    """The machine stopped, or its time was over, before it said that it had booted."""

    def __str__(self) -> str:
        return "\n".join(self.lines())


def boot(kernel: Path, initrd: Path, rootfs: Path, timeout_s: float, qemu: str = QEMU) -> str:
    """Boot an image until its console shows a line that starts with the marker.

    The root file system is the read-only virtio disk /dev/vda. QEMU is gone when this returns.

    Returns:
        The console's text so far, without terminal control sequences.

    Raises:
        QemuUnavailable: `qemu` is not installed.
        BootFailed: No such line; `why` holds the end of the console.
    """
    program = shutil.which(qemu)
    if program is None:
        raise QemuUnavailable(f"{qemu} is not installed.", todo="Install qemu-system-x86.")
    disk = f"file={str(rootfs).replace(',', ',,')},format=raw,if=virtio,readonly=on"
    files = ["-kernel", str(kernel), "-initrd", str(initrd), "-append", _APPEND, "-drive", disk]
    with subprocess.Popen(
        [program, *_MACHINE, *files],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as machine:
        try:
            return _console_until_marker(machine, time.monotonic() + timeout_s)
        finally:
            machine.kill()


def marker_line(console: str) -> str | None:
    """The first whole line of a console that starts with the marker."""
    found = _MARKER_LINE.search(console)
    return found[0] if found else None


def _console_until_marker(machine: subprocess.Popen[bytes], deadline_s: float) -> str:
    assert machine.stdout is not None
    output = machine.stdout.fileno()
    raw = b""
    while (left_s := deadline_s - time.monotonic()) > 0:
        if not select.select([output], [], [], left_s)[0]:
            break
        chunk = os.read(output, _CHUNK_BYTES)
        raw += chunk
        console = _readable(raw)
        if marker_line(console):
            return console
        if not chunk:
            raise BootFailed("The machine stopped before it had booted.", why=_end(console))
    raise BootFailed("The machine did not boot in time.", why=_end(_readable(raw)))


def _readable(raw: bytes) -> str:
    return _TERMINAL_CONTROL.sub("", _LINE_START.sub("\n", raw.decode(errors="replace")))


def _end(console: str) -> str:
    return console[-_SHOWN_CHARS:].strip() or "Its console stayed empty."
