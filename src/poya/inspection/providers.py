# SPDX-License-Identifier: Apache-2.0
"""Which root file system providers an initrd can boot from.

BOS writes `root=craycps-s3:…` for the provider cpss3 and `root=sbps-s3:…` for sbps (BOS 2.x,
rootfs providers). Whatever in the initrd handles such a root has to name it, or dracut stops with
"Don't know how to handle 'root=…'". So scripts are searched for that word; the names of files
and dracut modules count as well, for handlers that are programs.
"""

from __future__ import annotations

import re

# What a script that handles the root must contain.
_WORDS = {"cpss3": b"craycps", "sbps": b"sbps"}
# Paths of dracut hooks, programs and units that belong to a provider.
_PATHS = {
    "cpss3": re.compile(r"(^|[/_.-])(cray-?cps|cps)([/_.-]|[0-9]|$)"),
    "sbps": re.compile(r"(^|[/_.-])(cray-?)?sbps([/_.-]|[0-9]|$)"),
}
_CODE = re.compile(r"^(usr/)?(lib|libexec|sbin|bin|etc|var/lib)/")
_NO_CODE = re.compile(r"\.(ko|so|conf|pem|crt|txt)(\.|$)|/(firmware|terminfo|zoneinfo)/")

MOST_SCRIPT_BYTES = 256 * 1024
SCRIPT_MAGIC = b"#!"


def may_be_script(path: str, size_bytes: int) -> bool:
    """Say whether a file of the initrd is worth a look into."""
    return 0 < size_bytes <= MOST_SCRIPT_BYTES and bool(_CODE.match(path))


def handled_by_script(path: str, content: bytes) -> list[str]:
    """The providers whose root a script handles; none if it is no script."""
    is_hook = "/dracut/hooks/" in f"/{path}"
    if not is_hook and not content.startswith(SCRIPT_MAGIC):
        return []
    return [provider for provider, word in _WORDS.items() if word in content]


def handled_by_name(path: str) -> list[str]:
    """The providers that a file of the initrd belongs to, by its path."""
    if not _CODE.match(path) or _NO_CODE.search(path):
        return []
    return [provider for provider, pattern in _PATHS.items() if pattern.search(path)]


def handled_by_module(name: str) -> list[str]:
    """The providers that a dracut module is for, by its name."""
    return [provider for provider, pattern in _PATHS.items() if pattern.search(name)]
