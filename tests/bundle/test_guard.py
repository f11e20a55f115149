# SPDX-License-Identifier: Apache-2.0
"""An index that is not as it was written is noticed, whichever bit of it, wherever it is kept."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bundle.places import IMAGE, MantaBundle, back_up, capture, names_below, put_index
from bundle.watching import configure, run, watched_target
from poya.errors import BundleDamaged, PoyaError
from poya.sites.bundle import BundleTarget, examine, open_bundle
from poya.sites.bundle.indexed import parse_index
from poya.sites.bundle.stores import FolderStore, Landing, TarStore, parcel_of
from poya.sites.bundle.stores.base import Work
from poya.transfer import Cancel

WORK = Work(Cancel())
KERNEL = f"{IMAGE}/kernel"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pristine")
    origin = MantaBundle().write(place / "origin")
    asyncio.run(back_up(open_bundle(origin), place / "b"))
    return place / "b"


@pytest.fixture
def bundle(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "b")


def flips(raw: bytes, places: range, bits: range = range(8)) -> Iterator[bytes]:
    """The bytes with one bit changed, for every bit of every place."""
    for at in places:
        for bit in bits:
            changed = bytearray(raw)
            changed[at] ^= 1 << bit
            yield bytes(changed)


def is_read(raw: bytes) -> bool:
    try:
        parse_index(raw, "x")
    except BundleDamaged:
        return False
    return True


def test_every_flipped_bit_of_an_index_is_noticed(pristine: Path) -> None:
    raw = (pristine / "bundle.json").read_bytes()
    assert is_read(raw)
    missed = [changed for changed in flips(raw, range(len(raw))) if is_read(changed)]
    assert missed == []


def test_every_cut_of_an_index_is_noticed(pristine: Path) -> None:
    raw = (pristine / "bundle.json").read_bytes()
    assert [length for length in range(len(raw)) if is_read(raw[:length])] == []


def smallest(place: Path) -> Path:
    """A bundle of one configuration: its whole archive is a few kilobytes."""
    index = {
        "format": "poya-bundle",
        "version": 1,
        "vcluster": "gele",
        "origin": {"site": "alps", "tool": "poya", "created": "2026-11-24T04:50:11Z"},
        **{member: [] for member in ("templates", "groups", "images", "nodes")},
        "configurations": [],
        "files": {},
    }
    place.mkdir()
    put_index(place, index)
    return place


def archive_of(directory: Path) -> bytes:
    stream = io.BytesIO()
    TarStore(stream, "x").write(parcel_of(directory), WORK)
    return stream.getvalue()


def without_headers(archive: bytes) -> bytes:
    """The archive as others pack it: nothing in it tells a digest of the index."""
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as old,
        tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as new,
    ):
        for info in old:
            new.addfile(info, old.extractfile(info))
    return out.getvalue()


@pytest.mark.parametrize("packed_by", ["poya", "tar"])
def test_every_flipped_bit_of_an_archive_is_noticed_or_means_nothing(
    packed_by: str, tmp_path: Path
) -> None:
    index = (smallest(tmp_path / "b") / "bundle.json").read_bytes()
    archive = archive_of(tmp_path / "b")
    if packed_by == "tar":
        archive = without_headers(archive)
    end = archive.index(index) + len(index)
    bits = range(8) if packed_by == "tar" else range(2, 3)
    refused = 0
    for changed in flips(archive, range(end), bits):
        place = tmp_path / "landed"
        try:
            TarStore(io.BytesIO(changed), "x.tar").read(Landing(place), WORK)
        except PoyaError:
            refused += 1
            continue
        assert (place / "bundle.json").read_bytes() == index
        assert names_below(place) == {"bundle.json"}
    assert refused >= len(bits) * len(index)


def test_the_digest_is_what_the_documented_command_computes(pristine: Path) -> None:
    computed = subprocess.run(
        ["sh", "-c", "head -n -2 bundle.json | sha256sum"],
        cwd=pristine,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[0]
    index = json.loads((pristine / "bundle.json").read_bytes())
    assert list(index)[-1] == "sha256"
    assert index["sha256"] == computed


def other(text: str, old: str, new: str) -> str:
    assert old in text
    assert len(old) == len(new)
    return text.replace(old, new, 1)


# One of each kind of member: still a valid index, and another one.
FIELDS: dict[str, tuple[str, str]] = {
    "vcluster": ('"vcluster": "gele"', '"vcluster": "gelf"'),
    "tool": ('"tool": "poya', '"tool": "pova'),
    "time": ('"created": "20', '"created": "30'),
    "name": ('"name": "cos"', '"name": "cor"'),
    "manifest's place": ('"manifest_path": "s3://b', '"manifest_path": "s3://c'),
    "artifact's name": ('"name": "initrd"', '"name": "initre"'),
    "artifact's place": (f'boot-images/{IMAGE}/rootfs"', f'boot-images/{IMAGE}/rootft"'),
    "etag": ('"etag": "0000', '"etag": "1000'),
    "name of a member": ('"hardware"', '"hardwara"'),
    "name of the digest": ('"sha256": "', '"sha257": "'),
}
VERBS: dict[str, tuple[str, ...]] = {
    "verify": ("bundle", "verify"),
    "inspect": ("bundle", "inspect"),
    "restore": ("migrate", "restore", "--yes", "--bundle"),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
@pytest.mark.parametrize(("old", "new"), FIELDS.values(), ids=FIELDS)
def test_each_command_notices_an_altered_index_and_says_so(
    old: str, new: str, verb: tuple[str, ...], bundle: Path, tmp_path: Path
) -> None:
    path = bundle / "bundle.json"
    text = path.read_text()
    if "sha257" in new:  # the last one, not that of a file
        head, _, tail = text.rpartition(old)
        path.write_text(f"{head}{new}{tail}")
    else:
        path.write_text(other(text, old, new))
    with watched_target() as target:
        config = configure(tmp_path, target)
        code, _, err = run("--config", str(config), *verb, str(bundle))
        assert target.knocks == []
    assert code == 10
    words = " ".join(err.split())
    assert f"The index {path} is damaged." in words
    assert "altered after it was written" in words


def test_an_index_that_a_tool_has_written_anew_is_not_believed(bundle: Path) -> None:
    path = bundle / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_bytes())))
    with pytest.raises(BundleDamaged) as caught:
        examine(bundle, is_deep=False)
    assert "not its last line" in caught.value.why


def without_digest(directory: Path) -> Any:
    index = json.loads((directory / "bundle.json").read_bytes())
    del index["sha256"]
    (directory / "bundle.json").write_text(json.dumps(index, indent=2))
    return index


def test_an_index_without_a_digest_is_taken_and_that_is_told(bundle: Path) -> None:
    without_digest(bundle)
    assert not examine(bundle, is_deep=True).is_guarded
    code, out, _ = run("bundle", "verify", str(bundle))
    assert code == 0
    assert "The index carries no digest of itself" in out
    assert "carries no digest of itself" in run("bundle", "inspect", str(bundle))[1]
    told = [gap.id for gap in asyncio.run(capture(bundle)).gaps]
    assert told == ["index-unguarded"]


async def test_a_backup_that_is_gone_on_with_gets_a_digest(bundle: Path) -> None:
    index = without_digest(bundle)
    index["files"][KERNEL]["sha256"] = None
    (bundle / "bundle.json").write_text(json.dumps(index))
    target = BundleTarget(bundle)
    await target.publish_manifest(IMAGE, (bundle / IMAGE / "manifest.json").read_bytes())
    found = examine(bundle, is_deep=True)
    assert found.is_guarded
    assert found.damaged() == ()


def test_a_folder_passes_the_digest_on(bundle: Path, tmp_path: Path) -> None:
    FolderStore(tmp_path / "away").write(parcel_of(bundle), WORK)
    assert (tmp_path / "away" / "bundle.json").read_bytes() == (
        bundle / "bundle.json"
    ).read_bytes()
