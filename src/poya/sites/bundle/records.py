# SPDX-License-Identifier: Apache-2.0
"""Groups, configurations and templates in a bundle that is being written."""

from __future__ import annotations

import hashlib
from pathlib import Path

from poya.documents import Document, Json, pretty
from poya.errors import BundleDamaged
from poya.model.records import EntityRef, SessionTemplate
from poya.sites.bundle.index import FileEntry, files_of, refs_of
from poya.sites.bundle.indexed import understood
from poya.sites.bundle.layout import lay_out_entity
from poya.sites.bundle.ledger import Ledger
from poya.sites.bundle.reading import parse_json, read_bounded
from poya.sites.bundle.writing import make_directory, remove_file
from poya.transfer.etags import md5
from poya.transfer.files import sync_write


class Records:
    """Reads, writes and removes the entities of one bundle."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def read(self, ref: EntityRef) -> Document | None:
        """The entity as its file holds it; None if there is none yet."""
        files = files_of(self._ledger.index, ref)
        if ref.kind == "group":
            # They are written in order, so after a crash the last one tells what was before.
            found = [self._held_groups(file).get(ref.name) for file in reversed(files)]
            return next((group for group in found if group is not None), None)
        if not files or not self._is_there(files[0]):
            return None
        is_noted = self._ledger.index.files[files[0]].sha256 is not None
        return self._document(files[0]) if is_noted else None

    def write(self, ref: EntityRef, body: Document) -> None:
        """Put the entity into every file that is to hold it."""
        if not files_of(self._ledger.index, ref):
            self._ledger.put(lay_out_entity(ref, self._ledger.index))
        for file in files_of(self._ledger.index, ref):
            if ref.kind == "group":
                self._put_groups(file, {**self._held_groups(file), ref.name: body})
            else:
                self._put(file, pretty(body.value), is_complete=True)
        if ref.kind == "template":
            self._fill_groups(ref.name)

    def delete(self, ref: EntityRef) -> None:
        """Take the entity out of its files; files that hold nothing else go."""
        files = files_of(self._ledger.index, ref)
        if not files:
            return
        left = {file: self._held_groups(file) if ref.kind == "group" else {} for file in files}
        for file, groups in left.items():
            groups.pop(ref.name, None)
            if not groups:
                remove_file(self._ledger.path(file))
        self._ledger.drop_entity(ref)
        for file, groups in left.items():
            if groups:
                self._put_groups(file, groups)
        self._remove_orphans()

    def documents(self) -> dict[EntityRef, Document]:
        """Every entity that is there."""
        refs = list(refs_of(self._ledger.index))
        found = {ref: self.read(ref) for ref in refs}
        return {ref: document for ref, document in found.items() if document is not None}

    def templates(self) -> dict[str, SessionTemplate]:
        """Every session template that is there, by name."""
        found: dict[str, SessionTemplate] = {}
        for entry in self._ledger.index.templates:
            document = self.read(EntityRef("template", entry.name))
            if document is not None:
                path = self._ledger.path(entry.file)
                found[entry.name] = understood(path, document.value, SessionTemplate.of)
        return found

    def faults(self) -> list[str]:
        """The records that are there and are not what the index says."""
        refs = refs_of(self._ledger.index)
        files = dict.fromkeys(f for ref in refs for f in files_of(self._ledger.index, ref))
        found = [self._fault(file) for file in files]
        return [fault for fault in found if fault]

    def _fault(self, file: str) -> str:
        wanted = self._ledger.index.files[file].sha256
        if wanted is None:
            return f"{file} is not complete"
        try:
            content = read_bounded(self._ledger.path(file))
        except BundleDamaged as error:
            return f"{error.what} {error.why}".strip()
        return "" if hashlib.sha256(content).hexdigest() == wanted else f"{file} was altered"

    def _put(self, file: str, content: bytes, *, is_complete: bool) -> None:
        """The entry first: after a crash in between, the file is visibly not what it says."""
        entry = FileEntry(
            role=self._ledger.index.files[file].role,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest() if is_complete else None,
            md5=md5(content),
        )
        path = self._ledger.path(file)
        make_directory(path.parent)
        self._ledger.note(file, entry)
        sync_write(path, content)

    def _put_groups(self, file: str, groups: dict[str, Document]) -> None:
        index = self._ledger.index
        order = [group.name for group in index.groups if file in group.files]
        values: list[Json] = [groups[name].value for name in order if name in groups]
        self._put(file, pretty(values), is_complete=len(values) == len(order))

    def _fill_groups(self, template: str) -> None:
        """Give a template's file the groups that the bundle had before, in other files."""
        index = self._ledger.index
        file = next(entry.groups for entry in index.templates if entry.name == template)
        names = [group.name for group in index.groups if file in group.files]
        found = {name: self.read(EntityRef("group", name)) for name in names}
        groups = {name: group for name, group in found.items() if group is not None}
        if file and groups and self._held_groups(file) != groups:
            self._put_groups(file, groups)

    def _remove_orphans(self) -> None:
        """Remove files of groups that no template has any more, and that hold nothing alone."""
        index = self._ledger.index
        kept = {template.groups for template in index.templates}
        orphans = {file for group in index.groups for file in group.files} - kept
        for file in sorted(orphans):
            others = [group for group in self._ledger.index.groups if file in group.files]
            if all(len(group.files) > 1 for group in others):
                remove_file(self._ledger.path(file))
                self._ledger.drop_absent()

    def _held_groups(self, file: str) -> dict[str, Document]:
        return self._groups(file) if self._is_there(file) else {}

    def _groups(self, file: str) -> dict[str, Document]:
        path = self._ledger.path(file)
        value = self._json(path)
        items = value if isinstance(value, list) else []
        documents = [Document.of(item) for item in items if isinstance(item, dict)]
        return {str(document.value.get("label")).lower(): document for document in documents}

    def _document(self, file: str) -> Document:
        path = self._ledger.path(file)
        value = self._json(path)
        if not isinstance(value, dict):
            raise BundleDamaged(f"{path} is not a JSON object.")
        return Document.of(value)

    def _json(self, path: Path) -> Json:
        return parse_json(read_bounded(path), path)

    def _is_there(self, file: str) -> bool:
        return self._ledger.path(file).is_file()
