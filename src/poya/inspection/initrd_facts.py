# SPDX-License-Identifier: Apache-2.0
"""What an initrd holds, seen in one pass over it."""

from __future__ import annotations

import re

from poya.errors import ImageUnreadable
from poya.inspection.certificates import ANCHORS, BUNDLES, certificates_in, each_once
from poya.inspection.certificates import MOST_FILE_BYTES as MOST_CERTIFICATE_BYTES
from poya.inspection.cpio import Content, Entry
from poya.inspection.initrd import read_initrd
from poya.inspection.providers import (
    handled_by_module,
    handled_by_name,
    handled_by_script,
    may_be_script,
)
from poya.inspection.ranges import Metered
from poya.model.image_contents import Certificate, InitrdFacts, ProviderSupport

_KERNEL_MODULE = re.compile(r"^(?:usr/)?lib/modules/([^/]+)/(?:.+\.ko(?:\.\w+)?|modules\.dep)$")
_DRACUT_MODULES = re.compile(r"^(?:usr/)?lib/dracut/modules\.txt$")
# dracut's module `squash` packs everything into a file system of its own.
_PACKED_AGAIN = re.compile(r"^(?:squash/)?(?:squash(?:fs)?-|erofs-)?root\.img$")
_MOST_LIST_BYTES = 64 * 1024
_MOST_MODULES = 1000
_MOST_KERNELS = 100


def facts_of_initrd(ranges: Metered) -> InitrdFacts:
    """Read it once from the beginning to the end.

    Raises:
        ImageUnreadable: As `read_initrd`; or what it holds is packed once more inside.
        TooMuchToRead: As `read_initrd`.
    """
    gathered = _Gathered()
    for entry, content in read_initrd(ranges):
        gathered.look_at(entry, content)
    return gathered.facts()


class _Gathered:
    def __init__(self) -> None:
        self._entries = 0
        self._kernels: dict[str, None] = {}
        self._modules: dict[str, None] = {}
        self._providers: dict[str, str] = {}
        self._certificates: list[Certificate] = []

    def look_at(self, entry: Entry, content: Content) -> None:
        if _PACKED_AGAIN.match(entry.path):
            raise ImageUnreadable(f"It keeps its files in {entry.path}, packed once more.")
        self._entries += 1
        for provider in handled_by_name(entry.path):
            self._providers.setdefault(provider, entry.path)
        module = _KERNEL_MODULE.match(entry.path)
        if module and len(self._kernels) < _MOST_KERNELS:
            self._kernels.setdefault(module[1])
        if entry.is_file:
            self._read(entry, content)

    def _read(self, entry: Entry, content: Content) -> None:
        if _DRACUT_MODULES.match(entry.path) and entry.size_bytes <= _MOST_LIST_BYTES:
            names = content.read(_MOST_LIST_BYTES).decode("utf-8", "replace").split()
            self._modules.update(dict.fromkeys(names[:_MOST_MODULES]))
        elif _may_hold_certificates(entry):
            found = certificates_in(content.read(MOST_CERTIFICATE_BYTES), f"/{entry.path}")
            self._certificates = list(each_once([*self._certificates, *found]))
        elif may_be_script(entry.path, entry.size_bytes):
            for provider in handled_by_script(entry.path, content.read(entry.size_bytes)):
                self._providers[provider] = entry.path  # says more than a name alone

    def facts(self) -> InitrdFacts:
        for name in self._modules:
            for provider in handled_by_module(name):
                self._providers.setdefault(provider, f"dracut module {name}")
        supports = sorted(self._providers.items())
        return InitrdFacts(
            entries=self._entries,
            kernels=tuple(sorted(self._kernels)),
            dracut_modules=tuple(self._modules),
            providers=tuple(ProviderSupport(provider, why) for provider, why in supports),
            certificates=tuple(self._certificates),
        )


def _may_hold_certificates(entry: Entry) -> bool:
    path = f"/{entry.path}"
    is_place = path in BUNDLES or path.startswith(tuple(f"{place}/" for place in ANCHORS))
    return is_place and entry.size_bytes <= MOST_CERTIFICATE_BYTES
