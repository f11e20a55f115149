# SPDX-License-Identifier: Apache-2.0
"""Artifacts that the target holds in other images are copied there."""

from __future__ import annotations

from dataclasses import replace

from builders import artifact, etag_of, image, inventory
from poya.model.image import INITRD, KERNEL, ROOTFS, Image
from poya.model.plan import ArtifactTwin
from poya.planning.twins import Twins


def stored(made: Image, **changes: object) -> Image:
    """The image as a survey reads it; of its artifacts something may have changed."""
    assert made.manifest is not None
    artifacts = tuple(
        replace(a, **{"size_bytes": 10, "stored_etag": a.etag, **changes})  # type: ignore[arg-type]
        for a in made.manifest.artifacts
    )
    return replace(made, manifest=replace(made.manifest, artifacts=artifacts))


def made_of(image_id: str, *contents: str) -> Image:
    kinds = (ROOTFS, KERNEL, INITRD)
    return image(
        image_id,
        artifacts=[artifact(image_id, k, c) for k, c in zip(kinds, contents, strict=True)],
    )


WANTED = stored(made_of("new", "rootfs 2", "kernel", "initrd"))
OLD = stored(made_of("old", "rootfs 1", "kernel", "initrd"))


def twins_of(wanted: Image, *held: Image) -> list[ArtifactTwin | None]:
    assert wanted.manifest is not None
    twins = Twins(inventory(images=held))
    return [twins.of(one) for one in wanted.manifest.artifacts]


def test_what_did_not_change_is_found() -> None:
    rootfs, kernel, initrd = twins_of(WANTED, OLD)
    assert rootfs is None
    assert kernel is not None
    assert kernel.path.startswith("s3://boot-images/old/")
    assert kernel.etag == etag_of("kernel")
    assert initrd is not None


def test_another_cut_is_found_by_the_md5_of_the_manifests() -> None:
    cut = stored(made_of("old", "rootfs 2", "kernel", "initrd"), stored_etag="abc-2", etag="abc-2")
    assert all(twins_of(WANTED, cut))


def test_an_object_that_is_not_what_its_manifest_says_is_not_taken() -> None:
    assert twins_of(WANTED, stored(OLD, stored_etag="f" * 32)) == [None, None, None]


def test_an_object_of_another_size_or_that_is_gone_is_not_taken() -> None:
    assert twins_of(WANTED, stored(OLD, size_bytes=11)) == [None, None, None]
    assert twins_of(WANTED, stored(OLD, size_bytes=None)) == [None, None, None]


def test_without_md5s_the_etags_decide() -> None:
    assert [bool(twin) for twin in twins_of(stored(WANTED, md5=""), OLD)] == [False, True, True]


def test_md5s_that_contradict_equal_etags_are_no_twins() -> None:
    assert twins_of(stored(WANTED, md5="0" * 32), OLD) == [None, None, None]


def test_older_versions_are_of_the_same_type_and_of_that_image_first() -> None:
    big = 20 * 1024**2
    wanted, other, old = (
        stored(made_of(name, f"rootfs {name}", f"kernel {name}", f"initrd {name}"), size_bytes=big)
        for name in ("new", "b-other", "old")
    )
    old = replace(old, name="image")
    assert wanted.manifest is not None
    twins = Twins(inventory(images=(other, old)))
    found = twins.ancestors_of(wanted.manifest.artifacts[0], "image")
    assert [ancestor.path for ancestor in found] == [
        "s3://boot-images/old/squashfs", "s3://boot-images/b-other/squashfs",
    ]  # fmt: skip
    assert (found[0].md5, found[0].size_bytes) == (etag_of("rootfs old"), big)


def test_what_is_there_whole_or_is_small_needs_no_older_version() -> None:
    assert WANTED.manifest is not None
    twins = Twins(inventory(images=(OLD,)))
    assert [twins.ancestors_of(a, "image") for a in WANTED.manifest.artifacts] == [(), (), ()]


def test_without_any_md5_nothing_is_taken() -> None:
    assert twins_of(stored(WANTED, md5=""), stored(OLD, md5="")) == [None, None, None]
