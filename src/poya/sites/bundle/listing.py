# SPDX-License-Identifier: Apache-2.0
"""A bundle's files as people read them, in the words and the order of manta's summary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from poya.sites.bundle.index import Index
from poya.sites.bundle.indexed import read_index

_FIRST = ("initrd", "kernel", "rootfs")


def list_files(directory: Path) -> list[tuple[str, str]]:
    """What each file of a bundle is, and its path; an image's name stands before its files.

    Raises:
        BundleDamaged: There is no index, or it is damaged.
    """
    return [
        (title, _shown(directory, title, text)) for title, text in _lines(read_index(directory))
    ]


def _shown(directory: Path, title: str, text: str) -> str:
    return text if title == "Image name" else str(directory / text)


def _lines(index: Index) -> Iterator[tuple[str, str]]:
    groups = dict.fromkeys(file for group in index.groups for file in group.files)
    yield from (("BOS file", template.file) for template in index.templates)
    yield from (("CFS file", configuration.file) for configuration in index.configurations)
    yield from (("HSM file", file) for file in groups)
    for image in index.images:
        yield "IMS file", image.record
        yield "Image name", image.name
        yield "file", image.manifest
        artifacts = sorted(image.artifacts, key=lambda a: (a.name not in _FIRST, a.name))
        yield from (("file", artifact.file) for artifact in artifacts)
