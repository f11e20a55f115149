# SPDX-License-Identifier: Apache-2.0
"""Bundles of every generation of manta's are read, and say what they cannot say."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bundle.places import (
    ARM_KERNEL,
    CONFIGURATION,
    IMAGE,
    OTHER_IMAGE,
    TEMPLATE,
    MantaBundle,
    boot_set,
    capture,
    configuration_of,
    files_of_image,
    group_of,
    put,
    record_of,
    rich_bundle,
    template_of,
)
from poya.documents import JsonObject
from poya.errors import BundleDamaged, NotFound, UsageError
from poya.inspection import arch_of
from poya.model.intent import Intent
from poya.model.inventory import Capabilities, Inventory
from poya.model.vcluster import Selector
from poya.planning import make_plan
from poya.sites.bundle import open_bundle, open_files
from poya.sites.bundle.generations import configuration_of as translate_configuration

MEMBERS = ["x1001c1s5b0n0", "x1001c1s5b0n1"]


@pytest.mark.parametrize(
    "groups",
    [
        [{"label": "gele", "members": {"ids": MEMBERS}}],
        {"label": "gele", "members": {"ids": MEMBERS}},
        {"gele": MEMBERS},
        [{"gele": MEMBERS}],
        [{"label": "Gele", "description": None, "tags": None, "members": {"ids": MEMBERS}}],
    ],
)
async def test_reads_groups_in_every_shape(groups: Any, tmp_path: Path) -> None:
    vcluster = await capture(MantaBundle(groups=groups).write(tmp_path / "b"))
    assert [(g.label, list(g.members)) for g in vcluster.groups] == [("gele", MEMBERS)]
    assert vcluster.gaps == ()


async def test_an_empty_list_of_groups_is_a_gap(tmp_path: Path) -> None:
    vcluster = await capture(MantaBundle(groups=[]).write(tmp_path / "b"))
    assert [(g.id, g.subject) for g in vcluster.gaps] == [
        ("group-not-in-bundle", f"boot set compute of {TEMPLATE}")
    ]


async def test_the_vcluster_is_called_after_its_first_group_else_its_template(
    tmp_path: Path,
) -> None:
    assert (await capture(MantaBundle().write(tmp_path / "b"))).name == "gele"
    alone = MantaBundle(templates=[template_of(compute=boot_set(node_groups=None))])
    assert (await capture(alone.write(tmp_path / "c"))).name == TEMPLATE


async def test_reads_a_template_of_bos_v1(tmp_path: Path) -> None:
    v1 = {
        "name": TEMPLATE,
        "templateUrl": "",
        "cfs_url": "",
        "cfs_branch": "",
        "partition": "",
        "enable_cfs": True,
        "links": [],
        "cfs": {"clone_url": "", "branch": "", "commit": "", "configuration": CONFIGURATION},
        "boot_sets": {
            "compute": {
                **boot_set(),
                "boot_ordinal": 2,
                "shutdown_ordinal": None,
                "network": "nmn",
                "node_list": None,
            }
        },
    }
    vcluster = await capture(MantaBundle(templates=[v1]).write(tmp_path / "b"))
    value = vcluster.templates[0].document.value
    assert value == {
        "name": TEMPLATE,
        "enable_cfs": True,
        "cfs": {"configuration": CONFIGURATION},
        "boot_sets": {"compute": {**boot_set(), "node_list": None}},
    }
    assert [c.name for c in vcluster.configurations] == [CONFIGURATION]


async def test_a_template_that_names_a_repository_itself_is_a_gap(tmp_path: Path) -> None:
    v1 = template_of() | {"cfs": {"clone_url": "https://vcs/x.git", "commit": "4" * 40}}
    vcluster = await capture(MantaBundle(templates=[v1]).write(tmp_path / "b"))
    assert [g.id for g in vcluster.gaps] == ["configuration-unreadable"]


def test_translates_every_key_of_cfs_v2() -> None:
    v2: JsonObject = {
        "name": "c",
        "lastUpdated": "2024-01-01T00:00:00Z",
        "layers": [
            {
                "name": "l",
                "cloneUrl": "u",
                "playbook": "p",
                "commit": "4" * 40,
                "specialParameters": {"imsRequireDkms": True},
                "source": None,
            }
        ],
        "additional_inventory": {"cloneUrl": "i", "name": None, "commit": "5" * 40},
    }
    assert translate_configuration(v2).value == {
        "name": "c",
        "last_updated": "2024-01-01T00:00:00Z",
        "layers": [
            {
                "name": "l",
                "clone_url": "u",
                "playbook": "p",
                "commit": "4" * 40,
                "special_parameters": {"ims_require_dkms": True},
                "source": None,
            }
        ],
        "additional_inventory": {"clone_url": "i", "name": None, "commit": "5" * 40},
    }


def test_of_two_spellings_of_a_key_the_newer_counts() -> None:
    both: JsonObject = {"name": "c", "layers": [{"cloneUrl": "old", "clone_url": "new"}]}
    assert translate_configuration(both).value["layers"] == [{"clone_url": "new"}]


async def test_an_ims_record_may_stand_without_its_list(tmp_path: Path) -> None:
    origin = MantaBundle().write(tmp_path / "b")
    put(origin / f"{IMAGE}-ims.json", record_of(IMAGE, "cos", arch="x86_64"))
    assert (await capture(origin)).images[0].name == "cos"


@pytest.mark.parametrize(
    ("kernel", "arch"), [(None, "x86_64"), (ARM_KERNEL, "aarch64"), (b"\x7fELFnothing", "")]
)
async def test_a_missing_arch_is_read_from_the_kernel_and_told(
    kernel: bytes | None, arch: str, tmp_path: Path
) -> None:
    files = files_of_image(kernel=kernel) if kernel else files_of_image()
    records = {IMAGE: record_of(IMAGE, "cos")}
    origin = MantaBundle(images={IMAGE: files}, records=records).write(tmp_path / "b")
    vcluster = await capture(origin)
    assert vcluster.images[0].arch == arch
    told = [(g.id, g.evidence.partition(":")[0]) for g in vcluster.gaps]
    assert told == [
        ("arch-inferred", arch)
        if arch
        else ("arch-unknown", "neither its record nor the first bytes of its kernel")
    ]


def _portable_executable(machine: int) -> bytes:
    head = bytearray(b"MZ".ljust(0x80, b"\0") + b"PE\0\0" + machine.to_bytes(2, "little"))
    head[0x3C:0x40] = (0x80).to_bytes(4, "little")
    return bytes(head)


@pytest.mark.parametrize(
    ("head", "arch"),
    [
        (b"MZ".ljust(0x202, b"\0") + b"HdrS", "x86_64"),
        (gzip.compress(ARM_KERNEL + os.urandom(200_000))[:65536], "aarch64"),
        (_portable_executable(0xAA64), "aarch64"),
        (_portable_executable(0x8664), "x86_64"),
        (_portable_executable(0x14C), ""),
        (b"\x7fELF".ljust(18, b"\2") + b"\xb7\0", "aarch64"),
        (b"\x7fELF".ljust(18, b"\2") + b"\x3e\0", "x86_64"),
        (b"\x1f\x8bnot gzip", ""),
        (b"MZ\xff\xff", ""),
        (b"", ""),
    ],
)
def test_tells_the_architecture_of_kernels(head: bytes, arch: str) -> None:
    assert arch_of(head)[0] == arch


async def test_an_architecture_that_nothing_tells_is_warned_of(tmp_path: Path) -> None:
    bundle = MantaBundle(
        images={IMAGE: files_of_image(kernel=b"random")}, records={IMAGE: record_of(IMAGE, "cos")}
    )
    vcluster = await capture(bundle.write(tmp_path / "b"))
    assert [(g.id, g.subject) for g in vcluster.gaps] == [
        ("arch-unknown", f"IMS image cos ({IMAGE})")
    ]


async def test_a_boot_set_that_says_no_arch_gets_that_of_its_arm_image(tmp_path: Path) -> None:
    template = template_of()
    del template["boot_sets"]["compute"]["arch"]
    bundle = MantaBundle(
        templates=[template],
        images={IMAGE: files_of_image(kernel=ARM_KERNEL)},
        records={IMAGE: record_of(IMAGE, "cos")},
    )
    vcluster = await capture(bundle.write(tmp_path / "b"))
    assert vcluster.templates[0].boot_sets[0].arch == "ARM"
    assert vcluster.images[0].arch == "aarch64"
    assert [g.id for g in vcluster.gaps] == ["arch-inferred", "arch-inferred"]
    template["boot_sets"]["compute"]["arch"] = "X86"  # what it says is not changed
    vcluster = await capture(bundle.write(tmp_path / "c"))
    assert vcluster.templates[0].boot_sets[0].arch == "X86"


async def test_a_missing_manifest_is_made_from_the_files(tmp_path: Path) -> None:
    files = files_of_image()
    origin = MantaBundle(manifests=False).write(tmp_path / "b")
    put(origin / IMAGE / "new-manifest.json", {"left": "by manta's restore"})
    (origin / IMAGE / "notes").write_text("not an artifact")
    image = (await capture(origin)).images[0]
    assert image.manifest is not None
    assert {(a.label, a.md5, a.stored_etag, a.size_bytes) for a in image.manifest.artifacts} == {
        (n, hashlib.md5(c).hexdigest(), hashlib.md5(c).hexdigest(), len(c))
        for n, c in files.items()
    }
    assert image.manifest.version == "1.0"
    readable = await open_bundle(origin).readable(f"s3://boot-images/{IMAGE}/kernel")
    assert str(readable) == str(origin / IMAGE / "kernel")


async def test_an_artifact_that_manta_did_not_fetch_is_a_gap(tmp_path: Path) -> None:
    origin = MantaBundle().write(tmp_path / "b")
    (origin / IMAGE / "boot_parameters").unlink()
    vcluster = await capture(origin)
    assert [g.id for g in vcluster.gaps] == ["artifact-not-in-bundle"]
    manifest = vcluster.images[0].manifest
    assert manifest is not None
    assert {a.label for a in manifest.artifacts} == {"kernel", "initrd", "rootfs"}
    assert "boot_parameters" in vcluster.gaps[0].evidence
    there = Inventory("there", Capabilities("bundle", is_verbatim=True))
    assert make_plan(vcluster, there, Intent()).blocking() == ()


@pytest.mark.parametrize("name", ["kernel", "initrd", "rootfs"])
async def test_an_artifact_that_every_image_needs_is_a_grave_gap(
    name: str, tmp_path: Path
) -> None:
    origin = MantaBundle().write(tmp_path / "b")
    (origin / IMAGE / name).unlink()
    assert [g.id for g in (await capture(origin)).gaps] == ["artifact-gone"]


async def test_artifacts_are_found_under_mantas_names_too(tmp_path: Path) -> None:
    origin = MantaBundle().write(tmp_path / "b")
    path = origin / IMAGE / "manifest.json"
    path.write_text(path.read_text().replace(f"{IMAGE}/kernel", f"{IMAGE}/vmlinuz-6.4"))
    assert (await capture(origin)).gaps == ()


async def test_images_and_configurations_that_the_bundle_lacks_are_gaps(tmp_path: Path) -> None:
    sets: dict[str, Any] = {
        "compute": boot_set(),
        "uan": boot_set(OTHER_IMAGE, cfs={"configuration": "of-the-boot-set"}),
        "odd": boot_set() | {"path": "s3://boot-images/no/image"},
        "moved": boot_set() | {"path": f"s3://elsewhere/{IMAGE}/manifest.json"},
    }
    origin = MantaBundle(templates=[template_of(**sets)]).write(tmp_path / "b")
    gaps = {
        (g.id, g.subject.removesuffix(f" of {TEMPLATE}")) for g in (await capture(origin)).gaps
    }
    assert gaps == {
        ("configuration-gone", "CFS configuration of-the-boot-set"),
        ("image-not-in-bundle", "boot set uan"),
        ("image-path-unknown", "boot set odd"),
        ("image-path-unknown", "boot set moved"),
    }


async def test_a_template_without_boot_sets_is_a_gap(tmp_path: Path) -> None:
    bare = template_of() | {"boot_sets": {}}
    gaps = (await capture(MantaBundle(templates=[bare]).write(tmp_path / "b"))).gaps
    assert [g.id for g in gaps] == ["template-without-boot-sets"]


@pytest.mark.parametrize(
    ("selector", "templates"),
    [
        (Selector(), {"Blue", "Green/2"}),
        (Selector(name="gele"), {"Blue", "Green/2"}),
        (Selector(name="UAN"), {"Green/2"}),
        (Selector(name="gele", templates=("Blue",)), {"Blue"}),
    ],
)
async def test_a_selector_chooses_templates(
    selector: Selector, templates: set[str], tmp_path: Path
) -> None:
    origin = rich_bundle().write(tmp_path / "b")
    vcluster = await capture(origin, selector)
    assert {t.name for t in vcluster.templates} == templates
    used = {b.path for t in vcluster.templates for b in t.boot_sets}
    assert {i.manifest_path for i in vcluster.images} == used


@pytest.mark.parametrize("selector", [Selector(name="no"), Selector(templates=("Blue", "no"))])
async def test_a_name_that_the_bundle_lacks_is_refused(selector: Selector, tmp_path: Path) -> None:
    origin = rich_bundle().write(tmp_path / "b")
    with pytest.raises(NotFound, match="no"):
        await capture(origin, selector)


# Files named one by one


async def test_files_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "1", template_of())
    put(tmp_path / "2", configuration_of())
    put(tmp_path / "3", [group_of()])
    put(tmp_path / "4", [record_of(IMAGE, "cos", arch="x86_64")])
    (tmp_path / "5").mkdir()
    for name, content in files_of_image().items():
        (tmp_path / "5" / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    source = open_files(
        bos_files=[Path("./1")],
        cfs_files=[Path("./2")],
        hsm_files=[Path("./3")],
        ims_files=[Path("./4")],
        image_dirs=[Path("./5")],
    )
    vcluster = await source.capture(Selector())
    assert vcluster.gaps == ()
    assert vcluster.images[0].size_bytes == sum(len(c) for c in files_of_image().values())


def _two_images(directory: Path) -> list[Path]:
    """Records of two images, in the opposite order of their directories."""
    MantaBundle(images={IMAGE: files_of_image("a"), OTHER_IMAGE: files_of_image("b")}).write(
        directory
    )
    return [directory / f"{i}-ims.json" for i in (OTHER_IMAGE, IMAGE)]


@pytest.mark.parametrize("told_by", ["name", "manifest"])
async def test_directories_go_with_the_record_that_they_tell(told_by: str, tmp_path: Path) -> None:
    records = _two_images(tmp_path / "b")
    directories = [tmp_path / "b" / IMAGE, tmp_path / "b" / OTHER_IMAGE]
    if told_by == "manifest":
        directories = [d.rename(d.with_name(f"dir{n}")) for n, d in enumerate(directories)]
    bos = tmp_path / "t.json"
    put(bos, template_of(compute=boot_set(IMAGE), uan=boot_set(OTHER_IMAGE)))
    source = open_files([bos], ims_files=records, image_dirs=directories)
    images = {i.id: i for i in (await source.capture(Selector())).images}
    for image_id, seed in ((IMAGE, "a"), (OTHER_IMAGE, "b")):
        manifest = images[image_id].manifest
        assert manifest is not None
        assert {a.md5 for a in manifest.artifacts} == {
            hashlib.md5(c).hexdigest() for c in files_of_image(seed).values()
        }


def test_records_and_directories_must_be_as_many(tmp_path: Path) -> None:
    records = _two_images(tmp_path / "b")
    with pytest.raises(UsageError, match="2 IMS records and 1 image directories"):
        open_files([], ims_files=records, image_dirs=[tmp_path / "b" / IMAGE])
    twin = tmp_path / "twin.json"
    twin.write_bytes(records[0].read_bytes())
    with pytest.raises(UsageError, match="named twice"):
        open_files([], ims_files=[records[0], twin], image_dirs=[tmp_path] * 2)


def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    put(tmp_path / "c.json", configuration_of())
    with pytest.raises(UsageError, match="c.json does not hold a BOS session template") as caught:
        open_files([tmp_path / "c.json"])
    assert "a CFS configuration" in caught.value.why


def test_two_records_of_one_name_must_be_equal(tmp_path: Path) -> None:
    put(tmp_path / "a.json", template_of())
    put(tmp_path / "b.json", template_of())
    assert len(open_bundle(tmp_path)._contents.templates) == 1
    put(tmp_path / "b.json", template_of() | {"description": "other"})
    with pytest.raises(BundleDamaged, match="both describe"):
        open_bundle(tmp_path)


# The samples

SAMPLES = Path(
    os.environ.get("POYA_SAMPLES", str(Path(__file__).parents[3] / "shared" / "samples"))
)
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="no sample bundles; name their directory in POYA_SAMPLES"
)


@needs_samples
async def test_reads_a_bundle_of_2024() -> None:
    vcluster = await capture(SAMPLES / "manta-bundle-2024")
    assert vcluster.name == "zinal"
    layer = vcluster.configurations[0].layers[0]
    assert layer.clone_url.endswith("cos-config-management.git")
    assert layer.commit.startswith("0fd90ba4")
    assert "network" not in vcluster.templates[0].document.raw.decode()
    assert [a.size_bytes for a in _artifacts(vcluster)] == [300_000, 900_000, 2_500_000]
    assert [gap.id for gap in vcluster.gaps] == ["arch-unknown"]  # its kernel is random bytes


@needs_samples
async def test_reads_a_bundle_of_2026() -> None:
    vcluster = await capture(SAMPLES / "manta-bundle-2026")
    assert (vcluster.name, vcluster.release) == ("gele", "bundle (manta)")
    assert [a.stored_etag for a in _artifacts(vcluster)] == [
        "4f89ab724ebf832dcb336f49e981e6fe",
        "e84d5e2607a91a13108e41b9c3a9993b",
        "3e0c92b2200c44bc803cc42fa6ae3df3-2",
    ]
    assert vcluster.gaps == ()


@needs_samples
async def test_the_samples_real_kernel_tells_its_architecture(tmp_path: Path) -> None:
    kernel = SAMPLES / "manta-bundle-2026" / IMAGE / "kernel"
    assert arch_of(kernel.read_bytes()[:65536])[0] == "x86_64"


def _artifacts(vcluster: Any) -> Any:
    return vcluster.images[0].manifest.artifacts


def test_the_contents_decide_and_not_the_name(tmp_path: Path) -> None:
    origin = MantaBundle().write(tmp_path / "b")
    for number, path in enumerate(sorted(origin.glob("*.json"))):
        path.rename(origin / f"{number}.json")
    contents = open_bundle(origin)._contents
    assert (len(contents.templates), len(contents.configurations)) == (1, 1)
    assert (len(contents.groups), len(contents.images)) == (1, 1)
    assert json.loads((origin / IMAGE / "manifest.json").read_bytes())["version"] == "1.0"
