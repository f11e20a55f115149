# SPDX-License-Identifier: Apache-2.0
"""A disk that refuses is named, and leaves nothing half-written that is not told of."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundle.places import MantaBundle, back_up, capture, names_below, template_of
from poya.documents import Document
from poya.errors import PoyaError, StoppedPartWay, UsageError
from poya.model.records import EntityRef
from poya.sites.base import NewImage
from poya.sites.bundle import BundleTarget, open_bundle
from poya.sites.bundle.writing import not_written


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return MantaBundle(templates=[template_of("a")]).write(tmp_path / "origin")


@contextmanager
def no_file_larger_than(size_bytes: int) -> Iterator[None]:
    """What a full disk does to a write, by the limit on file sizes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_write_that_the_disk_refuses_leaves_the_file_as_it_was(
    origin: Path, tmp_path: Path
) -> None:
    place = tmp_path / "backup"
    await back_up(open_bundle(origin), place)
    before = (place / "a.json").read_bytes()
    target, ref = BundleTarget(place), EntityRef("template", "a")
    body = Document.of(template_of("a") | {"description": "x" * 50_000})
    present = await target.read(ref)
    with no_file_larger_than(20_000), pytest.raises(StoppedPartWay, match="a.json"):
        await asyncio.wait_for(target.write(ref, body, present), 5)
    assert (place / "a.json").read_bytes() == before
    await target.write(ref, body, present)
    assert await target.read(ref) == body
    assert not [n for n in names_below(place) if ".partial" in n]


@pytest.mark.parametrize(
    ("number", "kind", "word"),
    [
        (errno.ENOSPC, StoppedPartWay, "no space"),
        (errno.EDQUOT, StoppedPartWay, "no space"),
        (errno.EACCES, UsageError, "may not be written"),
        (errno.EROFS, UsageError, "may not be written"),
        (errno.ENOTDIR, UsageError, "cannot be written there"),
        (errno.EIO, StoppedPartWay, "could not be written"),
    ],
)
def test_what_the_system_refuses_is_said_with_what_to_do(
    number: int, kind: type[PoyaError], word: str
) -> None:
    error = not_written(Path("/backup/x"), OSError(number, os.strerror(number)))
    assert isinstance(error, kind)
    assert "/backup/x" in error.what
    assert word in error.what
    assert os.strerror(number) in error.why


async def test_a_directory_that_cannot_be_made_is_named(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    vcluster = await capture(origin)
    target = BundleTarget(tmp_path / "file" / "backup", vcluster)
    with pytest.raises(UsageError, match="backup"):
        await target.create_image(NewImage(vcluster.images[0].id, "cos", None, {}, "run-1"))
