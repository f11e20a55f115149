# SPDX-License-Identifier: Apache-2.0
"""Records keep the bytes they were sent as; views are read from them and never written back."""

from __future__ import annotations

import json

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

import poya.csm
from csm.fakes import FakeSite, ok
from poya.csm import Image, Record, Site
from poya.documents import Document, JsonObject
from poya.errors import BadAnswer

IMAGES = "/apis/ims/v3/images"
SPELLED_ODDLY = '{ "name" : "bl\\u0075e","id":"1", "new_in_csm_9": {"n":12345678901234567890123} }'

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


async def test_an_element_of_a_list_keeps_its_own_bytes(fake: FakeSite, site: Site) -> None:
    other = '{"id":"2","name":"red"}'
    body = f"[\n {SPELLED_ODDLY},{other} ]"
    fake.on("GET", IMAGES, httpx2.Response(200, text=body))
    blue, red = await site.ims.images.list()
    assert blue.raw == SPELLED_ODDLY.encode()
    assert red.raw == other.encode()
    assert (blue.id, blue.name) == ("1", "blue")
    assert blue.document.value["new_in_csm_9"] == {"n": 12345678901234567890123}


async def test_records_are_equal_when_their_json_is(fake: FakeSite, site: Site) -> None:
    texts = ('{"id":"1","name":"a"}', '{"name": "a", "id": "1"}', '{"id":"1","name":"a","x":1}')
    fake.on("GET", IMAGES, httpx2.Response(200, text=f"[{','.join(texts)}]"))
    one, same, other = await site.ims.images.list()
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "1"


async def test_a_record_cannot_be_changed(fake: FakeSite, site: Site) -> None:
    fake.on("GET", f"{IMAGES}/1", ok({"id": "1", "name": "blue"}))
    image = await site.ims.images.get("1")
    with pytest.raises(AttributeError):
        image.name = "red"  # type: ignore[misc]


async def test_the_wire_cannot_set_the_fields_that_are_ours(fake: FakeSite, site: Site) -> None:
    body = {"id": "1", "name": "blue", "raw": 1, "document": 2, "\x7fraw": "AAAA"}
    fake.on("GET", f"{IMAGES}/1", httpx2.Response(200, content=json.dumps(body).encode()))
    image = await site.ims.images.get("1")
    assert json.loads(image.raw) == body
    assert image.document.value == body


async def test_a_key_twice_is_told_when_the_document_is_wanted(fake: FakeSite, site: Site) -> None:
    text = '{"id":"1","name":"a","metadata":{"t":"1","t":"2"}}'
    fake.on("GET", f"{IMAGES}/1", httpx2.Response(200, text=text))
    image = await site.ims.images.get("1")
    with pytest.raises(BadAnswer):
        _ = image.document


@given(st.dictionaries(st.text(), values, max_size=6))
def test_reading_editing_nothing_and_writing_keeps_the_json(value: JsonObject) -> None:
    document = Document(json.dumps(value).encode())
    assert Document.of(document.editable()) == document
    assert json.loads(Document.of(document.editable()).raw) == value


async def test_ten_thousand_images_are_listed_at_once(fake: FakeSite, site: Site) -> None:
    rows = [
        {
            "id": f"{number:08d}-0000-0000-0000-000000000000",
            "name": f"compute-{number}",
            "created": "2024-05-06T11:22:33.123456",
            "link": {
                "path": f"s3://boot-images/{number}/manifest.json",
                "etag": "e",
                "type": "s3",
            },
            "arch": "x86_64",
            "metadata": {"migrated_from": "alps", "run": f"{number}"},
        }
        for number in range(10_000)
    ]
    fake.on("GET", IMAGES, ok(rows))
    images = await site.ims.images.list()
    assert len(images) == 10_000
    assert images[-1].name == "compute-9999"


def test_every_public_name_is_exported_and_sorted() -> None:
    assert poya.csm.__all__ == sorted(poya.csm.__all__)
    assert all(hasattr(poya.csm, name) for name in poya.csm.__all__)
    assert issubclass(Image, Record)
