# SPDX-License-Identifier: Apache-2.0
"""Records as a service sent them: the raw bytes, and a typed view that is decoded from them.

A view names the fields that callers ask about; what it does not name is in `document`, which
is what gets copied, compared and stored. Nothing is ever encoded from a view.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar, cast

import msgspec

from poya.csm.http.answers import Answer
from poya.documents import Document, JsonObject

R = TypeVar("R", bound="Record")

# Names that no service uses: these fields are ours, set after the view is decoded.
_RAW, _DOCUMENT = "\x7fraw", "\x7fdocument"


class Record(msgspec.Struct, frozen=True, kw_only=True, eq=False, repr_omit_defaults=True):
    """One record of a service.

    Records are equal when their JSON is; spelling and unknown order of keys do not count.

    Attributes:
        raw: The bytes exactly as the service sent them, within a list too.
    """

    raw: bytes = msgspec.field(default=b"", name=_RAW)
    _document: Document | None = msgspec.field(default=None, name=_DOCUMENT)

    @property
    def document(self) -> Document:
        """The whole record, fields unknown to the view included; parsed on first use.

        Raises:
            BadAnswer: The record is JSON that cannot be carried on faithfully (a key twice).
        """
        if self._document is None:
            msgspec.structs.force_setattr(self, "_document", Document(self.raw))
        return cast("Document", self._document)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or not isinstance(other, Record):
            return NotImplemented
        return self.document == other.document

    def __hash__(self) -> int:
        return hash(self.document)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.raw[:120]!r})"


def record_of(kind: type[R], answer: Answer) -> R:
    """Read the one record in an answer.

    Raises:
        BadAnswer: The body is not such a record.
    """
    return bind(answer.decode(kind), answer.body)


def records_of(kind: type[R], rows: list[msgspec.Raw], answer: Answer) -> tuple[R, ...]:
    """Read records that came in a list, each with its own bytes.

    Raises:
        BadAnswer: An element is not such a record.
    """
    decode = msgspec.json.Decoder(kind).decode
    found: list[R] = []
    for row in rows:
        try:
            found.append(bind(decode(row), bytes(row)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise answer.bad(f"Element {len(found)} of the list: {error}.") from error
    return tuple(found)


async def records_from(
    kind: type[R], rows: AsyncGenerator[tuple[msgspec.Raw, Answer], None]
) -> AsyncGenerator[R, None]:
    """Read records as they arrive, each with its own bytes.

    Raises:
        BadAnswer: An element is not such a record.
    """
    decode = msgspec.json.Decoder(kind).decode
    async with aclosing(rows):
        async for row, answer in rows:
            try:
                yield bind(decode(row), bytes(row))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise answer.bad(f"An element of the list: {error}.") from error


def bind(record: R, raw: bytes) -> R:
    """Give a view the bytes that it was decoded from, before anyone else sees it."""
    msgspec.structs.force_setattr(record, "raw", raw)
    msgspec.structs.force_setattr(record, "_document", None)
    return record


def body_without(value: JsonObject, names: tuple[str, ...]) -> JsonObject:
    """A copy of an object without these fields, and without those that are null."""
    return {key: item for key, item in value.items() if key not in names and item is not None}
