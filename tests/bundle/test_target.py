# SPDX-License-Identifier: Apache-2.0
"""A backup that stops anywhere is seen to be unfinished, can be gone on with, and taken back."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from bundle.places import (
    CONFIGURATION,
    IMAGE,
    OTHER_IMAGE,
    TEMPLATE,
    Backup,
    MantaBundle,
    back_up,
    boot_set,
    capture,
    configuration_of,
    files_of_image,
    names_below,
    prepare_backup,
    rich_bundle,
    template_of,
)
from poya.documents import Document
from poya.errors import BundleDamaged, Conflict, PoyaError, StoppedPartWay, UsageError
from poya.migration.events import Event, StepFinished, StepStarted
from poya.model.inventory import Interest
from poya.model.records import EntityRef
from poya.model.vcluster import Selector
from poya.sites.base import NewImage
from poya.sites.bundle import BundleTarget, open_bundle
from poya.transfer import Proof, Result


class Crash(BaseException):
    """The process dies here."""


class CrashAt:
    """A listener that dies at the n-th beginning or end of a step."""

    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepStarted | StepFinished):
            if not self._left:
                raise Crash
            self._left -= 1


async def crash(origin: Path, backup: Path, number: int) -> Backup | None:
    """A backup that died; None if it was through before."""
    prepared = await prepare_backup(open_bundle(origin), backup)
    try:
        await prepared.carry_out(CrashAt(number))
    except Crash:
        return prepared
    prepared.run.journal.close()
    return None


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = MantaBundle(
        templates=[
            template_of("a", compute=boot_set(IMAGE, "gele")),
            template_of("b", compute=boot_set(IMAGE, "gele")),
        ]
    )
    return made.write(tmp_path_factory.mktemp("source") / "origin")


MOST_STEPS = 40


async def test_a_backup_that_died_anywhere_is_gone_on_with(origin: Path, tmp_path: Path) -> None:
    whole = await capture(origin)
    for number in range(MOST_STEPS):
        place = tmp_path / str(number) / "backup"
        place.parent.mkdir()
        died = await crash(origin, place, number)
        if died is None:
            break
        if not (place / "bundle.json").exists():
            with pytest.raises(StoppedPartWay, match="no bundle"):
                await died.resume()
            await died.carry_out()
        else:
            await refuses_to_restore(place)
            await died.resume()
        died.run.journal.close()
        after = await capture(place)
        assert (after.templates, after.groups, after.gaps) == (whole.templates, whole.groups, ())
        assert [i.content_digest() for i in after.images] == [
            i.content_digest() for i in whole.images
        ]
        assert not [n for n in names_below(place) if ".partial" in n]
        shutil.rmtree(place.parent)
    assert 10 < number < MOST_STEPS - 1


async def test_a_new_backup_goes_on_with_one_that_died(origin: Path, tmp_path: Path) -> None:
    for number in range(1, MOST_STEPS, 2):
        place = tmp_path / str(number) / "backup"
        place.parent.mkdir()
        died = await crash(origin, place, number)
        if died is None:
            break
        died.run.journal.close()
        await back_up(open_bundle(origin), place)
        assert (await capture(place)).gaps == ()
        assert await BundleTarget(place).validate("a") == "Valid"
        assert await BundleTarget(place).validate("b") == "Valid"
        shutil.rmtree(place.parent)


async def refuses_to_restore(place: Path) -> None:
    """Unless all that is left is to say that it is finished."""
    try:
        await capture(place)
    except BundleDamaged as error:
        assert "not finished" in error.what  # noqa: PT017 - it may also be finished


async def test_a_backup_that_died_anywhere_is_taken_back(origin: Path, tmp_path: Path) -> None:
    for number in range(0, MOST_STEPS, 3):
        place = tmp_path / str(number) / "backup"
        place.parent.mkdir()
        died = await crash(origin, place, number)
        if died is None:
            break
        await died.undo()
        died.run.journal.close()
        assert not place.exists() or not names_below(place), number
        shutil.rmtree(place.parent)


async def test_undoing_a_whole_backup_leaves_an_empty_directory(tmp_path: Path) -> None:
    prepared = await prepare_backup(
        open_bundle(rich_bundle().write(tmp_path / "origin")), tmp_path / "backup"
    )
    with closing(prepared.run.journal):
        await prepared.carry_out()
        assert await prepared.undo()
    assert list((tmp_path / "backup").iterdir()) == []


async def test_undoing_an_addition_leaves_the_finished_backup_as_it_was(tmp_path: Path) -> None:
    origin, place = rich_bundle().write(tmp_path / "origin"), tmp_path / "backup"
    await back_up(open_bundle(origin), place, Selector(templates=("Blue",)))
    before = {n: (place / n).read_bytes() for n in names_below(place) - {"bundle.json"}}
    prepared = await prepare_backup(open_bundle(origin), place)
    with closing(prepared.run.journal):
        await prepared.carry_out()
        await prepared.undo()
    assert {n: (place / n).read_bytes() for n in names_below(place) - {"bundle.json"}} == before
    after = await capture(place)
    assert [t.name for t in after.templates] == ["Blue"]
    assert after.gaps == ()


async def test_a_group_file_keeps_its_other_groups_when_one_is_deleted(tmp_path: Path) -> None:
    origin, place = rich_bundle().write(tmp_path / "origin"), tmp_path / "backup"
    await back_up(open_bundle(origin), place)
    target = BundleTarget(place)
    await target.delete(EntityRef("group", "login"))
    await target.delete(EntityRef("group", "login"))
    assert [g["label"] for g in json.loads((place / "Blue-hsm.json").read_bytes())] == ["gele"]
    assert await target.read(EntityRef("group", "login")) is None
    assert {g.label for g in (await capture(place)).groups} == {"gele", "uan"}


# What may be in the directory


async def survey(place: Path, origin: Path) -> None:
    await BundleTarget(place, await capture(origin)).survey(Interest())


async def test_a_survey_writes_nothing(origin: Path, tmp_path: Path) -> None:
    await survey(tmp_path / "new", origin)
    assert not (tmp_path / "new").exists()


async def test_a_directory_with_something_else_in_it_is_refused(
    origin: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UsageError, match="something else") as caught:
        await survey(tmp_path, origin)
    assert "thesis.tex" in caught.value.why


async def test_a_bundle_of_mantas_is_not_written_into(origin: Path) -> None:
    with pytest.raises(UsageError, match="something else"):
        await survey(origin, origin)


async def test_a_file_is_refused_as_a_directory(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be used"):
        await survey(tmp_path / "file", origin)


async def test_the_backup_of_another_vcluster_is_not_written_into(
    origin: Path, tmp_path: Path
) -> None:
    await back_up(open_bundle(origin), tmp_path / "backup")
    other = MantaBundle(templates=[template_of(compute=boot_set(IMAGE, "zinal"))])
    with pytest.raises(Conflict, match="another vCluster") as caught:
        await survey(tmp_path / "backup", other.write(tmp_path / "other"))
    assert "gele" in caught.value.why
    assert "zinal" in caught.value.why


async def test_a_bundle_that_is_not_there_cannot_be_gone_on_with(tmp_path: Path) -> None:
    target, ref = BundleTarget(tmp_path / "none"), EntityRef("template", TEMPLATE)
    assert await target.read(ref) is None
    await target.delete(ref)
    await target.delete_image(IMAGE)
    with pytest.raises(UsageError, match="no bundle"):
        await target.create_image(new_image())
    with pytest.raises(UsageError, match="no bundle"):
        await target.write(ref, Document.of(template_of()), None)
    assert not (tmp_path / "none").exists()


async def test_what_died_while_the_first_index_was_written_is_no_stranger(
    origin: Path, tmp_path: Path
) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "bundle.json.partial").write_text('{"form')
    await back_up(open_bundle(origin), tmp_path / "backup")
    assert not [n for n in names_below(tmp_path / "backup") if ".partial" in n]


async def test_a_linked_image_directory_is_not_written_through(
    origin: Path, tmp_path: Path
) -> None:
    vcluster = await capture(origin)
    (tmp_path / "outside").mkdir()
    target = BundleTarget(tmp_path / "backup", vcluster)
    await target.survey(Interest())
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / IMAGE).symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match="symbolic link"):
        await target.create_image(new_image())


# The single operations


def new_image() -> NewImage:
    return NewImage(IMAGE, "cos", None, {}, "run-1", Document(b'{"id":"i","name":"cos"}'))


async def half_way(origin: Path, place: Path) -> BundleTarget:
    """A target with an image whose artifacts are on disk and were not noted."""
    target = BundleTarget(place, await capture(origin))
    assert await target.find_image(new_image(), frozenset()) is None
    assert await target.create_image(new_image()) == IMAGE
    assert await target.find_image(new_image(), frozenset()) == IMAGE
    for name, content in files_of_image().items():
        (place / IMAGE / name).write_bytes(content)
    return target


async def test_digests_that_died_with_the_process_are_made_again(
    origin: Path, tmp_path: Path
) -> None:
    place = tmp_path / "backup"
    await half_way(origin, place)
    body = (origin / IMAGE / "manifest.json").read_bytes()
    published = await BundleTarget(place).publish_manifest(IMAGE, body)
    assert published.path == f"s3://boot-images/{IMAGE}/manifest.json"
    files = json.loads((place / "bundle.json").read_bytes())["files"]
    assert all(files[f"{IMAGE}/{name}"]["sha256"] for name in files_of_image())
    assert (place / IMAGE / "manifest.json").read_bytes() == body


async def test_an_artifact_that_is_not_what_the_manifest_says_is_not_published(
    origin: Path, tmp_path: Path
) -> None:
    target = await half_way(origin, tmp_path / "backup")
    (tmp_path / "backup" / IMAGE / "kernel").write_bytes(b"?" * len(files_of_image()["kernel"]))
    with pytest.raises(BundleDamaged, match="kernel is not what the manifest says"):
        await target.publish_manifest(IMAGE, b"{}")
    assert not (tmp_path / "backup" / IMAGE / "manifest.json").exists()


async def test_noting_an_artifact_writes_its_digests(origin: Path, tmp_path: Path) -> None:
    target = await half_way(origin, tmp_path / "backup")
    result = Result("n", 7, "e-2", "m", "s", 5, 7, 0, is_reused=False, proof=Proof.MD5)
    await target.note_artifact((IMAGE, "kernel"), result)
    files = json.loads((tmp_path / "backup" / "bundle.json").read_bytes())["files"]
    assert files[f"{IMAGE}/kernel"] == {
        "role": "artifact",
        "size_bytes": 7,
        "sha256": "s",
        "md5": "m",
        "etag": "e-2",
        "part_size_bytes": 5,
    }
    assert target.wants_sha256


async def test_an_image_of_another_plan_is_refused(origin: Path, tmp_path: Path) -> None:
    target = BundleTarget(tmp_path / "backup", await capture(origin))
    with pytest.raises(PoyaError, match=OTHER_IMAGE):
        await target.writable(OTHER_IMAGE, "kernel")
    with pytest.raises(PoyaError, match="without an artifact nothing"):
        await target.writable(IMAGE, "nothing")


async def test_artifact_paths_are_those_of_the_source(origin: Path, tmp_path: Path) -> None:
    target = BundleTarget(tmp_path / "backup", await capture(origin))
    assert target.artifact_path(IMAGE, "rootfs") == f"s3://boot-images/{IMAGE}/rootfs"
    assert (await target.writable(IMAGE, "rootfs")).path == tmp_path / "backup" / IMAGE / "rootfs"


async def test_deleting_an_image_removes_what_a_transfer_left(
    origin: Path, tmp_path: Path
) -> None:
    target = await half_way(origin, tmp_path / "backup")
    for suffix in (".partial", ".partial.parts"):
        (tmp_path / "backup" / IMAGE / f"rootfs{suffix}").touch()
    await target.delete_image(IMAGE)
    await target.delete_image(IMAGE)
    assert list((tmp_path / "backup").iterdir()) == []


async def test_users_of_an_image_are_the_templates_of_the_bundle(tmp_path: Path) -> None:
    origin, place = rich_bundle().write(tmp_path / "origin"), tmp_path / "backup"
    await back_up(open_bundle(origin), place)
    target = BundleTarget(place)
    assert await target.users_of_image(OTHER_IMAGE) == ("session template Green/2",)
    assert await target.users_of_image("none") == ()


async def test_validation_names_what_is_missing(origin: Path, tmp_path: Path) -> None:
    place = tmp_path / "backup"
    await back_up(open_bundle(origin), place)
    assert await BundleTarget(place).validate("a") == "Valid"
    (place / IMAGE / "rootfs").unlink()
    (place / f"{CONFIGURATION}.json").write_text(json.dumps(configuration_of()))
    answer = await BundleTarget(place).validate("a")
    assert f"{IMAGE}/rootfs" in answer
    assert f"{CONFIGURATION}.json was altered" in answer
    assert "no session template" in await BundleTarget(place).validate("none")


async def test_a_record_that_a_crash_kept_from_its_place_reads_as_absent(
    origin: Path, tmp_path: Path
) -> None:
    place = tmp_path / "backup"
    await back_up(open_bundle(origin), place)
    body = Document((place / "a.json").read_bytes())
    (place / "a.json").unlink()  # the index says that it is there
    with pytest.raises(BundleDamaged, match="a.json"):
        await capture(place)
    target = BundleTarget(place)
    ref = EntityRef("template", "a")
    assert await target.read(ref) is None
    await target.write(ref, body, None)
    assert await target.read(ref) == body
    assert (await capture(place)).gaps == ()


async def test_an_entity_that_the_plan_renamed_gets_a_file_of_its_own(
    origin: Path, tmp_path: Path
) -> None:
    target = BundleTarget(tmp_path / "backup", await capture(origin))
    bodies = {
        EntityRef("template", "a-migrated"): Document.of(template_of("a-migrated")),
        EntityRef("configuration", "c-migrated"): Document.of(configuration_of("c-migrated")),
        EntityRef("group", "g-migrated"): Document(b'{"label":"g-migrated","members":{}}'),
    }
    for ref, body in bodies.items():
        await target.write(ref, body, None)
        assert await BundleTarget(tmp_path / "backup").read(ref) == body
    for ref in bodies:
        await target.delete(ref)
        assert await target.read(ref) is None
