# SPDX-License-Identifier: Apache-2.0
"""Which architecture a bundle's kernel file is for."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from poya.inspection import HEAD_BYTES, arch_of
from poya.sites.bundle.contents import StoredArtifact
from poya.sites.bundle.reading import open_regular
from poya.transfer import Guard, Source


def kernel_arch(file: StoredArtifact) -> tuple[str, str]:
    """The architecture in IMS's words (`x86_64`, `aarch64`) and what shows it; empty if nothing.

    Raises:
        BundleDamaged: The file cannot be read.
    """
    if file.away is None:
        return arch_of(_head_of_file(file.path))
    return arch_of(_head_of(file.away.source)) if file.away.source else ("", "")


def _head_of_file(path: Path) -> bytes:
    with open_regular(path) as descriptor:
        return os.pread(descriptor, HEAD_BYTES, 0)


def _head_of(source: Source) -> bytes:
    guard = Guard()
    with closing(source.open(guard)) as reader:
        head = bytearray(min(HEAD_BYTES, reader.size_bytes))
        reader.read_into(0, memoryview(head), guard)
    return bytes(head)
