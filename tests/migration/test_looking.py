"""Images are looked into where they lie: at a site, in a bundle, through the transfer's ports."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

import builders
from migration.console import NODES, Operator, migrate
from poya.inspection import Limits
from poya.lab.pytest_plugin import LabPair
from poya.lab.seed.images import Image as Seed
from poya.lab.seed.images import seed_image
from poya.lab.seed.insides import Surroundings
from poya.lab.seed.sites import GELE_IMAGE_ID
from poya.lab.storage.objects import NewObject
from poya.migration.looking import contents_of
from poya.transfer import Guard

NAME = "gele-cos-23.06.0-1"


class Endless:
    """A source whose files never come to an end, and that notes when it is let go."""

    is_remote, size_bytes, etag = True, 1 << 40, ""
    part_size_bytes: int | None = None

    def __init__(self) -> None:
        self.is_reading, self.is_closed = threading.Event(), threading.Event()

    async def readable(self, path: str) -> Endless:
        return self

    def open(self, guard: Guard) -> Endless:
        return self

    def read_into(self, start: int, into: memoryview, guard: Guard) -> None:
        self.is_reading.set()
        guard.cancel.sleep(0.01)

    def close(self) -> None:
        self.is_closed.set()


async def test_a_stop_ends_the_look_at_once_and_lets_go_of_the_files() -> None:
    source = Endless()
    look = asyncio.create_task(contents_of(source, builders.image("i")))
    await asyncio.to_thread(source.is_reading.wait)
    look.cancel()
    with pytest.raises(asyncio.CancelledError):
        await look
    assert source.is_closed.is_set()


async def test_a_file_of_absurd_length_is_given_up_within_the_limits() -> None:
    contents, used = await contents_of(Endless(), builders.image("i"), Limits(requests=20))
    assert [unread.part for unread in contents.unread] == ["rootfs", "initrd"]
    assert used.requests <= 24


@pytest.fixture
def operator(lab_pair: LabPair) -> Operator:
    return Operator(lab_pair.config_path)


def findings(operator: Operator, *more: str) -> dict[str, str]:
    """The findings about images: id to subject."""
    ends = ("gele", "--from", "alps", "--to", "prealps", "--nodes", NODES)
    answer = operator.types("check", *ends, "--output", "json", *more)
    found = json.loads(answer.out)["findings"]
    return {finding["id"]: finding["subject"] for finding in found}


def rebuild(lab_pair: LabPair, site: Surroundings, arch: str = "aarch64") -> None:
    """Put another build of gele's compute image where the image is."""
    alps = lab_pair.alps
    image = Seed(GELE_IMAGE_ID, NAME, arch, "2023-06-22T13:34:51.201310", 1_000_000)
    record = seed_image(image, alps.ground.objects, alps.ground.profile, site)
    alps.site.state.images.put(GELE_IMAGE_ID, {**record, "arch": "aarch64"})


def authority_of(lab_pair: LabPair) -> bytes:
    return Path(lab_pair.prealps.ca_path).read_bytes()


def test_a_check_tells_what_is_inside(operator: Operator) -> None:
    found = findings(operator)
    assert found["target-ca-absent"] == f"IMS images {NAME}, gele-uan-23.06.0-1"
    assert found["repository-of-site"] == f"IMS images {NAME}, gele-uan-23.06.0-1"
    assert not found.keys() & {"initrd-lacks-provider", "kernel-modules-absent", "image-unread"}


def test_it_is_silent_where_the_image_was_built_for_the_target(
    operator: Operator, lab_pair: LabPair
) -> None:
    target = Surroundings("prealps.example.org", authority_of(lab_pair), ("cpss3", "sbps"))
    rebuild(lab_pair, target)
    found = findings(operator)
    assert found["target-ca-absent"] == "IMS image gele-uan-23.06.0-1"
    assert found["repository-of-site"] == "IMS image gele-uan-23.06.0-1"


def test_a_repository_that_the_targets_nexus_lacks_is_told(
    operator: Operator, lab_pair: LabPair
) -> None:
    assert "repository-absent" not in findings(operator)
    lab_pair.prealps.site.state.nexus_repositories.delete("cos-sle-15.4")
    assert findings(operator)["repository-absent"] == f"IMS images {NAME}, gele-uan-23.06.0-1"


def test_an_initrd_without_the_provider_is_told(operator: Operator, lab_pair: LabPair) -> None:
    rebuild(lab_pair, Surroundings(providers=("sbps",)))
    subject = findings(operator)["initrd-lacks-provider"]
    assert subject == "boot set compute of gele-cos-template-23.06.0-1"


