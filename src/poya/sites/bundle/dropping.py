# SPDX-License-Identifier: Apache-2.0
"""The way back of `layout`: what an index is without something that was undone. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, get_args

import msgspec

from poya.model.records import EntityRef, Kind
from poya.sites.bundle.index import GroupEntry, Index, Role, graph_files

# Says whether a file, or an image's directory, is on disk.
IsThere: TypeAlias = Callable[[str], bool]


def without_entity(index: Index, ref: EntityRef, is_there: IsThere) -> Index:
    """The index without an entity, and without all that was planned and never begun."""

    def others(kind: Kind, name: str) -> bool:
        return ref != EntityRef(kind, name)

    left = msgspec.structs.replace(
        index,
        groups=tuple(g for g in index.groups if others("group", g.name)),
        configurations=tuple(c for c in index.configurations if others("configuration", c.name)),
        templates=tuple(t for t in index.templates if others("template", t.name)),
    )
    return only_begun(left, is_there)


def without_image(index: Index, image_id: str, is_there: IsThere) -> Index:
    """The index without an image, and without all that was planned and never begun."""
    left = tuple(image for image in index.images if image.id != image_id)
    return only_begun(msgspec.structs.replace(index, images=left), is_there)


def is_empty(index: Index) -> bool:
    """Say whether the graph holds nothing any more."""
    return not (index.templates or index.groups or index.configurations or index.images)


def only_begun(index: Index, is_there: IsThere) -> Index:
    """The index without what is not on disk."""
    images = tuple(
        image
        for image in index.images
        if is_there(image.record) or is_there(image.manifest.rpartition("/")[0])
    )
    begun = [(group.name, tuple(f for f in group.files if is_there(f))) for group in index.groups]
    groups = tuple(GroupEntry(name, files) for name, files in begun if files)
    held = {file for group in groups for file in group.files}
    templates = tuple(
        msgspec.structs.replace(t, groups=t.groups if t.groups in held else None)
        for t in index.templates
        if is_there(t.file)
    )
    graph = msgspec.structs.replace(
        index,
        images=images,
        groups=groups,
        templates=templates,
        configurations=tuple(c for c in index.configurations if is_there(c.file)),
    )
    named = set(graph_files(graph))
    strange = {name for name, entry in index.files.items() if entry.role not in get_args(Role)}
    files = {name: entry for name, entry in index.files.items() if name in named | strange}
    return msgspec.structs.replace(graph, files=files)
