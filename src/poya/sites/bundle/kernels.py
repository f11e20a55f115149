# SPDX-License-Identifier: Apache-2.0
"""Which architecture a bundle's kernel file is for."""

from __future__ import annotations

import os
from pathlib import Path

from poya.inspection import HEAD_BYTES, arch_of
from poya.sites.bundle.reading import open_regular


def kernel_arch(path: Path) -> tuple[str, str]:
    """The architecture in IMS's words (`x86_64`, `aarch64`) and what shows it; empty if nothing.

    Raises:
        BundleDamaged: The file cannot be read.
    """
    with open_regular(path) as descriptor:
        return arch_of(os.pread(descriptor, HEAD_BYTES, 0))
