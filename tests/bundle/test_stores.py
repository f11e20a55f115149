# SPDX-License-Identifier: Apache-2.0
"""Bundles that are carried: by directory, tar stream and bucket, encrypted or not, all compared."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from bundle.places import IMAGE, back_up, capture, names_below, rich_bundle
from bundle.watching import run
from poya.errors import BundleDamaged, BundleUntrusted, DataDamaged, PoyaError, UsageError
from poya.sites.bundle import examine, open_bundle
from poya.sites.bundle.stores import FolderStore, Landing, TarStore, parcel_of
from poya.sites.bundle.stores.base import Work
from poya.sites.bundle.stores.sealing import identities_of, recipients_of, sealed, unsealed
from poya.sites.bundle.trust import TrustPolicy, new_secret_key, sign
from poya.transfer import Cancel

ROOTFS = f"{IMAGE}/rootfs"
WORK = Work(Cancel())


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pristine")
    rich_bundle().write(place / "origin")
    asyncio.run(back_up(open_bundle(place / "origin"), place / "b"))
    key = new_secret_key()
    (place / "b" / "bundle.json.minisig").write_bytes(
        sign((place / "b" / "bundle.json").read_bytes(), key, "ours")
    )
    (place / "key.pub").write_bytes(key.public().file())
    return place


@pytest.fixture
def bundle(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine / "b", tmp_path / "b")


def contents(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in names_below(directory)}


def tar_of(bundle: Path) -> bytes:
    stream = io.BytesIO()
    TarStore(stream, "x").write(parcel_of(bundle), WORK)
    return stream.getvalue()


def land(raw: bytes, directory: Path, policy: TrustPolicy | None = None) -> None:
    landing = Landing(directory, policy or TrustPolicy())
    TarStore(io.BytesIO(raw), "x.tar").read(landing, WORK)


def test_a_tar_brings_the_same_files(bundle: Path, tmp_path: Path) -> None:
    land(tar_of(bundle), tmp_path / "new")
    assert contents(tmp_path / "new") == contents(bundle)
    assert examine(tmp_path / "new", is_deep=True).damaged() == ()


def test_a_folder_brings_the_same_files(bundle: Path, tmp_path: Path) -> None:
    FolderStore(tmp_path / "away").write(parcel_of(bundle), WORK)
    FolderStore(tmp_path / "away").read(Landing(tmp_path / "new"), WORK)
    assert contents(tmp_path / "new") == contents(tmp_path / "away") == contents(bundle)


def test_the_index_comes_first_and_tar_itself_can_read_it(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tar_of(bundle))
    listed = subprocess.run(
        ["tar", "tf", tmp_path / "x.tar"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert listed[:2] == ["bundle.json", "bundle.json.minisig"]
    assert set(listed) == names_below(bundle)


def test_what_gnu_tar_packs_is_read_if_the_index_is_first(bundle: Path, tmp_path: Path) -> None:
    names = ["bundle.json", *sorted(names_below(bundle) - {"bundle.json", "bundle.json.minisig"})]
    packed = subprocess.run(
        ["tar", "c", "-C", bundle, *names], capture_output=True, check=True
    ).stdout
    land(packed, tmp_path / "new")
    assert contents(tmp_path / "new").keys() == set(names)


def test_a_damaged_file_is_not_carried(bundle: Path, tmp_path: Path) -> None:
    content = bytearray((bundle / ROOTFS).read_bytes())
    content[1000] ^= 1
    (bundle / ROOTFS).write_bytes(bytes(content))
    with pytest.raises(DataDamaged, match="rootfs"):
        tar_of(bundle)
    with pytest.raises(DataDamaged, match="rootfs"):
        FolderStore(tmp_path / "away").write(parcel_of(bundle), WORK)
    assert not (tmp_path / "away" / "bundle.json").exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.97])
def test_a_tar_that_is_cut_is_no_bundle_and_a_whole_one_completes_it(
    share: float, bundle: Path, tmp_path: Path
) -> None:
    raw = tar_of(bundle)
    with pytest.raises(BundleDamaged):
        land(raw[: int(len(raw) * share)], tmp_path / "new")
    assert not (tmp_path / "new" / "bundle.json").exists()
    land(raw, tmp_path / "new")
    assert contents(tmp_path / "new") == contents(bundle)


def test_every_flipped_bit_of_a_tar_is_noticed_or_means_nothing(
    bundle: Path, tmp_path: Path
) -> None:
    raw = tar_of(bundle)
    index = (bundle / "bundle.json").read_bytes()
    start = raw.index(index)
    of_the_index = range(start, start + len(index), 23)
    for number, at in enumerate({*of_the_index, *range(700, len(raw), len(raw) // 40)}):
        changed = bytearray(raw)
        changed[at] ^= 4
        place = tmp_path / f"new{number}"
        try:
            land(bytes(changed), place)
        except PoyaError:
            continue
        assert contents(place) == contents(bundle)


Member = tuple[tarfile.TarInfo, bytes | None]


def repack(raw: bytes, change: Callable[[list[Member]], object]) -> bytes:
    """The archive with its members changed."""
    members: list[Member] = []
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        for info in archive:
            file = archive.extractfile(info)
            members.append((info, file.read() if file else None))
    change(members)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content) if content is not None else None)
    return out.getvalue()


def member(
    name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> Member:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    return info, content


def insert(at: int, added: Member) -> Callable[[list[Member]], object]:
    return lambda members: members.insert(at, added)


def rename(members: list[Member]) -> None:
    members[-1][0].name = "../../outside"


def swap(members: list[Member]) -> None:
    members[0], members[-1] = members[-1], members[0]


def twice(members: list[Member]) -> None:
    info, content = members[-1]
    members.append((info, (content or b"")[::-1]))


def link_rootfs(members: list[Member]) -> None:
    place = next(n for n, (info, _) in enumerate(members) if info.name == ROOTFS)
    members[place] = member(ROOTFS, b"", tarfile.SYMTYPE, "/etc/passwd")


def long_header(members: list[Member]) -> None:
    members[1][0].pax_headers = {"comment": "x" * 100_000}


HOSTILE: dict[str, Callable[[list[Member]], object]] = {
    "a file upwards": rename,
    "a file that the index does not name": insert(3, member("evil")),
    "an absolute file": insert(3, member("/tmp/evil")),
    "a hidden file": insert(3, member(".bashrc")),
    "a second index": insert(3, member("bundle.json")),
    "a symbolic link": link_rootfs,
    "a link beside": insert(3, member("x", b"", tarfile.SYMTYPE, "/etc")),
    "a hard link": insert(3, member("x", b"", tarfile.LNKTYPE, "/etc/passwd")),
    "a device": insert(3, member("x", b"", tarfile.CHRTYPE)),
    "a pipe": insert(3, member("x", b"", tarfile.FIFOTYPE)),
    "the index last": swap,
    "no index": lambda members: members.pop(0),
    "a file twice, differently": twice,
    "a missing file": lambda members: members.pop(),
    "a header of 100 kB": long_header,
    "an index of 9 MiB": lambda m: m.__setitem__(0, member("bundle.json", b" " * 9 * 1024**2)),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_tar_is_refused_and_nothing_is_written_outside(
    change: Callable[[list[Member]], object], bundle: Path, tmp_path: Path
) -> None:
    raw = repack(tar_of(bundle), change)
    place = tmp_path / "deep" / "new"
    with pytest.raises(PoyaError):
        land(raw, place)
    named = examine(bundle, is_deep=False).index.files.keys()
    written = names_below(tmp_path / "deep")
    assert written <= {f"new/{n}" for n in [*named, "bundle.json.arriving"]}
    assert not any(path.is_symlink() for path in (tmp_path / "deep").rglob("*"))


def test_an_archive_may_have_directories_and_dots_before_its_names(
    bundle: Path, tmp_path: Path
) -> None:
    def change(members: list[Member]) -> None:
        for info, _ in members:
            info.name = f"./{info.name}"
        folder = tarfile.TarInfo(f"./{IMAGE}")
        folder.type = tarfile.DIRTYPE
        members.insert(0, (folder, None))

    land(repack(tar_of(bundle), change), tmp_path / "new")
    assert contents(tmp_path / "new") == contents(bundle)


@pytest.mark.parametrize(
    "raw", [b"", b"x", b"\0" * 10_240, b"PK\3\4" + b"x" * 2000, os.urandom(5000)]
)
def test_what_is_no_tar_is_refused(raw: bytes, tmp_path: Path) -> None:
    with pytest.raises(BundleDamaged):
        land(raw, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_landing_demands_its_signature_before_it_writes(
    bundle: Path, pristine: Path, tmp_path: Path
) -> None:
    from poya.sites.bundle.trust import read_public_key

    ours = read_public_key(str(pristine / "key.pub"))
    land(tar_of(bundle), tmp_path / "new", TrustPolicy((ours,), must_be_signed=True))
    other = TrustPolicy((new_secret_key().public(),), must_be_signed=True)
    with pytest.raises(BundleUntrusted):
        land(tar_of(bundle), tmp_path / "other", other)
    assert not (tmp_path / "other").exists()


def test_a_landing_leaves_what_is_there_alone(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").write_text("mine")
    with pytest.raises(UsageError, match="something else"):
        land(tar_of(bundle), tmp_path / "new")
    assert names_below(tmp_path / "new") == {"mine"}


def test_a_landing_goes_through_no_link(bundle: Path, tmp_path: Path) -> None:
    raw = tar_of(bundle)
    with pytest.raises(BundleDamaged):
        land(raw[: len(raw) // 2], tmp_path / "new")
    shutil.rmtree(tmp_path / "new" / IMAGE)
    (tmp_path / "outside").mkdir()
    (tmp_path / "new" / IMAGE).symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match="link"):
        land(raw, tmp_path / "new")
    assert names_below(tmp_path / "outside") == set()


# age


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    path = tmp_path / "key.txt"
    path.write_text(f"# made for a test\n{pyrage.x25519.Identity.generate()}\n")
    return path


def recipient(identity: Path) -> str:
    line = identity.read_text().splitlines()[-1]
    return str(pyrage.x25519.Identity.from_str(line).to_public())


def seal(raw: bytes, identity: Path) -> bytes:
    out = io.BytesIO()
    with sealed(out, recipients_of([recipient(identity)])) as plain:
        plain.write(raw)
    return out.getvalue()


def unseal_and_land(raw: bytes, identity: Path, place: Path) -> None:
    with unsealed(io.BytesIO(raw), identities_of([str(identity)])) as plain:
        TarStore(plain, "x.tar.age").read(Landing(place), WORK)


def test_an_encrypted_bundle_comes_back(bundle: Path, identity: Path, tmp_path: Path) -> None:
    raw = seal(tar_of(bundle), identity)
    assert b"gele" not in raw
    unseal_and_land(raw, identity, tmp_path / "new")
    assert contents(tmp_path / "new") == contents(bundle)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.9999])
def test_an_encrypted_bundle_that_is_cut_is_refused(
    share: float, bundle: Path, identity: Path, tmp_path: Path
) -> None:
    raw = seal(tar_of(bundle), identity)
    with pytest.raises(BundleDamaged):
        unseal_and_land(raw[: int(len(raw) * share)], identity, tmp_path / "new")


def test_an_encrypted_bundle_that_is_altered_is_refused(
    bundle: Path, identity: Path, tmp_path: Path
) -> None:
    raw = bytearray(seal(tar_of(bundle), identity))
    raw[len(raw) // 2] ^= 1
    with pytest.raises(BundleDamaged):
        unseal_and_land(bytes(raw), identity, tmp_path / "new")
    assert not (tmp_path / "new" / "bundle.json").exists()


def test_another_identity_does_not_open_it(bundle: Path, identity: Path, tmp_path: Path) -> None:
    raw = seal(tar_of(bundle), identity)
    identity.write_text(f"{pyrage.x25519.Identity.generate()}\n")
    with pytest.raises(BundleDamaged, match="cannot be decrypted"):
        unseal_and_land(raw, identity, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_bundle_that_broke_off_has_no_valid_end(identity: Path) -> None:
    out = io.BytesIO()

    def break_off() -> None:
        with sealed(out, recipients_of([recipient(identity)])) as plain:
            plain.write(b"x" * 1_000_000)
            raise DataDamaged("damaged on the way")

    with pytest.raises(DataDamaged, match="damaged on the way"):
        break_off()
    with (
        pytest.raises(BundleDamaged),
        unsealed(io.BytesIO(out.getvalue()), identities_of([str(identity)])) as plain,
    ):
        plain.read()


@pytest.mark.parametrize("text", ["age1nonsense", "ssh-ed25519 AAAA", "/no/such/file"])
def test_what_is_no_recipient_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        recipients_of([text])


def test_an_identity_is_in_no_message(tmp_path: Path) -> None:
    path = tmp_path / "key.txt"
    path.write_text("AGE-SECRET-KEY-1NONSENSE\n")
    with pytest.raises(UsageError) as caught:
        identities_of([str(path)])
    assert "NONSENSE" not in "".join(caught.value.lines())


@pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")
def test_age_itself_opens_what_we_seal_and_we_what_it_seals(
    bundle: Path, identity: Path, tmp_path: Path
) -> None:
    raw = tar_of(bundle)
    opened = subprocess.run(
        ["age", "-d", "-i", identity], input=seal(raw, identity), capture_output=True, check=True
    )
    assert opened.stdout == raw
    by_age = subprocess.run(
        ["age", "-r", recipient(identity)], input=raw, capture_output=True, check=True
    ).stdout
    unseal_and_land(by_age, identity, tmp_path / "new")
    assert contents(tmp_path / "new") == contents(bundle)


# Parts with secrets


def with_a_secret(place: Path) -> Path:
    """A bundle whose template `Green/2` has a password among its kernel parameters."""
    bundle = rich_bundle()
    uan = bundle.templates[1]["boot_sets"]["uan"]
    uan["kernel_parameters"] = "quiet ldap_password=s3cret"
    asyncio.run(back_up(open_bundle(bundle.write(place / "origin")), place / "secret"))
    return place / "secret"


def test_only_the_parts_with_secrets_are_encrypted(tmp_path: Path, identity: Path) -> None:
    bundle, away = with_a_secret(tmp_path), tmp_path / "away"
    export = ("bundle", "export", str(bundle), str(away), "--encrypt-to", recipient(identity))
    assert run(*export)[0] == 0
    names = names_below(bundle)
    assert names_below(away) == names - {"Green%2F2.json"} | {"Green%2F2.json.age"}
    assert all(b"s3cret" not in content for content in contents(away).values())
    found = examine(away, is_deep=True)
    assert [(f.file, f.verdict) for f in found.files if f.verdict != "ok"] == [
        ("Green%2F2.json", "encrypted")
    ]
    assert found.restorable() == ("Blue",)
    assert run("bundle", "import", str(away), str(tmp_path / "closed"))[0] == 2
    back = ("bundle", "import", str(away), str(tmp_path / "back"), "-i", str(identity))
    assert run(*back)[0] == 0
    assert contents(tmp_path / "back") == contents(bundle)


def test_another_file_in_the_place_of_an_encrypted_part_is_refused(
    tmp_path: Path, identity: Path
) -> None:
    bundle, away = with_a_secret(tmp_path), tmp_path / "away"
    export = ("bundle", "export", str(bundle), str(away), "--encrypt-to", recipient(identity))
    assert run(*export)[0] == 0
    content = (bundle / "Green%2F2.json").read_bytes().replace(b"s3cret", b"public")
    (away / "Green%2F2.json.age").write_bytes(seal(content, identity))
    code, _, err = run("bundle", "import", str(away), str(tmp_path / "n"), "-i", str(identity))
    assert code == 10
    assert "Green%2F2.json is not what the index says" in err
    assert not (tmp_path / "n" / "bundle.json").exists()


# The commands


def test_export_and_import_by_file(bundle: Path, identity: Path, tmp_path: Path) -> None:
    sealed_file = tmp_path / "b.tar.age"
    args = ("bundle", "export", str(bundle), str(sealed_file))
    assert run(*args)[0] == 2  # to nobody
    assert run(*args, "--encrypt-to", recipient(identity))[0] == 0
    assert run(*args, "--encrypt-to", recipient(identity))[0] == 2  # it is there
    new = tmp_path / "new"
    assert run("bundle", "import", str(sealed_file), str(new))[0] == 2  # no identity
    code, _, err = run("bundle", "import", str(sealed_file), str(new), "-i", str(identity))
    assert code == 0, err
    assert "all as the index says" in err
    assert contents(new) == contents(bundle)
    assert not list(tmp_path.glob("*.partial"))


def test_export_and_import_by_directory_and_pipe(bundle: Path, tmp_path: Path) -> None:
    import sys

    poya = [sys.executable, "-m", "poya", "bundle"]
    out = subprocess.run([*poya, "export", bundle, "-"], capture_output=True, check=True).stdout
    subprocess.run([*poya, "import", "-", tmp_path / "new"], input=out, check=True)
    assert contents(tmp_path / "new") == contents(bundle)
    assert run("bundle", "export", str(bundle), str(tmp_path / "away"))[0] == 0
    assert run("bundle", "import", str(tmp_path / "away"), str(tmp_path / "back"))[0] == 0
    assert contents(tmp_path / "back") == contents(bundle)


def test_a_tar_of_a_damaged_bundle_does_not_appear(bundle: Path, tmp_path: Path) -> None:
    (bundle / ROOTFS).write_bytes(b"x" * (bundle / ROOTFS).stat().st_size)
    assert run("bundle", "export", str(bundle), str(tmp_path / "b.tar"))[0] in (10, 13)
    assert not (tmp_path / "b.tar").exists()
    assert not list(tmp_path.glob("*.partial"))


async def test_what_was_carried_captures_equal(bundle: Path, tmp_path: Path) -> None:
    land(tar_of(bundle), tmp_path / "new")
    before, after = await capture(bundle), await capture(tmp_path / "new")
    assert (after.templates, after.groups, after.images) == (
        before.templates,
        before.groups,
        before.images,
    )
