# SPDX-License-Identifier: Apache-2.0
"""Objects of the largest sizes, as sparse data: what is there already is neither read nor held."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import pytest

from poya.transfer import Expected, Guard, Job, Limits, Proof, copy
from poya.transfer.etags import (
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    MIB,
    multipart_etag,
    parts_for,
)
from poya.transfer.http import StreamBody
from poya.transfer.layout import Layout, Part, lay_out_object
from poya.transfer.ports import Held, Opening, Sink, Target, Twin
from poya.transfer.s3xml import completion, parse_xml

PART = 5 * MIB
ZEROS = hashlib.md5(bytes(PART)).hexdigest()


class Zeros:
    """A source of nothing but zeros."""

    is_remote = True
    part_size_bytes = None

    def __init__(self, size_bytes: int, etag: str) -> None:
        self.size_bytes, self.etag = size_bytes, etag
        self.reads: list[int] = []

    def open(self, guard: Guard) -> Zeros:
        return self

    def read_into(self, start: int, into: memoryview, guard: Guard) -> None:
        into[:] = bytes(len(into))
        self.reads.append(len(into))

    def close(self) -> None:
        pass

    def __str__(self) -> str:
        return "zeros"


class Nearly:
    """An upload of which nearly all parts arrived in an earlier run."""

    is_object = True
    reads_back = False
    guards_way = True
    copied_bytes = 0
    note = ""

    def __init__(self, missing: int) -> None:
        self._missing = missing
        self.kept: Mapping[int, str] = {}
        self.published: list[str] = []
        self.written: list[Part] = []

    def held(self, wanted: Expected, guard: Guard) -> Held | None:
        return None

    def adopt(self, twin: Twin, wanted: Expected, opening: Opening, guard: Guard) -> Held | None:
        return None

    def twin_for(self, other: Target, etag: str) -> Twin | None:
        return None

    def recut(self, layout: Layout, opening: Opening, guard: Guard) -> str:
        raise AssertionError

    def open(self, layout: Layout, opening: Opening, guard: Guard) -> Sink:
        assert layout.part_size_bytes == PART
        self.kept = dict.fromkeys(range(1, layout.count + 1 - self._missing), ZEROS)
        return self

    def read_back(self, part: Part, into: memoryview) -> None:
        raise AssertionError

    def write(self, part: Part, data: memoryview, md5: str | None, guard: Guard) -> str:
        self.written.append(part)
        return hashlib.md5(data).hexdigest()

    def write_stream(self, part: Part, body: StreamBody, md5: str | None, guard: Guard) -> str:
        raise AssertionError

    def publish(self, part_md5s: Sequence[str], guard: Guard) -> str:
        self.published = list(part_md5s)
        return multipart_etag(part_md5s)

    def discard(self) -> None:
        raise AssertionError

    def leave(self) -> None:
        raise AssertionError


def test_ten_thousand_parts_of_48_8_gib_are_continued_where_they_stopped() -> None:
    size_bytes = MAX_PARTS * PART
    etag = multipart_etag([ZEROS] * MAX_PARTS)
    source, target = Zeros(size_bytes, etag), Nearly(missing=6)
    known = Expected(size_bytes, "d" * 32, etag)
    [result] = copy([Job("rootfs", source, target, known)], Limits(memory_bytes=32 * MIB))
    assert (result.etag, result.proof) == (etag, Proof.ETAG)
    assert (result.moved_bytes, result.kept_bytes) == (6 * PART, size_bytes - 6 * PART)
    assert sum(source.reads) == 6 * PART
    assert sorted(part.number for part in target.written) == list(range(9995, 10_001))
    assert len(target.published) == MAX_PARTS


def test_the_completion_of_ten_thousand_parts_names_all_in_order() -> None:
    root = parse_xml(completion([(number, ZEROS) for number in range(1, MAX_PARTS + 1)]))
    numbers = [int(part.findtext("PartNumber", "")) for part in root]
    assert numbers == list(range(1, MAX_PARTS + 1))


@pytest.mark.parametrize(
    "size_bytes",
    [MAX_PARTS * PART + 1, 60 * 1024 * MIB, 156 * 1024 * MIB + 1, 1024**4 + 7, MAX_OBJECT_BYTES],
)
def test_parts_grow_so_that_ten_thousand_are_enough(size_bytes: int) -> None:
    layout = lay_out_object(size_bytes, "", 160 * MIB)
    assert layout.count == parts_for(size_bytes, layout.part_size_bytes) <= MAX_PARTS
    assert PART <= layout.part_size_bytes <= MAX_PART_BYTES
    assert layout.chunk_bytes <= 80 * MIB
    *_, last = layout.parts()
    assert last.start + last.size_bytes == size_bytes
