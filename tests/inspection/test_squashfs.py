"""Root file systems: what mksquashfs makes, read through ranges."""

from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.files import Bytes, Clock, opened, run
from poya.errors import ImageUnreadable, TooMuchToRead
from poya.inspection.ranges import Limits, Meter, Metered
from poya.inspection.squashfs import FileSystem
from poya.lab.seed.squashfs import Content, Link, squashfs
from strategies import QUICK

needs_mksquashfs = pytest.mark.skipif(
    shutil.which("mksquashfs") is None, reason="mksquashfs is not installed"
)
FORMS = {
    "gzip": ["-comp", "gzip"],
    "xz": ["-comp", "xz"],
    "xz with a filter": ["-comp", "xz", "-Xbcj", "x86"],
    "zstd": ["-comp", "zstd"],
    "lz4": ["-comp", "lz4"],
    "lz4hc": ["-comp", "lz4", "-Xhc"],
    "lzma": ["-comp", "lzma"],
    "nothing packed": ["-noI", "-noD", "-noF", "-noX"],
    "small blocks, no fragments": ["-b", "4K", "-no-fragments"],
    "large blocks": ["-b", "1M", "-always-use-fragments"],
}

# a line of `unsquashfs -lls`: mode, owner, size, date, time, path, perhaps a link's target
LISTED = re.compile(r"(?P<mode>[-dlcbps][-rwxsStT]{9}) .* \d\d:\d\d (?P<path>.*?)( -> .*)?$")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of every kind and size, and a directory of many names."""
    top = tmp_path_factory.mktemp("squashfs") / "tree"
    (top / "etc/many").mkdir(parents=True)
    (top / "usr/lib").mkdir(parents=True)
    for number in range(600):
        (top / f"etc/many/file{number}").write_text(f"{number}\n" * (number % 7))
    noise = os.urandom(300_000)
    (top / "usr/lib/noise").write_bytes(noise)
    (top / "usr/lib/same").hardlink_to(top / "usr/lib/noise")
    (top / "usr/lib/repeated").write_bytes(b"poya " * 100_000)
    with (top / "usr/lib/sparse").open("wb") as sparse:
        sparse.write(b"begin")
        sparse.truncate(700_000)
    (top / "usr/lib/os-release").write_text("NAME=COS\n")
    (top / "etc/os-release").symlink_to("../usr/lib/os-release")
    (top / "etc/absolute").symlink_to("/usr/lib/os-release")
    (top / "lib").symlink_to("usr/lib")
    (top / "etc/circle").symlink_to("circle")
    (top / "etc/nowhere").symlink_to("/nowhere/at/all")
    (top / "größe").write_text("ä")
    (top / "etc/secret").write_text("s")
    (top / "etc/secret").chmod(0o4640)
    os.mkfifo(top / "etc/fifo")
    return top


def packed(tree: Path, *flags: str) -> bytes:
    out = tree.parent / "packed.squashfs"
    out.unlink(missing_ok=True)
    run("mksquashfs", str(tree), str(out), "-noappend", "-quiet", "-no-progress", *flags)
    return out.read_bytes()


def from_the_lab(files: dict[str, Content], directories: tuple[str, ...] = ()) -> bytes:
    return b"".join(squashfs(files, directories))


@needs_mksquashfs
@pytest.mark.parametrize("form", sorted(FORMS))
def test_everything_is_listed_and_read_as_it_was(tree: Path, form: str) -> None:
    files = FileSystem(opened(packed(tree, *FORMS[form])))
    seen = 0
    for found in files.walk():
        real = tree / found.path.lstrip("/")
        status, inode = real.lstat(), found.inode
        assert inode.mode == status.st_mode
        assert inode.modified_at_s == int(status.st_mtime)
        assert (files.id_of(inode.owner), files.id_of(inode.group)) == (
            status.st_uid, status.st_gid,
        )  # fmt: skip
        if inode.is_file:
            assert files.content(inode, 1 << 30) == real.read_bytes()
        if inode.is_link:
            assert inode.target.decode() == str(real.readlink())
        seen += 1
    assert seen == sum(1 for _ in tree.rglob("*")) + 1


@needs_mksquashfs
def test_it_lists_what_unsquashfs_lists(tree: Path) -> None:
    image = packed(tree)
    told = run("unsquashfs", "-lls", "-d", "", str(tree.parent / "packed.squashfs"))
    lines = [line for line in map(LISTED.match, told.splitlines()) if line]
    found = list(FileSystem(opened(image)).walk())
    assert [(stat.filemode(f.inode.mode), f.path) for f in found] == [
        (line["mode"], line["path"] or "/") for line in lines
    ]


@needs_mksquashfs
def test_lzo_is_named_as_what_cannot_be_read(tree: Path) -> None:
    image = bytearray(packed(tree))
    image[20:22] = b"\x03\x00"
    with pytest.raises(ImageUnreadable, match="lzo"):
        FileSystem(opened(bytes(image)))


@needs_mksquashfs
def test_links_are_followed_within_the_file_system(tree: Path) -> None:
    files = FileSystem(opened(packed(tree)))
    for path in ("/etc/os-release", "/etc/absolute", "lib/os-release", "/etc/../lib/./os-release"):
        assert files.read(path, 100) == b"NAME=COS\n", path
    for path in ("/etc/circle", "/etc/nowhere", "/etc/os-release/more", "/etc/fifo", "/absent"):
        assert files.read(path, 100) is None, path
    assert files.find("/") == files.root
    assert files.names("/etc/os-release") == ()
    assert len(files.names("/etc/many")) == 600


@needs_mksquashfs
def test_a_file_that_is_longer_than_wanted_is_not_read(tree: Path) -> None:
    files = FileSystem(opened(packed(tree)))
    with pytest.raises(TooMuchToRead):
        files.read("/usr/lib/noise", 1000)
    head = files.head("/usr/lib/noise", 1000)
    assert head == (tree / "usr/lib/noise").read_bytes()[:1000]


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=30)
PATHS = st.lists(NAMES.filter(lambda n: n not in (".", "..")), min_size=1, max_size=4)
TREES = st.dictionaries(
    PATHS.map(tuple), st.binary(max_size=200) | NAMES.map(Link), max_size=12
)  # fmt: skip


@QUICK
@given(TREES)
def test_whatever_tree_is_written_is_read(wanted: dict[tuple[str, ...], Content]) -> None:
    # a path that is a directory of another one cannot be a file, too
    files = {
        "/".join(path): content
        for path, content in wanted.items()
        if not any(other[: len(path)] == path for other in wanted if other != path)
    }
    found = FileSystem(opened(from_the_lab(files)))
    read = {
        one.path[1:]: Link(one.inode.target.decode())
        if one.inode.is_link
        else found.content(one.inode, 1 << 20)
        for one in found.walk()
        if not one.inode.is_directory
    }
    assert read == files


def test_a_small_file_out_of_a_large_image_costs_little() -> None:
    files: dict[str, Content] = {f"data/{n}": bytes(1 << 20) for n in range(40)}
    ranges = Bytes(from_the_lab({**files, "etc/os-release": b"NAME=COS\n"}))
    meter = Meter(Limits(), Clock())
    assert FileSystem(Metered(ranges, meter)).read("/etc/os-release", 100) == b"NAME=COS\n"
    assert meter.used.read_bytes < 1 << 20
    assert meter.used.requests < 10


def test_one_that_is_cut_short_is_said_to_be() -> None:
    whole = from_the_lab({"etc/motd": b"hello"})
    for length in range(len(whole)):
        with pytest.raises(ImageUnreadable):
            list(FileSystem(opened(whole[:length])).walk())


@pytest.mark.parametrize("data", [b"", b"hsqs", bytes(4096), b"sqsh" + bytes(92)])
def test_whatever_is_no_squashfs_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(ImageUnreadable):
        FileSystem(opened(data))


def explore(image: bytes, limits: Limits | None = None) -> None:
    """Do with an image all that can be done."""
    files = FileSystem(opened(image, limits or Limits(requests=5000), step_s=0.0001))
    for found in files.walk():
        files.id_of(found.inode.owner)
        if found.inode.is_file:
            files.content(found.inode, 1 << 20)
    files.read("/etc/link", 1000)


@QUICK
@given(st.data())
def test_flipped_bytes_are_an_error_or_a_listing_and_nothing_else(data: st.DataObject) -> None:
    whole = bytearray(
        from_the_lab(
            {
                "etc/motd": b"hello",
                "etc/link": Link("../usr/lib/noise"),
                "usr/lib/noise": bytes(range(256)) * 600,
            },
            ("var/opt",),
        )
    )
    tail = len(whole) - 600
    for _ in range(data.draw(st.integers(1, 4))):
        places = st.integers(0, 95) | st.integers(tail, len(whole) - 1)
        whole[data.draw(places)] = data.draw(st.integers(0, 255))
    try:
        explore(bytes(whole))
    except ImageUnreadable:
        return


@needs_mksquashfs
@pytest.mark.parametrize("form", ["gzip", "xz", "zstd", "lz4", "lzma"])
def test_damage_in_packed_metadata_is_an_error_or_a_listing(tree: Path, form: str) -> None:
    whole = packed(tree, *FORMS[form])
    used = int.from_bytes(whole[40:48], "little")
    tables = int.from_bytes(whole[64:72], "little")
    for place in range(tables, used, max(1, (used - tables) // 15)):
        hostile = bytearray(whole)
        hostile[place] ^= 0x55
        try:
            explore(bytes(hostile))
        except ImageUnreadable:
            continue


def patched(image: bytes, place: int, *values: tuple[int, int]) -> bytes:
    out = bytearray(image)
    for value, width in values:
        out[place : place + width] = value.to_bytes(width, "little")
        place += width
    return bytes(out)


def test_a_directory_that_holds_itself_does_not_go_round_for_ever() -> None:
    image = from_the_lab({"a/b/c": b""})
    root = int.from_bytes(image[32:40], "little")
    table = int.from_bytes(image[72:80], "little") + 2
    # every name of every listing leads to the root
    for entry in (table + 12, table + 12 + 8 + 1 + 12):
        image = patched(image, entry, (root, 2))
    with pytest.raises(ImageUnreadable):
        list(FileSystem(opened(image)).walk())
    assert FileSystem(opened(image)).find("/".join("ab" * 500)) is None or True


@pytest.mark.parametrize(
    ("place", "value", "width"),
    [
        (4, 2**32 - 1, 4),  # inodes
        (12, 3, 4),  # block size
        (12, 2**31, 4),
        (16, 2**32 - 1, 4),  # fragments
        (20, 77, 2),  # compressor
        (22, 63, 2),  # log of the block size
        (26, 65535, 2),  # ids
        (28, 5, 2),  # version
        (32, 2**64 - 1, 8),  # root
        (40, 2**64 - 1, 8),  # length
        (48, 2**64 - 1, 8),  # table of ids
        (64, 2**64 - 1, 8),  # inode table
        (72, 0, 8),  # directory table
        (80, 2**64 - 2, 8),  # fragment table
    ],
)
def test_impossible_numbers_are_errors_or_do_not_matter(
    place: int, value: int, width: int
) -> None:
    image = from_the_lab({"etc/motd": b"hello"})
    try:
        explore(patched(image, place, (value, width)))
    except ImageUnreadable:
        return


def test_a_file_that_claims_to_be_endless_is_refused() -> None:
    image = from_the_lab({"f": b"x"})
    inode = int.from_bytes(image[64:72], "little") + 2
    with pytest.raises(ImageUnreadable):
        explore(patched(image, inode + 16 + 12, (2**32 - 1, 4)))


def test_requests_and_time_are_bounded() -> None:
    files: dict[str, Content] = {f"{n}/f": bytes(200_000) for n in range(200)}
    image = from_the_lab(files)
    with pytest.raises(TooMuchToRead):
        explore(image, Limits(requests=20))
    with pytest.raises(TooMuchToRead):
        explore(image, Limits(seconds=0.01))
