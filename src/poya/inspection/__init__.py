# SPDX-License-Identifier: Apache-2.0
"""Looking into the files of boot images: kernels, initrds and root file systems.

Nothing is mounted, unpacked or downloaded whole: every reader works on ranges of a file, wherever
it lies, within limits on requests, bytes, memory and time. Images are hostile input: whatever
their bytes say, a reader answers, or raises `ImageUnreadable`.
"""

from __future__ import annotations

from poya.inspection.certificates import certificates_in
from poya.inspection.kernel import HEAD_BYTES, arch_of
from poya.inspection.looking import ImageFiles, look_into
from poya.inspection.ranges import Limits, Metered, Ranges, Used

__all__ = [
    "HEAD_BYTES",
    "ImageFiles",
    "Limits",
    "Metered",
    "Ranges",
    "Used",
    "arch_of",
    "certificates_in",
    "look_into",
]
