# SPDX-License-Identifier: Apache-2.0
"""Signatures are minisign's; what is not signed as a site demands never reaches it."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle.places import IMAGE, MantaBundle, back_up, capture, put_index, rich_bundle
from bundle.watching import Target, configure, run, watched_target
from poya.errors import BundleUntrusted, UsageError
from poya.model.vcluster import Selector
from poya.sites.bundle import BundleTarget, open_bundle
from poya.sites.bundle.trust import (
    TrustPolicy,
    check,
    judge,
    new_secret_key,
    parse_signature,
    read_public_key,
    read_secret_key,
    sign,
)
from poya.sites.bundle.trust.keys import _scrypt_cost

MINISIGN = shutil.which("minisign")
needs_minisign = pytest.mark.skipif(MINISIGN is None, reason="minisign is not installed")

# Made with minisign 0.10: -G -W, and -S -m of the six bytes "hello\n" with -t 'trusted words'.
PUBLIC = "RWTHLDwd/EWQse7wlrEgC6qkXecR6sos6WRxcg+ZKTwehbbeHh65KWRX"
SIGNATURE = b"""untrusted comment: signature from minisign secret key
RUTHLDwd/EWQsSQ+8Eq9ymyAofueOr4CY4X870n+/cVS2IG4E8UnE5e0stKBerulnhrZlJCQn6jcaBFtJR/C8yDVBcG08Rjxww0=
trusted comment: trusted words
4n9NbbCC6U4Nm57tN0iM5QpDDF+Db0sAvustEWteo1JAOxsqKQpQKNTvIyIeGD79yegtgT27QHcG7E0+dNEzBQ==
"""


def minisign(*args: str | Path, answer: str = "") -> subprocess.CompletedProcess[str]:
    assert MINISIGN is not None
    return subprocess.run(
        [MINISIGN, *map(str, args)], capture_output=True, text=True, input=answer, check=False
    )


def test_reads_what_minisign_made() -> None:
    key = read_public_key(PUBLIC)
    assert key.name == "B19045FC1D3C2CC7"
    found = parse_signature(SIGNATURE, "x")
    check(b"hello\n", found, key, "x")
    assert found.comment == "trusted words"


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: s.replace(b"trusted words", b"trusted worms"),
        lambda s: s.replace(b"RUTH", b"RWTH"),
        lambda s: s.replace(b"pQKNTv", b"pQKNTw"),
        lambda s: s.replace(b"SQ+8Eq", b"SQ+8Er"),
    ],
)
def test_a_signature_that_was_touched_is_wrong(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BundleUntrusted):
        check(b"hello\n", parse_signature(damage(SIGNATURE), "x"), read_public_key(PUBLIC), "x")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"untrusted comment: x\n",
        SIGNATURE[:100],
        SIGNATURE.replace(b"untrusted comment: ", b"comment: "),
        SIGNATURE + b"more\n",
        SIGNATURE.replace(b"RUTH", b"RXTH"),
        SIGNATURE.replace(b"RUTH", b"!!!!"),
        b"untrusted comment: " + b"x" * 20_000 + b"\n" + SIGNATURE.partition(b"\n")[2],
    ],
)
def test_what_is_no_signature_is_refused(raw: bytes) -> None:
    with pytest.raises(BundleUntrusted, match="not a signature"):
        parse_signature(raw, "x")


@given(
    content=st.binary(max_size=200), comment=st.text(max_size=40), other=st.binary(max_size=200)
)
def test_a_signature_proves_its_bytes_and_no_others(
    content: bytes, comment: str, other: bytes
) -> None:
    key = new_secret_key()
    try:
        comment.encode()
    except UnicodeEncodeError:
        comment = ""
    found = parse_signature(sign(content, key, comment), "x")
    check(content, found, key.public(), "x")
    assert found.comment == " ".join(comment.split())
    if other != content:
        with pytest.raises(BundleUntrusted):
            check(other, found, key.public(), "x")
    with pytest.raises(BundleUntrusted):
        check(content, found, new_secret_key().public(), "x")


def test_a_secret_is_in_no_repr(tmp_path: Path) -> None:
    key = new_secret_key()
    assert key.seed.hex() not in repr(key)
    assert repr(key.seed) not in repr(key)


@pytest.mark.parametrize(
    ("limits", "cost"),
    [((33_554_432, 1_073_741_824), (1 << 20, 1)), ((524_288, 16_777_216), (1 << 14, 1))],
)
def test_the_cost_of_a_password_is_libsodiums(
    limits: tuple[int, int], cost: tuple[int, int]
) -> None:
    # "sensitive" and "interactive" of crypto_pwhash_scryptsalsa208sha256.
    assert _scrypt_cost(*limits) == cost


@needs_minisign
def test_minisign_accepts_our_keys_and_signatures(tmp_path: Path) -> None:
    assert run("bundle", "keygen", str(tmp_path / "k"))[0] == 0
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    (tmp_path / "f").write_bytes(b"index")
    key = read_secret_key(tmp_path / "k")
    (tmp_path / "f.minisig").write_bytes(sign(b"index", key, "said by us"))
    done = minisign("-V", "-p", tmp_path / "k.pub", "-m", tmp_path / "f")
    assert done.returncode == 0, done.stderr
    assert "said by us" in done.stdout
    done = minisign("-S", "-s", tmp_path / "k", "-m", tmp_path / "f")
    assert done.returncode == 0, done.stderr
    check(b"index", parse_signature((tmp_path / "f.minisig").read_bytes(), "f"), key.public(), "f")


@needs_minisign
def test_reads_keys_and_legacy_signatures_of_minisign(tmp_path: Path) -> None:
    public, secret = tmp_path / "k.pub", tmp_path / "k.key"
    assert minisign("-G", "-W", "-p", public, "-s", secret).returncode == 0
    (tmp_path / "f").write_bytes(b"index")
    key = read_secret_key(secret)
    assert key.public() == read_public_key(str(public))
    for option in ([], ["-l"]):
        assert minisign("-S", *option, "-s", secret, "-m", tmp_path / "f").returncode == 0
        found = parse_signature((tmp_path / "f.minisig").read_bytes(), "f")
        assert found.is_prehashed == (not option)
        check(b"index", found, key.public(), "f")


@needs_minisign
@pytest.mark.slow
def test_reads_a_key_of_minisigns_with_a_password(tmp_path: Path) -> None:
    public, secret = tmp_path / "k.pub", tmp_path / "k.key"
    done = minisign("-G", "-p", public, "-s", secret, answer="so secret\nso secret\n")
    assert done.returncode == 0, done.stderr
    assert read_secret_key(secret, "so secret").public() == read_public_key(str(public))
    with pytest.raises(UsageError, match="password"):
        read_secret_key(secret, "wrong")


@pytest.mark.parametrize("text", ["RWQabc", "/no/such/file", "x" * 56, ""])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_public_key(text)


# A bundle, signed and restored.


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import asyncio

    place = tmp_path_factory.mktemp("pristine")
    origin = MantaBundle().write(place / "origin")
    asyncio.run(back_up(open_bundle(origin), place / "backup"))
    assert run("bundle", "keygen", str(place / "ours"))[0] == 0
    assert run("bundle", "keygen", str(place / "theirs"))[0] == 0
    return place


@pytest.fixture
def signed(pristine: Path, tmp_path: Path) -> Path:
    backup = shutil.copytree(pristine / "backup", tmp_path / "backup")
    code, out, err = run("bundle", "sign", str(backup), "--key", str(pristine / "ours"))
    assert code == 0, err
    assert "Signed" in out
    return backup


def policy(pristine: Path, *names: str, must: bool = True) -> TrustPolicy:
    return TrustPolicy(tuple(read_public_key(str(pristine / f"{n}.pub")) for n in names), must)


def gap_ids(directory: Path, wanted: TrustPolicy) -> list[str]:
    import asyncio

    vcluster = asyncio.run(open_bundle(directory, policy=wanted).capture(Selector()))
    return [gap.id for gap in vcluster.gaps]


def test_a_signed_bundle_is_restored_where_signatures_are_demanded(
    signed: Path, pristine: Path
) -> None:
    assert gap_ids(signed, policy(pristine, "theirs", "ours")) == ["bundle-signed"]


def test_a_signature_of_somebody_else_is_refused_or_told(signed: Path, pristine: Path) -> None:
    with pytest.raises(BundleUntrusted, match="not signed by anybody who is trusted"):
        open_bundle(signed, policy=policy(pristine, "theirs"))
    assert gap_ids(signed, policy(pristine, "theirs", must=False)) == ["bundle-unsigned"]
    assert gap_ids(signed, TrustPolicy()) == []


def test_an_altered_index_is_refused_whatever_the_policy(signed: Path, pristine: Path) -> None:
    path = signed / "bundle.json"
    path.write_bytes(path.read_bytes().replace(b'"gele"', b'"hele"', 1))
    for must in (True, False):
        with pytest.raises(BundleUntrusted, match="is wrong"):
            open_bundle(signed, policy=policy(pristine, "ours", must=must))


def test_a_bundle_without_a_signature_is_refused_or_told(signed: Path, pristine: Path) -> None:
    (signed / "bundle.json.minisig").unlink()
    with pytest.raises(BundleUntrusted, match="is not signed"):
        open_bundle(signed, policy=policy(pristine, "ours"))
    assert gap_ids(signed, policy(pristine, "ours", must=False)) == ["bundle-unsigned"]
    manta = MantaBundle().write(signed.parent / "manta")
    with pytest.raises(BundleUntrusted, match="is not signed"):
        open_bundle(manta, policy=policy(pristine, "ours"))


def test_another_bundles_signature_does_not_fit(signed: Path, pristine: Path) -> None:
    other = shutil.copytree(pristine / "backup", signed.parent / "other")
    index = json.loads((other / "bundle.json").read_bytes())
    index["vcluster"] = "other"
    put_index(other, index)
    shutil.copy(signed / "bundle.json.minisig", other)
    with pytest.raises(BundleUntrusted, match="is wrong"):
        open_bundle(other, policy=policy(pristine, "ours"))


def test_a_damaged_bundle_is_not_signed(pristine: Path, tmp_path: Path) -> None:
    backup = shutil.copytree(pristine / "backup", tmp_path / "b")
    path = backup / IMAGE / "rootfs"
    path.write_bytes(path.read_bytes()[::-1])
    code, _, err = run("bundle", "sign", str(backup), "--key", str(pristine / "ours"))
    assert code == 10
    assert "rootfs" in err
    assert not (backup / "bundle.json.minisig").exists()


async def test_adding_to_a_bundle_removes_its_signature(pristine: Path, tmp_path: Path) -> None:
    origin = rich_bundle().write(tmp_path / "origin")
    await back_up(open_bundle(origin), tmp_path / "b", Selector(templates=("Blue",)))
    assert run("bundle", "sign", str(tmp_path / "b"), "--key", str(pristine / "ours"))[0] == 0
    vcluster = await capture(origin, Selector(templates=("Green/2",)))
    target = BundleTarget(tmp_path / "b", vcluster)
    from poya.model.records import EntityRef

    await target.write(EntityRef("template", "Green/2"), vcluster.templates[0].document, None)
    assert not (tmp_path / "b" / "bundle.json.minisig").exists()


def test_verify_says_who_signed(signed: Path, pristine: Path) -> None:
    key = (pristine / "ours.pub").read_text().splitlines()[1]
    code, _, err = run("bundle", "verify", str(signed), "--key", key)
    assert code == 0
    assert "Signed by the key" in err
    assert "vcluster:gele" in err
    assert run("bundle", "verify", str(signed), "--key", str(pristine / "theirs.pub"))[0] == 10
    assert run("bundle", "verify", str(signed))[0] == 0


@needs_minisign
def test_minisign_checks_a_signed_bundle(signed: Path, pristine: Path) -> None:
    done = minisign("-V", "-p", pristine / "ours.pub", "-m", signed / "bundle.json")
    assert done.returncode == 0, done.stderr
    assert "vcluster:gele" in done.stdout


@pytest.fixture
def target() -> object:
    with watched_target() as found:
        yield found


@pytest.mark.parametrize("way", ["restore", "files", "run", "plan"])
def test_nothing_unsigned_makes_a_request_to_a_site_that_demands_signatures(
    way: str, signed: Path, pristine: Path, tmp_path: Path, target: Target
) -> None:
    (signed / "bundle.json.minisig").unlink()
    config = configure(
        tmp_path, target, f'keys = ["{pristine / "ours.pub"}"]\nunsigned = "refuse"'
    )
    template = next(p for p in signed.glob("*template*.json") if "hsm" not in p.name)
    args = {
        "restore": ["restore", "--bundle", str(signed), "--site", "there", "--yes"],
        "files": ["restore", "--bos-file", str(template), "--site", "there", "--yes"],
        "run": ["run", "gele", "--from", str(signed), "--to", "there", "--yes"],
        "plan": ["plan", "gele", "--from", str(signed), "--to", "there"],
    }[way]
    code, _, err = run("--config", str(config), "migrate", *args)
    assert code == 10
    assert "not signed" in err
    assert target.knocks == []


@pytest.mark.parametrize(
    "bundles",
    ['unsigned = "refuse"', 'unsigned = "perhaps"', "keys = 3", 'keyes = ["RWx"]', "keys = [1]"],
)
def test_a_policy_that_cannot_be_is_refused(bundles: str, tmp_path: Path) -> None:
    config = configure(tmp_path, Target(9), bundles)
    code, _, err = run("--config", str(config), "config", "show")
    assert code == 2
    assert "bundles" in err


def test_judging_needs_no_file(tmp_path: Path) -> None:
    key = new_secret_key()
    vouching = judge(b"index", sign(b"index", key, "c"), TrustPolicy((key.public(),)), "x")
    assert (vouching.state, vouching.key, vouching.comment) == ("signed", key.public().name, "c")
    assert base64.b64decode(key.public().text())[2:10] == key.id
