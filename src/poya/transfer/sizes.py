# SPDX-License-Identifier: Apache-2.0
"""Sizes as people write them: `256M`, `1.5 GiB`, `4096`."""

from __future__ import annotations

import re

_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)


def parse_size(text: str) -> int | None:
    """Bytes, in units of 1024; None if the text is no size, or is none above zero."""
    match = _SIZE.fullmatch(text.strip())
    size_bytes = int(float(match[1]) * _UNITS[match[2].lower()]) if match else 0
    return size_bytes or None
