# SPDX-License-Identifier: Apache-2.0
"""The digest that an index carries of itself, in its last line (docs/format.md, "The digest").

It is of all bytes before that line, so no tool is needed to compute it:
`head -n -2 bundle.json | sha256sum`.
"""

from __future__ import annotations

import hashlib
import re

MEMBER = "sha256"
_END = b"\n}\n"
# Whatever the line calls it: a damaged name must not pass for an index without a digest.
_LINE = re.compile(rb'\n  "([^"\n]*)": "([^"\n]{64})"\n\}\n\Z')


def guarded(text: bytes) -> bytes:
    """An index with the digest of itself put in as its last member.

    Args:
        text: A JSON object as `poya.documents.pretty` writes it, with at least one member.
    """
    body = text.removesuffix(_END) + b",\n"
    digest = hashlib.sha256(body).hexdigest()
    return body + f'  "{MEMBER}": "{digest}"'.encode() + _END


def is_guarded(raw: bytes) -> bool:
    """Say whether an index carries a digest of itself, right or wrong."""
    return _LINE.search(raw) is not None


def guard_fault(raw: bytes) -> str:
    """What shows that an index was altered after it was written; empty if nothing does."""
    line = _LINE.search(raw)
    if line is None:
        return ""
    name, stated = line.groups()
    digest = hashlib.sha256(raw[: line.start() + 1]).hexdigest()
    if name != MEMBER.encode():
        return "The name of its own digest was altered."
    if stated != digest.encode():
        return f"sha256 {digest}, expected {stated.decode(errors='replace')}."
    return ""
