# SPDX-License-Identifier: Apache-2.0
"""Which bundles there are, which of them stay, and the one of a date."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle.places import IMAGE, MantaBundle, back_up, names_below, put_index
from bundle.watching import configure, run, watched_target
from poya.errors import NotFound
from poya.sites.bundle import open_bundle
from poya.sites.bundle.catalog import Listed, as_of, bundles_below, bundles_in, remove_bundle
from poya.sites.bundle.retention import Retention, reasons_to_keep
from poya.sites.bundle.stores import Landing, ObjectStore, parcel_of
from poya.sites.bundle.stores.base import Work
from poya.transfer import Cancel, Credentials, ObjectPlace, S3Config, S3Store
from transfer.fake_s3 import FakeS3, serving

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def listed(
    moment: datetime | None, where: str = "", vcluster: str = "gele", **more: object
) -> Listed:
    name = where or (moment.isoformat() if moment else "nowhere")
    return Listed(name, "complete", vcluster, "alps", created=moment, **more)  # type: ignore[arg-type]


def ago(days: float) -> datetime:
    return NOON - timedelta(days=days)


def kept(bundles: list[Listed], **rules: int) -> set[str]:
    return set(reasons_to_keep(bundles, Retention(**rules)))


def test_of_each_of_the_last_days_the_newest_stays() -> None:
    bundles = [listed(ago(d), f"{d}") for d in (0, 0.1, 1, 1.2, 2, 5)]
    assert kept(bundles, daily=3) == {"0", "1", "2"}


def test_days_without_bundles_do_not_count() -> None:
    bundles = [listed(ago(d), f"{d}") for d in (0, 10, 20, 30)]
    assert kept(bundles, daily=3) == {"0", "10", "20"}


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    moments = {"tue": ago(0), "mon": ago(1), "sun": ago(2), "last-month": ago(24)}
    bundles = [listed(moment, name) for name, moment in moments.items()]
    assert kept(bundles, weekly=2) == {"tue", "sun"}
    assert kept(bundles, monthly=2) == {"tue", "last-month"}


def test_each_vcluster_is_judged_by_itself_and_its_newest_stays() -> None:
    bundles = [listed(ago(0), "a"), listed(ago(400), "b", "fora"), listed(ago(401), "c", "fora")]
    assert kept(bundles, daily=1) == {"a", "b"}


def test_what_is_not_known_stays() -> None:
    bundles = [
        listed(ago(0), "new"),
        Listed("torn", "damaged"),
        Listed("begun", "unfinished", "gele", "alps", created=ago(9)),
        listed(None, "undated"),
        listed(ago(9), "old"),
    ]
    assert kept(bundles, last=1) == {"new", "torn", "begun", "undated"}


moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


@given(
    found=st.lists(moments, max_size=30),
    last=st.integers(0, 4),
    daily=st.integers(0, 4),
    weekly=st.integers(0, 4),
    monthly=st.integers(0, 4),
)
def test_retention_is_what_brute_force_says(
    found: list[datetime], last: int, daily: int, weekly: int, monthly: int
) -> None:
    bundles = [listed(moment, str(number)) for number, moment in enumerate(found)]
    order = sorted(bundles, key=lambda b: (b.created, b.where), reverse=True)
    wanted = {b.where for b in order[: max(last, 1)]}
    for most, form in ((daily, "%Y%j"), (weekly, "%G%V"), (monthly, "%Y%m")):
        newest: dict[str, str] = {}
        for bundle in order:
            assert bundle.created is not None
            newest.setdefault(bundle.created.strftime(form), bundle.where)
        wanted |= set(list(newest.values())[:most])
    rules = {"last": last, "daily": daily, "weekly": weekly, "monthly": monthly}
    assert kept(bundles, **rules) == wanted
    # Pruning again removes nothing more.
    left = [b for b in bundles if b.where in wanted]
    assert kept(left, **rules) == wanted


def test_the_bundle_of_a_date_is_the_newest_before_it() -> None:
    bundles = [listed(ago(3), "a"), listed(ago(1), "b"), Listed("c", "damaged")]
    assert as_of(bundles, ago(2)).where == "a"
    assert as_of(bundles, ago(1)).where == "b"
    with pytest.raises(NotFound, match="no finished bundle"):
        as_of(bundles, ago(4))
    with pytest.raises(NotFound, match="several"):
        as_of([*bundles, listed(ago(3), "d", "fora")], NOON)
    assert as_of([*bundles, listed(ago(3), "d", "fora")], NOON, "fora").where == "d"


# On a disk


def dated(pristine: Path, place: Path, day: int, vcluster: str = "gele") -> Path:
    shutil.copytree(pristine, place)
    path = place / "bundle.json"
    index = json.loads(path.read_bytes())
    index["vcluster"] = vcluster
    index["origin"]["created"] = f"2026-11-{day:02}T06:00:00Z"
    put_index(path.parent, index)
    return place


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pristine")
    asyncio.run(back_up(open_bundle(MantaBundle().write(place / "o")), place / "b"))
    return place / "b"


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    root = tmp_path / "backups"
    for day in (1, 2, 3):
        dated(pristine, root / "gele" / f"2026-11-{day:02}", day)
    dated(pristine, root / "fora", 2, "fora")
    (root / "torn").mkdir()
    (root / "torn" / "bundle.json").write_text("{")
    (root / "loop").symlink_to(root)
    return root


def test_lists_every_bundle_and_follows_no_link(root: Path) -> None:
    code, out, _ = run("bundle", "list", str(root))
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split()[:2] == ["VCLUSTER", "SITE"]
    assert len(lines) == 6
    assert "2026-11-01 06:00" in out
    assert sum("damaged" in line for line in lines) == 1
    documents = json.loads(run("bundle", "list", str(root), "--output", "json")[1])
    assert {d["state"] for d in documents} == {"complete", "damaged"}


def test_pruning_is_dry_until_it_is_applied(root: Path) -> None:
    before = names_below(root)
    code, out, err = run("bundle", "prune", str(root), "--keep-daily", "1")
    assert code == 0
    assert out.count("goes") == 2
    assert "Nothing was removed: add --apply" in err
    assert names_below(root) == before
    assert run("bundle", "prune", str(root), "--keep-daily", "1", "--apply")[0] == 14
    assert names_below(root) == before
    assert run("bundle", "prune", str(root), "--keep-daily", "1", "--apply", "--yes")[0] == 0
    assert {b.where for b in bundles_below(root)} == {
        str(root / name) for name in ("gele/2026-11-03", "fora", "torn")
    }
    assert not (root / "gele" / "2026-11-01").exists()


def test_pruning_without_a_rule_is_refused(root: Path) -> None:
    assert run("bundle", "prune", str(root), "--apply", "--yes")[0] == 2


def test_removing_a_bundle_leaves_what_is_not_its_own(root: Path) -> None:
    place = root / "gele" / "2026-11-01"
    (place / "notes.txt").write_text("mine")
    outside = root.parent / "outside"
    shutil.move(place / IMAGE, outside)
    (place / IMAGE).symlink_to(outside)
    kept = names_below(outside)
    assert remove_bundle(place) == (IMAGE, "notes.txt")
    assert names_below(outside) == kept


def test_restores_the_bundle_of_a_date(root: Path, tmp_path: Path) -> None:
    with watched_target() as target:
        config = configure(tmp_path, target)
        args = ("--config", str(config), "migrate", "restore", "--bundle", str(root), "--yes")
        code, out, err = run(*args, "--as-of", "2026-11-02", "--group", "gele")
        assert code == 17, err  # the target was reached, and is none
        assert f"Bundle: {root}/gele/2026-11-02" in out
        assert run(*args, "--as-of", "2026-11-02")[0] == 2  # of which vCluster?
        assert run(*args, "--as-of", "yesterday", "--group", "gele")[0] == 2
        assert run(*args, "--as-of", "2026-10-31", "--group", "gele")[0] == 2


# In a bucket


@pytest.fixture
def bucket() -> Iterator[tuple[FakeS3, str]]:
    fake = FakeS3()
    with serving(fake) as url:
        yield fake, url


@contextmanager
def opened(url: str, prefix: str) -> Iterator[ObjectStore]:
    store = S3Store(S3Config("archive", url), lambda: Credentials("AKTEST", "s3cret+/key"))
    try:
        yield ObjectStore(store, ObjectPlace("boot-images", prefix))
    finally:
        store.close()


def test_a_bundle_goes_to_a_bucket_and_comes_back(
    pristine: Path, bucket: tuple[FakeS3, str], tmp_path: Path
) -> None:
    fake, url = bucket
    with opened(url, "hpc/gele") as store:
        store.write(parcel_of(pristine), Work(Cancel()))
        keys = set(fake.buckets["boot-images"])
        assert keys == {f"hpc/gele/{name}" for name in names_below(pristine)}
        puts = [seen.path for seen in fake.seen if seen.method == "PUT"]
        assert puts[-1].endswith("hpc/gele/bundle.json")
        store.read(Landing(tmp_path / "new"), Work(Cancel()))
        assert names_below(tmp_path / "new") == names_below(pristine)
        before_bytes = fake.received_bytes
        store.write(parcel_of(pristine), Work(Cancel()))
        index_bytes = (pristine / "bundle.json").stat().st_size
        assert fake.received_bytes - before_bytes <= index_bytes + 10_000
    with opened(url, "hpc") as store:
        assert [b.where for b in bundles_in(store)] == ["gele"]


def test_the_commands_carry_list_and_prune_in_a_store(
    pristine: Path, bucket: tuple[FakeS3, str], tmp_path: Path
) -> None:
    fake, url = bucket
    (tmp_path / "key").write_text("AKTEST")
    (tmp_path / "secret").write_text("s3cret+/key")
    config = tmp_path / "config.toml"
    config.write_text(
        f'[stores.archive]\nurl = "s3://boot-images/hpc"\nendpoint = "{url}"\n'
        'access_key_file = "key"\nsecret_key_file = "secret"\n'
    )
    poya = ("--config", str(config), "bundle")
    for day in (1, 2):
        bundle = dated(pristine, tmp_path / f"b{day}", day)
        code, _, err = run(*poya, "export", str(bundle), f"archive:gele/{day}")
        assert code == 0, err
        assert "s3cret" not in err
    out = run(*poya, "list", "archive:")[1]
    assert "gele/1" in out
    assert "gele/2" in out
    assert run(*poya, "prune", "archive:", "--keep-last", "1", "--apply", "--yes")[0] == 0
    assert {key.split("/")[2] for key in fake.buckets["boot-images"]} == {"2"}
    assert run(*poya, "import", "archive:gele/2", str(tmp_path / "new"))[0] == 0
    assert names_below(tmp_path / "new") == names_below(pristine)
    code, _, err = run(*poya, "import", "archive:gele/1", str(tmp_path / "gone"))
    assert code == 10
    assert "There is no bundle" in err


@pytest.mark.parametrize(
    "table",
    [
        'url = "http://x"\nendpoint = "https://s3"',
        'url = "s3://bucket"',
        'url = "s3://bucket"\nendpoint = "https://s3"\nendpont = "x"',
        "url = 3",
    ],
)
def test_a_store_that_cannot_be_is_refused(table: str, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[stores.archive]\n{table}\n")
    code, _, err = run("--config", str(config), "bundle", "list", "archive:")
    assert code == 2
    assert "stores.archive" in err
