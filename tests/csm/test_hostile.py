# SPDX-License-Identifier: Apache-2.0
"""Whatever a site answers: a value as promised or one of poya's errors, and bounded memory."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csm.contract.catalogue import CASES, Case
from csm.fakes import FakeSite, ok
from poya.csm.http.calls import MEBIBYTE
from poya.csm.http.rows import RowSplitter
from poya.errors import BadAnswer, PoyaError

HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "an HTML page": HTML,
    "null": b"null",
    "a number": b"7",
    "a text": b'"Valid"',
    "an empty object": b"{}",
    "a list of null": b"[null]",
    "a list of numbers": b"[1,2]",
    "a list in a list": b"[[]]",
    "an object that is no record": b'{"Components":7,"items":{},"next":[],"status":"x"}',
    "cut short": b'[{"id":"x1000c0s0b0n0","na',
    "two values": b"[][]",
    "no UTF-8": b'[{"id":"\xff\xfe"}]',
    "nested deep": b"[" * 100_000,
    "no number": b'[{"id":NaN}]',
    "half a surrogate": b'[{"id":"\\ud800","name":"\\udc00"}]',
}
ANSWERED_BY_THE_RELEASE = ("cfs.dialect", "bos.version", "ims.version")
ABSENCE_IS_AN_ANSWER = ("pcs.is_there", "tapms.api")


async def outcomes(answer: httpx2.Response) -> AsyncIterator[tuple[Case, PoyaError | None]]:
    """What each call of the client comes to if everything is answered like this."""
    fake = FakeSite()
    fake.on_any(lambda _: copied(answer))
    fake.release()
    async with fake.open() as site:
        for case in CASES:
            asked_before = len(fake.requests)
            error = None
            try:
                await case.call(site)
            except PoyaError as caught:
                error = caught
            assert len(fake.requests) - asked_before < 40, case
            yield case, error


def copied(answer: httpx2.Response) -> httpx2.Response:
    return httpx2.Response(answer.status_code, content=answer.content, headers=answer.headers)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_no_answer_is_more_than_an_error_of_ours(body: bytes) -> None:
    """Nothing else than a PoyaError may come out, and no hang."""
    answer = httpx2.Response(200, content=body, headers={"Content-Type": "text/html"})
    async for case, error in outcomes(answer):
        assert error is None or error.exit_code != 70, f"{case}: {error.lines()}"


@pytest.mark.parametrize("status", [301, 400, 403, 404, 409, 418, 429, 500, 502, 503])
async def test_no_status_is_taken_for_success(status: int) -> None:
    async for case, error in outcomes(httpx2.Response(status, content=HTML)):
        if case.name not in ANSWERED_BY_THE_RELEASE + ABSENCE_IS_AN_ANSWER:
            assert error is not None, case
            assert error.exit_code != 70, case


@pytest.mark.parametrize("size_bytes", [MEBIBYTE, 10 * MEBIBYTE])
async def test_a_name_of_megabytes_is_read_and_shown_short(
    fake: FakeSite, size_bytes: int
) -> None:
    fake.on("GET", "/apis/ims/v3/images", ok([{"id": "1", "name": "n" * size_bytes}]))
    async with fake.open() as site:
        (image,) = await site.ims.images.list()
    assert len(image.name) == size_bytes
    assert len(repr(image)) < 300
    fake.on("GET", "/apis/ims/v3/images", ok([{"id": 1, "name": "n" * size_bytes}]))
    async with fake.open() as site:
        with pytest.raises(BadAnswer) as caught:
            await site.ims.images.list()
    assert sum(map(len, caught.value.lines())) < 2000


async def test_words_that_nobody_knows_are_kept(fake: FakeSite) -> None:
    row = {"ID": "x1", "Type": "Node", "State": "Melting", "Arch": "RISC-V", "New": {"a": [1]}}
    fake.on("GET", "/apis/smd/hsm/v2/State/Components", ok({"Components": [row]}))
    async with fake.open() as site:
        (node,) = await site.hsm.components.list()
    assert (node.state, node.arch) == ("Melting", "RISC-V")
    assert node.document.value == row


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/service/rest/v1/components", {"items": [], "continuationToken": "again"}),
        ("/apis/cfs/v3/configurations", {"configurations": [], "next": {"after_id": "again"}}),
    ],
)
async def test_pages_that_lead_back_end_in_an_error(
    fake: FakeSite, path: str, page: dict[str, object]
) -> None:
    fake.on("GET", path, ok(page))
    async with fake.open() as site:
        read = (
            site.nexus.components.list("r") if "rest" in path else site.cfs.configurations.list()
        )
        with pytest.raises(BadAnswer, match="not what its API promises"):
            await read
    assert len(fake.requests) < 6


async def read_until_error(stream: AsyncGenerator[object, None]) -> tuple[int, PoyaError | None]:
    seen = 0
    try:
        async for _ in stream:
            seen += 1
    except PoyaError as error:
        return seen, error
    return seen, None


async def test_a_stream_without_end_is_left_at_the_limit(fake: FakeSite) -> None:
    row = b'{"ID":"x1"},'

    async def endless() -> AsyncIterator[bytes]:
        yield b'{"Components":['
        while True:
            yield row * 1000

    fake.on("GET", ".*", lambda _: httpx2.Response(200, content=endless()))
    async with fake.open() as site:
        rows = site.hsm.components._channel.rows("/x", key="Components", limit_bytes=2 * MEBIBYTE)
        seen, error = await read_until_error(rows)
    assert error is not None
    assert "longer than 2 MiB" in error.what
    assert 0 < seen * len(row) <= 2 * MEBIBYTE


async def test_a_stream_cut_short_gives_what_came_and_then_an_error(fake: FakeSite) -> None:
    whole = b"[" + b'{"ID":"x1","Type":"Node"},' * 100_000
    fake.on("GET", ".*", lambda _: httpx2.Response(200, content=whole))
    async with fake.open() as site:
        seen, error = await read_until_error(site.hsm.hardware.stream())
    assert isinstance(error, BadAnswer)
    assert seen > 1000


OBJECTS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=8,
    ),
    max_size=4,
)


@given(
    st.lists(OBJECTS, max_size=30),
    st.sampled_from([None, "Components"]),
    st.integers(1, 40),
    st.integers(1, 60),
    st.sampled_from([(",", ":"), (", ", ": ")]),
)
def test_a_list_read_in_pieces_has_the_same_elements(
    values: list[dict[str, object]],
    key: str | None,
    piece_bytes: int,
    batch_bytes: int,
    separators: tuple[str, str],
) -> None:
    body = json.dumps(values if key is None else {key: values}, separators=separators).encode()
    splitter = RowSplitter(key, batch_bytes=batch_bytes)
    rows = []
    for start in range(0, len(body), piece_bytes):
        rows += splitter.feed(body[start : start + piece_bytes])
    rows += splitter.finish()
    assert [json.loads(bytes(row)) for row in rows] == values


@given(st.binary(max_size=60), st.integers(1, 10))
def test_garbage_in_pieces_is_an_error_or_a_list(body: bytes, piece_bytes: int) -> None:
    splitter = RowSplitter(batch_bytes=1)
    try:
        for start in range(0, len(body), piece_bytes):
            splitter.feed(body[start : start + piece_bytes])
        splitter.finish()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    else:
        assert isinstance(json.loads(body), list)
