# SPDX-License-Identifier: Apache-2.0
"""From names to file names: anything may be in a name, and little in a file's.

The rules are part of the bundle's format (docs/format.md, "Names").
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from itertools import count

INDEX = "bundle.json"
MANIFEST = "manifest.json"
SIGNATURE = "bundle.json.minisig"
# A file of the index may stand encrypted, under its name and this.
SEALED = ".age"
# Digests of chunks of the artifacts: a cache that is no part of the bundle.
CHUNKS = ".chunks"
# What may stand beside the index without being listed by it.
KEPT_BESIDE = (SIGNATURE, CHUNKS)

MOST_CHARACTERS = 120
_KEPT_CHARACTERS = 80
_DIGEST_CHARACTERS = 32
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_COMPONENT = "[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,254}"
_SAFE = re.compile(_COMPONENT)

# For the published schema; `is_safe_path` is stricter.
SAFE_PATH = f"^{_COMPONENT}(/{_COMPONENT})?$"


def encode_name(name: str) -> str:
    """Spell a name so that it can be part of a file's name on any file system.

    Different names have different spellings, except that case may be all that differs.
    """
    raw = name.encode("utf-8", "surrogatepass")
    text = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)
    if text.startswith("."):
        text = f"%2E{text[1:]}"
    if len(text) <= MOST_CHARACTERS:
        return text
    digest = hashlib.sha256(raw).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{text[:_KEPT_CHARACTERS]}+{digest}"


def is_safe_path(path: str) -> bool:
    """Say whether an index may name this path: one or two plain components, none of its own."""
    parts = path.split("/")
    is_short = len(parts) <= 2  # noqa: PLR2004 - a file, or a file in an image's directory
    is_own = path.lower() in (INDEX, *KEPT_BESIDE)
    return is_short and not is_own and all(_SAFE.fullmatch(part) for part in parts)


class Allocator:
    """Gives out file names of one directory, none of them twice, whatever the case."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {name.lower() for name in taken}

    def take(self, name: str, suffix: str, second: str) -> str:
        """A free file name for `name`: with `suffix`, else with `second` numbered from one."""
        stem = encode_name(name) or "%"
        free = next(c for c in _candidates(stem, suffix, second) if c.lower() not in self._taken)
        self._taken.add(free.lower())
        return free


def _candidates(stem: str, suffix: str, second: str) -> Iterator[str]:
    """`X.json`, then `X.cfs.json`, `X.cfs.2.json`… for the suffixes `.json` and `.cfs{}.json`."""
    yield f"{stem}{suffix}"
    first = 1 if second.format("") != suffix else 2
    for number in count(first):
        yield f"{stem}{second.format('' if number == 1 else f'.{number}')}"
