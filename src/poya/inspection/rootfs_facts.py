# SPDX-License-Identifier: Apache-2.0
"""What a root file system holds, by looking up a few dozen paths."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from poya.inspection import certificates, repositories
from poya.inspection.kernel import elf_arch
from poya.inspection.ranges import Metered
from poya.inspection.squashfs import FileSystem
from poya.model.image_contents import Certificate, PackageRepository, RootfsFacts

_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
_PROGRAMS = ("/usr/bin/bash", "/bin/bash", "/usr/lib/systemd/systemd", "/bin/sh", "/usr/bin/env")
_MODULES = "/lib/modules"
_OF_A_KERNEL = frozenset(("kernel", "modules.dep", "modules.order", "modules.builtin"))
_ELF_HEADER_BYTES = 64
_MOST_OS_RELEASE_BYTES = 64 * 1024
_MOST_KERNELS = 20


def facts_of_rootfs(ranges: Metered) -> RootfsFacts:
    """Look up what a migration must know.

    Raises:
        ImageUnreadable: It is no squashfs, damaged, or packed in a way that poya cannot read.
        TooMuchToRead: The limits are reached.
    """
    files = FileSystem(ranges)
    return RootfsFacts(
        system=_system(files),
        arch=_arch(files),
        kernels=_kernels(files),
        certificates=certificates.each_once(_certificates(files)),
        repositories=tuple(_repositories(files))[: repositories.MOST_REPOSITORIES],
    )


def _system(files: FileSystem) -> str:
    for path in _OS_RELEASE:
        data = files.head(path, _MOST_OS_RELEASE_BYTES)
        if data is not None:
            return _name_in(data.decode("utf-8", "replace"))
    return ""


def _name_in(text: str) -> str:
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    values = {key.strip(): _unquoted(value.strip()) for key, _, value in pairs}
    whole = f"{values.get('NAME', '')} {values.get('VERSION', '')}".strip()
    return values.get("PRETTY_NAME") or whole


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value


def _arch(files: FileSystem) -> str:
    for path in _PROGRAMS:
        head = files.head(path, _ELF_HEADER_BYTES)
        arch = elf_arch(head) if head else ""
        if arch:
            return arch
    return ""


def _kernels(files: FileSystem) -> tuple[str, ...]:
    """Releases with modules of their own; other packages leave directories without any."""
    names = files.names(_MODULES)[:_MOST_KERNELS]
    return tuple(n for n in names if not _OF_A_KERNEL.isdisjoint(files.names(f"{_MODULES}/{n}")))


def _certificates(files: FileSystem) -> Iterator[Certificate]:
    for directory in certificates.ANCHORS:
        for name in files.names(directory)[: certificates.MOST_FILES]:
            yield from _certificates_at(files, f"{directory}/{name}")
    for path in certificates.BUNDLES:
        yield from _certificates_at(files, path)


def _certificates_at(files: FileSystem, path: str) -> tuple[Certificate, ...]:
    data = _read(files, path, certificates.MOST_FILE_BYTES)
    return certificates.certificates_in(data, path) if data else ()


def _repositories(files: FileSystem) -> Iterator[PackageRepository]:
    listed = (
        f"{directory}/{name}"
        for directory, ending in repositories.DIRECTORIES
        for name in files.names(directory)[: repositories.MOST_FILES]
        if name.endswith(ending)
    )
    for path in (*listed, *repositories.FILES):
        data = _read(files, path, repositories.MOST_FILE_BYTES)
        if data:
            yield from repositories.repositories_in(data, path)


def _read(files: FileSystem, path: str, most_bytes: int) -> bytes | None:
    """A file's content; None if it is not there, or too long to be what was looked for."""
    inode = files.find(path)
    if inode is None or not inode.is_file or inode.size_bytes > most_bytes:
        return None
    return files.content(inode, most_bytes)
