# SPDX-License-Identifier: Apache-2.0
"""Which kernel modules an initrd must load, and in which order.

A Debian kernel package comes without `modules.dep` (depmod writes it at installation), so the
dependencies are read from the modules themselves: `depends=` in their `.modinfo` section.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from boot.packages import PackagesUnavailable

_DEPENDS = re.compile(rb"(?:^|\0)depends=([\w,-]*)\0")


@dataclass(frozen=True, slots=True)
class Module:
    """A kernel module, uncompressed."""

    name: str
    content: bytes

    def depends(self) -> list[str]:
        """The modules that must be loaded before this one."""
        found = _DEPENDS.search(self.content)
        return [_plain(name) for name in found[1].decode().split(",") if name] if found else []


def load_order(directory: Path, wanted: Sequence[str]) -> list[Module]:
    """The modules `wanted` and all that they depend on, each after its dependencies.

    `directory` is a `lib/modules/<release>`. What the kernel has built in is left out.

    Raises:
        PackagesUnavailable: The kernel has such a module neither as a file nor built in.
    """
    files = {_plain(path.name.split(".ko")[0]): path for path in directory.rglob("*.ko*")}
    builtin = {_plain(Path(line).stem) for line in _lines(directory / "modules.builtin")}
    ordered: dict[str, Module] = {}
    for name in wanted:
        for module in _with_dependencies(name, files, builtin):
            ordered.setdefault(module.name, module)
    return list(ordered.values())


def _with_dependencies(
    name: str, files: Mapping[str, Path], builtin: set[str]
) -> Iterator[Module]:
    if name in builtin:
        return
    if name not in files:
        raise PackagesUnavailable(f"The kernel package has no module {name}.")
    module = Module(name, _read(files[name]))
    for dependency in module.depends():
        yield from _with_dependencies(dependency, files, builtin)
    yield module


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _plain(name: str) -> str:
    """Module names are spelt with either mark; the kernel takes them as the same."""
    return name.replace("-", "_")
