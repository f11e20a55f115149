# SPDX-License-Identifier: Apache-2.0
"""Names as CSM writes them: xnames, host lists, S3 locations."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from poya.errors import UsageError
from poya.model.host_lists import MOST_NODES, expand_item, split_items

_NODE_XNAME = re.compile(r"x\d{1,5}c\d{1,3}s\d{1,3}b\d{1,3}n\d{1,3}", re.ASCII)
_LEADING_ZEROS = re.compile(r"(?<=[a-z])0+(?=[0-9])")
_NUMBER = re.compile(r"([0-9]+)")
MANIFEST_NAME = "manifest.json"


def normalise_xname(text: str) -> str:
    """Fold an xname as HSM does: lower case, no leading zeros (`X1000c0s0b0n01` → `…n1`)."""
    return _LEADING_ZEROS.sub("", text.strip().lower())


def first_twin(names: Iterable[str]) -> str:
    """The first name that comes a second time; empty if none does."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""


def is_node_xname(text: str) -> bool:
    """Say whether the text is the xname of a node (`x1000c0s0b0n0`)."""
    return _NODE_XNAME.fullmatch(text) is not None


@lru_cache(maxsize=1 << 16)  # a large site's nodes are sorted again and again
def xname_order(xname: str) -> tuple[tuple[int, str], ...]:
    """Sort key that puts `x2…` before `x10…`; any two texts compare, and only equals are equal."""
    # A number without its leading zeros is ordered by its length, then digit by digit.
    pieces = _NUMBER.split(xname)
    bare = [p.lstrip("0") if i % 2 else p for i, p in enumerate(pieces)]
    key = [(len(p) if i % 2 else 0, p) for i, p in enumerate(bare)]
    return (*key, (0, xname))


def sorted_xnames(xnames: Iterable[str]) -> tuple[str, ...]:
    """The xnames in the order of the machine: cabinet, chassis, slot, board, node."""
    return tuple(sorted(xnames, key=xname_order))


def expand_host_list(text: str) -> tuple[str, ...]:
    """Expand `x9000c1s[0-2]b0n[0,1],x9000c3s0b0n0` into node xnames, in the order written.

    Raises:
        UsageError: The text is empty, a bracket is malformed, a name is not a node's xname, or
            a name comes twice.
    """
    expanded = (name for item in split_items(text) for name in expand_item(item))
    names = [normalise_xname(name) for name in itertools.islice(expanded, MOST_NODES + 1)]
    if len(names) > MOST_NODES:
        raise UsageError(f"The list names more than {MOST_NODES} nodes.")
    if not names:
        raise UsageError("The list of nodes is empty.")
    for name in names:
        if not is_node_xname(name):
            raise UsageError(
                f"'{name[:60]}' is not the name of a node.",
                todo="Nodes are named like x1000c0s0b0n0; lists like x1000c0s[0-3]b0n[0,1].",
            )
    twin = first_twin(names)
    if twin:
        raise UsageError(f"The list names {twin} more than once.")
    return tuple(names)


def new_names(name: str, suffix: str) -> Iterator[str]:
    """Names to use instead of one that is taken: `gele-migrated`, then `gele-migrated-2`."""
    yield f"{name}{suffix}"
    for count in itertools.count(2):
        yield f"{name}{suffix}-{count}"


@dataclass(frozen=True, slots=True)
class S3Path:
    """A location in an object store: `s3://<bucket>/<key>`."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> S3Path | None:
        """Parse an `s3://` URL; None if the text is not one."""
        if not text.startswith("s3://"):
            return None
        bucket, slash, key = text.removeprefix("s3://").partition("/")
        return cls(bucket, key) if bucket and slash and key else None

    @property
    def name(self) -> str:
        """The last component of the key."""
        return self.key.rpartition("/")[2]

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def image_id_of(manifest_path: str) -> str | None:
    """The IMS image id in a manifest's path, as BOS finds it: the key's first component."""
    path = S3Path.parse(manifest_path)
    if path is None:
        return None
    first, slash, rest = path.key.partition("/")
    return first if slash and rest == MANIFEST_NAME else None


def image_id_of_kernel(path: str) -> str | None:
    """The IMS image id in the path of a kernel that BOS boots or BSS serves."""
    found = S3Path.parse(path)
    first, slash, _ = found.key.partition("/") if found else ("", "", "")
    return first if slash else None
