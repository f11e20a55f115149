"""Initrds: whatever archives they are made of, and however these are packed."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.files import PACKERS, cpio, opened, run
from poya.errors import ImageUnreadable, TooMuchToRead
from poya.inspection.initrd import read_initrd
from poya.inspection.ranges import Limits
from strategies import QUICK

FILE, DIRECTORY, LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777
SMALL = [("bin", LINK, b"usr/bin"), ("init", FILE, b"#!/bin/sh\n"), ("usr", DIRECTORY, b"")]

PATHS = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=20)
ENTRIES = st.lists(
    st.tuples(
        PATHS.filter(lambda p: p not in (".", "..", "TRAILER!!!")),
        st.sampled_from([FILE, DIRECTORY, LINK]),
        st.binary(max_size=300),
    ),
    max_size=8,
)
SEGMENTS = st.lists(
    st.tuples(ENTRIES, st.sampled_from(sorted(PACKERS)), st.integers(0, 9)), min_size=1, max_size=4
)

Listed = list[tuple[str, int, bytes]]


def listed(data: bytes, limits: Limits | None = None) -> Listed:
    found = read_initrd(opened(data, limits or Limits()))
    return [(entry.path, entry.mode, content.read(1 << 20)) for entry, content in found]


@QUICK
@given(SEGMENTS)
def test_every_archive_of_every_segment_is_listed(
    segments: list[tuple[Listed, str, int]],
) -> None:
    data = b""
    for entries, packing, padding in segments:
        data += PACKERS[packing](cpio(entries))
        # the kernel wants plain archives on a multiple of four
        data += bytes(4 * padding + -len(data) % 4)
    wanted = [entry for entries, _, _ in segments for entry in entries]
    if wanted:
        assert listed(data) == wanted


@pytest.mark.parametrize("packing", sorted(PACKERS))
def test_contents_that_nobody_reads_are_passed_over(packing: str) -> None:
    entries = [(f"file{n}", FILE, bytes([n]) * (n * 1000 + n)) for n in range(50)]
    data = PACKERS[packing](cpio(entries))
    assert [e.path for e, _ in read_initrd(opened(data))] == [path for path, _, _ in entries]


def test_microcode_comes_first_and_the_archive_proper_after_it() -> None:
    early = cpio([("kernel/x86/microcode/AuthenticAMD.bin", FILE, bytes(1000))])
    data = early + bytes(512 - len(early) % 512) + PACKERS["zstd"](cpio(SMALL))
    assert [path for path, _, _ in listed(data)][1:] == ["bin", "init", "usr"]


def test_an_archive_may_go_on_in_a_further_gzip_member() -> None:
    whole = cpio(SMALL)
    data = PACKERS["gzip"](whole[:150]) + PACKERS["gzip"](whole[150:])
    assert listed(data) == SMALL


def test_paths_are_told_without_dots_and_slashes_around_them() -> None:
    data = cpio([(".", DIRECTORY, b""), ("./etc/", DIRECTORY, b""), ("/etc/motd", FILE, b"hi")])
    assert [path for path, _, _ in listed(data)] == ["", "etc", "etc/motd"]


@pytest.mark.parametrize("packing", sorted(PACKERS))
def test_one_that_is_cut_short_is_said_to_be(packing: str) -> None:
    data = PACKERS[packing](cpio([("noise", FILE, bytes(range(256)) * 40), *SMALL]))
    for length in (len(data) // 3, len(data) // 2):
        with pytest.raises(ImageUnreadable):
            listed(data[:length])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(4096),
        b"\x7fELF and so on",
        b"070701" + b"zzzzzzzz" * 13,
        b"070701" + b"-0000001" * 13,
        b"070701" + b"ffffffff" * 13 + b"name",
        b"\x89LZO\x00\r\n\x1a\n and so on",
        b"\x04\x22\x4d\x18 and so on",
        b"\x1f\x8b\x08\x00 no gzip",
        b"\x28\xb5\x2f\xfd no zstd",
        b"\xfd7zXZ\x00 no xz",
        PACKERS["gzip"](b"no archive"),
        PACKERS["gzip"](b""),
    ],
)  # fmt: skip
def test_whatever_is_no_initrd_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(ImageUnreadable):
        listed(data)


def test_lzo_is_named_as_what_cannot_be_read() -> None:
    with pytest.raises(ImageUnreadable, match="lzo"):
        listed(b"\x89LZO\x00\r\n\x1a\n")


@QUICK
@given(st.binary(max_size=400), st.sampled_from(sorted(PACKERS)))
def test_garbage_is_an_error_or_a_listing_and_nothing_else(data: bytes, packing: str) -> None:
    for hostile in (data, b"070701" + data, PACKERS[packing](data)):
        try:
            listed(hostile)
        except ImageUnreadable:
            continue


@QUICK
@given(st.data())
def test_a_flipped_byte_is_an_error_or_a_listing_and_nothing_else(data: st.DataObject) -> None:
    packing = data.draw(st.sampled_from(sorted(PACKERS)))
    whole = bytearray(PACKERS[packing](cpio(SMALL)))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    try:
        listed(bytes(whole))
    except ImageUnreadable:
        return


@pytest.mark.parametrize("packing", ["gzip", "xz", "zstd", "bzip2", "lz4"])
def test_a_bomb_stops_at_the_limit(packing: str) -> None:
    bomb = PACKERS[packing](cpio([("zeros", FILE, bytes(16 << 20))]))
    assert len(bomb) < 1 << 20
    limits = Limits(unpacked_bytes=4 << 20)
    ranges = opened(bomb, limits)
    with pytest.raises(TooMuchToRead, match="unpacks over 4 MiB"):
        list(read_initrd(ranges))
    assert ranges.meter.used.unpacked_bytes <= 13 << 20  # one block of lz4 more


def test_windows_that_take_more_memory_than_allowed_are_refused() -> None:
    # a zstd frame whose header asks for a window of 2 GiB
    with pytest.raises(ImageUnreadable, match="zstd"):
        listed(b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(64))


def test_requests_bytes_and_time_are_bounded() -> None:
    data = cpio([("noise", FILE, bytes(30 << 20))])
    for limits, step_s in (
        (Limits(requests=2), 0.0),
        (Limits(read_bytes=5 << 20), 0.0),
        (Limits(seconds=1), 0.9),
    ):
        with pytest.raises(TooMuchToRead):
            list(read_initrd(opened(data, limits, step_s)))


needs_cpio = pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")


@needs_cpio
@pytest.mark.parametrize("packing", ["cat", "gzip", "xz --check=crc32", "zstd", "lz4 -l", "bzip2"])
def test_it_lists_what_the_distributions_own_tools_packed(tmp_path: Path, packing: str) -> None:
    tool = packing.split(maxsplit=1)[0]
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    tree = tmp_path / "tree"
    (tree / "usr/lib/dracut/hooks/cmdline").mkdir(parents=True)
    (tree / "usr/lib/dracut/hooks/cmdline/95-parse-sbps.sh").write_text("echo sbps-s3\n")
    (tree / "lib").symlink_to("usr/lib")
    (tree / "blob").write_bytes(bytes(100_000))
    (tree / "hard").hardlink_to(tree / "blob")
    packed = tmp_path / "initrd"
    find = f"cd {tree} && find . -print0 | LC_ALL=C sort -z"
    run("sh", "-c", f"{find} | cpio -0 -o -H newc --quiet | {packing} > {packed}")
    archive = packed.read_bytes()
    unpack = "cat" if tool == "cat" else f"{tool} -dc"
    told = run("sh", "-c", f"{unpack} < {packed} | cpio -t --quiet").splitlines()
    found = [path for path, _, _ in listed(archive)]
    assert sorted(found) == sorted("" if name == "." else name for name in told)