def test_a_kernel_of_another_architecture_refuses(operator: Operator, lab_pair: LabPair) -> None:
    rebuild(lab_pair, Surroundings(), arch="x86_64")
    assert findings(operator)["arch-kernel"] == f"IMS image {NAME}"
    assert migrate(operator).status == 10
    assert lab_pair.prealps.requests(mutating=True) == []


def test_no_look_inside_leaves_it_out(operator: Operator, lab_pair: LabPair) -> None:
    found = findings(operator, "--no-look-inside")
    assert not found.keys() & {"target-ca-absent", "repository-of-site"}
    keys = [r.path for r in lab_pair.alps.requests() if r.service == "s3" and r.method == "GET"]
    assert not [key for key in keys if key.endswith(("/rootfs", "/initrd", "/kernel"))]


def test_a_saved_plan_is_not_stale_for_having_been_looked_into(
    operator: Operator, tmp_path: Path
) -> None:
    ends = ("gele", "--from", "alps", "--to", "prealps", "--nodes", NODES)
    for name, more in (("with", ()), ("without", ("--no-look-inside",))):
        plan = str(tmp_path / name)
        operator.must("migrate", "plan", *ends, "-o", plan, *more)
        answer = operator.types("apply", plan, "--accept", "nothing", "--strict")
        assert answer.status == 10, answer.err  # warnings are not accepted, nothing has moved


def test_a_survey_carries_what_was_seen(operator: Operator, tmp_path: Path) -> None:
    here, there = str(tmp_path / "gele.json"), str(tmp_path / "prealps.json")
    operator.must("survey", "alps", "gele", "-o", here)
    operator.must("survey", "prealps", "--for", here, "-o", there)
    ends = ("gele", "--offline", "--from", here, "--to", there, "--nodes", NODES)
    answer = operator.types("check", *ends, "--output", "json")
    found = {finding["id"] for finding in json.loads(answer.out)["findings"]}
    assert "target-ca-absent" in found
    assert "image-unread" not in found
    operator.must("survey", "alps", "gele", "-o", here, "--no-look-inside")
    answer = operator.types("check", *ends, "--output", "json")
    found = {finding["id"] for finding in json.loads(answer.out)["findings"]}
    assert "image-unread" in found


def test_a_bundle_is_looked_into_before_it_is_restored(operator: Operator, tmp_path: Path) -> None:
    bundle = str(tmp_path / "gele")
    operator.must("migrate", "backup", "--group", "gele", "-d", bundle, "--site", "alps")
    answer = operator.types(
        "migrate", "restore", "--bundle", bundle, "--site", "prealps", "--nodes", NODES, "-n"
    )
    assert "target-ca-absent" in answer.out
    assert "image-unread" not in answer.out


def test_an_image_that_cannot_be_understood_is_no_obstacle(
    operator: Operator, lab_pair: LabPair
) -> None:
    objects = lab_pair.alps.ground.objects
    for part in ("initrd", "rootfs"):
        key = f"{GELE_IMAGE_ID}/{part}"
        objects.put(NewObject("boot-images", key, [b"hsqs but no file system" * 100]))
    assert findings(operator)["image-unread"] == f"IMS image {NAME}"


def test_describe_image_shows_what_is_inside(operator: Operator) -> None:
    answer = operator.must("describe", "image", NAME, "--site", "alps")
    for part in (
        "aarch64, 5.14.21-150400.24.46_12.0.73-cray_shasta_c",
        "boots from cpss3 (usr/lib/dracut/hooks/cmdline/95-parse-cray-cps.sh)",
        "trusts 'poya lab CA of alps'",
        "installs from https://packages.local/repository/cos-sle-15.4",
    ):
        assert part in answer.out
    assert " requests." in answer.err
    by_id = operator.must("describe", "image", GELE_IMAGE_ID, "--site", "alps", "-o", "json")
    contents = json.loads(by_id.out)["contents"]
    assert contents["initrd"]["providers"][0]["provider"] == "cpss3"


def test_describe_image_says_what_it_could_not_find(operator: Operator, lab_pair: LabPair) -> None:
    answer = operator.types("describe", "image", "nothing", "--site", "alps")
    assert answer.status == 2
    assert "alps has no IMS image 'nothing'" in answer.err
    images = lab_pair.alps.site.state.images
    record = images.get(GELE_IMAGE_ID)
    assert record is not None
    images.put("11111111-7757-4df0-b0f7-0b945495f7bf", {**record, "id": "11111111-7757"})
    answer = operator.types("describe", "image", NAME, "--site", "alps")
    assert answer.status == 2
    assert GELE_IMAGE_ID in answer.err
