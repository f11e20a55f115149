# SPDX-License-Identifier: Apache-2.0
"""What is inside the seeded images: as much as tools that look into images look for.

Names follow what COS images hold: dracut's own layout, DVS and SBPS modules, the platform's
certificate in `/etc/pki/trust/anchors`, zypper's repositories.
"""

from __future__ import annotations

import gzip
import stat
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

KERNEL_RELEASE = "5.14.21-150400.24.46_12.0.73-cray_shasta_c"
_ANCHOR = "etc/pki/trust/anchors/platform-ca-certs.crt"
_MODULES = f"usr/lib/modules/{KERNEL_RELEASE}"
_ELF_MACHINES = {"x86_64": 62, "aarch64": 183}
_ROOTS = {"cpss3": "craycps-s3", "sbps": "sbps-s3"}
_DRACUT = {"cpss3": "cray-cps", "sbps": "sbps"}
_DRIVERS = {"cpss3": "extra/dvs/dvs.ko", "sbps": "kernel/drivers/scsi/iscsi_tcp.ko"}
_FILE, _DIRECTORY = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The site that an image was made at.

    Attributes:
        domain: `<system>.<site domain>`.
        authority: The site's certificate authority, PEM.
        providers: Root file system providers that its initrds are built for.
    """

    domain: str = "example.org"
    authority: bytes = b""
    providers: tuple[str, ...] = ("cpss3",)


def initrd(arch: str, site: Surroundings, ballast: bytes) -> bytes:
    """What dracut makes: microcode in an archive of its own (x86), then all else, gzipped."""
    files = {
        "init": b"#!/bin/sh\n",
        "usr/lib/dracut/modules.txt": _lines("base", *(_DRACUT[p] for p in site.providers)),
        f"{_MODULES}/modules.dep": b"",
        "usr/share/ballast": ballast,
    }
    for provider in site.providers:
        hook = f"usr/lib/dracut/hooks/cmdline/95-parse-{_DRACUT[provider]}.sh"
        script = f'#!/bin/sh\ncase "$root" in {_ROOTS[provider]}:*) rootok=1 ;; esac\n'
        files[hook] = script.encode()
        files[f"{_MODULES}/{_DRIVERS[provider]}"] = _elf(arch)
    if site.authority:
        files[_ANCHOR] = site.authority
    main = gzip.compress(_cpio(files), compresslevel=1, mtime=0)
    early = {"early_cpio": b"1\n", "kernel/x86/microcode/AuthenticAMD.bin": bytes(512)}
    return _cpio(early) + main if arch == "x86_64" else main


def root_files(name: str, arch: str, site: Surroundings) -> Mapping[str, bytes]:
    """The small files of a root file system, by path."""
    files = {
        "etc/os-release": f'NAME="COS"\nPRETTY_NAME="{name} ({arch})"\n'.encode(),
        "etc/hostname": b"localhost\n",
        "etc/zypp/repos.d/cos-sle-15.4.repo": _repo("cos-sle-15.4", "packages.local"),
        "etc/zypp/repos.d/cscs-sle-15.4.repo": _repo("cscs-sle-15.4", f"nexus.cmn.{site.domain}"),
        "lib/modules/" + KERNEL_RELEASE + "/modules.dep": b"",
        "usr/bin/bash": _elf(arch),
    }
    return {**files, _ANCHOR: site.authority} if site.authority else files


def _repo(name: str, host: str) -> bytes:
    url = f"https://{host}/repository/{name}?ssl_verify=no"
    return f"[{name}]\nname={name}\nenabled=1\nautorefresh=0\nbaseurl={url}\n".encode()


def _elf(arch: str) -> bytes:
    """The header of a program or a module; nothing runs here."""
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    return (identity + struct.pack("<HH", 2, _ELF_MACHINES[arch])).ljust(64, b"\0")


def _lines(*names: str) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def _cpio(files: Mapping[str, bytes]) -> bytes:
    """An archive in the `newc` format, each file's directories before it."""
    parents = {
        "/".join(parts[:depth])
        for parts in (path.split("/") for path in files)
        for depth in range(1, len(parts))
    }
    entries = [(path, _DIRECTORY, b"") for path in parents]
    entries += [(path, _FILE, content) for path, content in files.items()]
    return b"".join(_entries([*sorted(entries), ("TRAILER!!!", 0, b"")]))


def _entries(entries: Iterable[tuple[str, int, bytes]]) -> Iterable[bytes]:
    for number, (path, mode, content) in enumerate(entries, 1):
        name = path.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        yield header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4)
