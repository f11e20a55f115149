# SPDX-License-Identifier: Apache-2.0
"""What poya exports for manta is what manta's own readers take, of both lines."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from bundle.manta_readers import DecodeError, Refused, Restored, restore_1, restore_2, restore_2025
from bundle.places import (
    IMAGE,
    MantaBundle,
    back_up,
    boot_set,
    capture,
    configuration_of,
    files_of_image,
    names_below,
    record_of,
    rich_bundle,
    template_of,
)
from poya.errors import BundleDamaged, DataDamaged, UsageError
from poya.sites.bundle import open_bundle
from poya.sites.bundle.manta import MantaExport, export_for_manta

Reader: TypeAlias = Callable[[Mapping[str, str]], Restored]
READERS = pytest.mark.parametrize(
    "reader",
    [restore_1, restore_2025, restore_2],
    ids=["manta-1", "manta-2025", "manta-2"],
)


async def exported(bundle: MantaBundle, place: Path) -> MantaExport:
    """From manta's layout into a bundle of poya's, and out again."""
    await back_up(open_bundle(bundle.write(place / "origin")), place / "bundle")
    return export_for_manta(place / "bundle", place / "out")


def options_of(export: MantaExport) -> dict[str, str]:
    """The first file for each option, as an operator would name them."""
    options: dict[str, str] = {}
    for option, path in export.files:
        options.setdefault(option, path)
    return options


@READERS
async def test_both_lines_of_manta_restore_it(reader: Reader, tmp_path: Path) -> None:
    restored = reader(options_of(await exported(MantaBundle(), tmp_path)))
    files = files_of_image()
    assert restored.image == "cos"
    assert restored.artifacts == {n: files[n] for n in ("initrd", "kernel", "rootfs")}
    assert [g["label"] for g in restored.groups] == ["gele"]
    layer = restored.configuration["layers"][0]
    assert layer["commit"] == "4" * 40
    assert "branch" not in layer
    assert restored.template["cfs"]["configuration"]
    assert restored.template["boot_sets"]["compute"]["node_groups"] == ["gele"]


def odd_layer(**changes: Any) -> dict[str, Any]:
    layer = {**configuration_of()["layers"][0], **changes}
    return {k: v for k, v in layer.items() if v != "absent"}


def with_layers(*layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**configuration_of(), "layers": list(layers), **more}


ODD: dict[str, MantaBundle] = {
    "nulls in the template": MantaBundle(
        templates=[
            template_of(
                compute=boot_set(
                    node_list=None, node_roles_groups=None, kernel_parameters=None, arch=None
                )
            )
        ]
    ),
    "boot set without a type": MantaBundle(templates=[template_of(compute=boot_set(type=None))]),
    "branch only": MantaBundle(configurations=[with_layers(odd_layer(commit="absent"))]),
    "layer without a name": MantaBundle(configurations=[with_layers(odd_layer(name=None))]),
    "layer without a playbook": MantaBundle(
        configurations=[with_layers(odd_layer(playbook="absent"))]
    ),
    "additional inventory": MantaBundle(
        configurations=[
            with_layers(
                odd_layer(),
                additional_inventory={
                    "clone_url": "https://vcs/i.git",
                    "commit": "5" * 40,
                    "branch": "b",
                },
            )
        ]
    ),
    "additional inventory is null": MantaBundle(
        configurations=[with_layers(odd_layer(), additional_inventory=None)]
    ),
    "never updated": MantaBundle(configurations=[{**configuration_of(), "last_updated": None}]),
    "group without a description": MantaBundle(
        groups=[{"label": "gele", "members": {"ids": ["x1001c1s5b0n0"]}}]
    ),
    "group without members": MantaBundle(
        groups=[{"label": "gele", "description": None, "tags": None, "members": None}]
    ),
    "arch and metadata": MantaBundle(
        records={IMAGE: record_of(IMAGE, "cos", arch="aarch64", metadata={"k": "v"})}
    ),
    "special parameters": MantaBundle(
        configurations=[with_layers(odd_layer(special_parameters={"ims_require_dkms": True}))]
    ),
    "names with anything in them": MantaBundle(
        templates=[template_of("Grün 2 x")], configurations=[configuration_of()]
    ),
    "no groups": MantaBundle(
        templates=[template_of(compute=boot_set(node_groups=[], node_list=["x1001c1s5b0n0"]))],
        groups=[],
    ),
}


@READERS
@pytest.mark.parametrize("name", ODD)
async def test_odd_records_are_restored_too(name: str, reader: Reader, tmp_path: Path) -> None:
    restored = reader(options_of(await exported(copy.deepcopy(ODD[name]), tmp_path)))
    assert restored.artifacts.keys() == {"initrd", "kernel", "rootfs"}


async def test_the_readers_would_refuse_the_backup_itself(tmp_path: Path) -> None:
    # The check above has teeth: verbatim records are not what manta's restore takes.
    bundle = MantaBundle(configurations=[with_layers(odd_layer(), odd_layer(name=None))])
    await back_up(open_bundle(bundle.write(tmp_path / "origin")), tmp_path / "b")
    options = {
        "--bos-file": str(tmp_path / "b" / "gele-cos-template-23.06.0-1.json"),
        "--cfs-file": str(tmp_path / "b" / "gele-cos-config-23.06.0-1.json"),
        "--hsm-file": str(tmp_path / "b" / "gele-cos-template-23.06.0-1-hsm.json"),
        "--ims-file": str(tmp_path / "b" / f"{IMAGE}-ims.json"),
        "--image-dir": str(tmp_path / "b" / IMAGE),
    }
    with pytest.raises(Refused, match="both branch and commit"):
        restore_2(options)
    with pytest.raises(DecodeError, match="lastUpdated"):
        restore_1(options)
    with pytest.raises(DecodeError, match="unwrap"):
        restore_2025(await groups_as_hsm_serves_them(tmp_path / "hsm"))


async def groups_as_hsm_serves_them(place: Path) -> dict[str, str]:
    """An export whose groups lack what HSM leaves out: no exclusive group, no tags."""
    options = options_of(await exported(MantaBundle(), place))
    group = {"label": "gele", "description": "", "members": {"ids": ["x1001c1s5b0n0"]}}
    Path(options["--hsm-file"]).write_text(json.dumps([group]))
    return options


async def test_every_template_of_a_rich_bundle_is_written(tmp_path: Path) -> None:
    export = await exported(rich_bundle(), tmp_path)
    by_option: dict[str, list[str]] = {}
    for option, path in export.files:
        by_option.setdefault(option, []).append(Path(path).name)
    assert by_option["--bos-file"] == ["Blue.json", "Green%2F2.json"]
    assert by_option["--cfs-file"] == ["shared.json", "Blue.cfs.json"]
    assert by_option["--hsm-file"] == ["Blue-hsm.json", "Green%2F2-hsm.json"]
    assert len(by_option["--ims-file"]) == len(by_option["--image-dir"]) == 2
    assert "the image path of boot set uan stays the source's" in "\n".join(export.not_restored)


def meaning(vcluster: Any) -> Any:
    """All that a capture says, without what manta's layout has no place for."""
    return {
        "templates": [t.document.value for t in vcluster.templates],
        "groups": {g.label: g.members for g in vcluster.groups},
        "images": {
            i.id: (
                i.document.value,
                [(a.type, a.path, a.md5, a.size_bytes) for a in i.manifest.artifacts],
            )
            for i in vcluster.images
        },
        "configurations": {c.name: c.layers for c in vcluster.configurations},
    }


async def test_the_export_reads_back_as_what_it_was_less_what_is_listed(tmp_path: Path) -> None:
    bundle = rich_bundle()
    for configuration in bundle.configurations:
        del configuration["layers"][0]["branch"]
    export = await exported(bundle, tmp_path)
    before, after = await capture(tmp_path / "bundle"), await capture(tmp_path / "out")
    assert meaning(after) == meaning(before)
    assert set(export.changed) == {
        "the index: origin, name of the vCluster, sha256 of the files, part sizes",
        *(f"HSM group {n}: an empty exclusiveGroup was added" for n in ("gele", "login", "uan")),
    }


async def test_what_manta_will_not_bring_is_listed(tmp_path: Path) -> None:
    configuration = {
        **with_layers(odd_layer(special_parameters={"ims_require_dkms": True})),
        "description": "of ours",
    }
    record = record_of(IMAGE, "cos", arch="aarch64", metadata={"k": "v"})
    template = template_of(login=boot_set()) | {"tenant": "vcluster-blue"}
    bundle = MantaBundle(
        templates=[template], configurations=[configuration], records={IMAGE: record}
    )
    export = await exported(bundle, tmp_path)
    assert any("layer 0: special_parameters left out" in line for line in export.changed)
    listed = "\n".join(export.not_restored)
    for words in (
        "no boot set is called compute",
        "its tenant vcluster-blue",
        "its description",
        "architecture aarch64",
        "its metadata",
        "1 artifacts besides",
    ):
        assert words in listed


async def test_a_layer_from_a_source_cannot_be_written(tmp_path: Path) -> None:
    layer = {"name": "l", "source": "ours", "commit": "4" * 40, "playbook": "p"}
    export = await exported(MantaBundle(configurations=[with_layers(layer)]), tmp_path)
    assert not any(option == "--cfs-file" for option, _ in export.files)
    assert any("no clone URL" in change for change in export.changed)


async def test_an_artifact_gets_mantas_name_for_it(tmp_path: Path) -> None:
    bundle = MantaBundle()
    origin = bundle.write(tmp_path / "origin")
    (origin / IMAGE / "kernel").rename(origin / IMAGE / "vmlinuz")
    path = origin / IMAGE / "manifest.json"
    path.write_text(path.read_text().replace(f"{IMAGE}/kernel", f"{IMAGE}/vmlinuz"))
    await back_up(open_bundle(origin), tmp_path / "bundle")
    export = export_for_manta(tmp_path / "bundle", tmp_path / "out")
    assert restore_2(options_of(export)).artifacts["kernel"] == files_of_image()["kernel"]
    assert (await capture(tmp_path / "out")).gaps == ()


@pytest.mark.parametrize("word", ["kernel", "initrd", "rootfs"])
async def test_a_path_that_manta_would_misread_is_refused(word: str, tmp_path: Path) -> None:
    await back_up(open_bundle(MantaBundle().write(tmp_path / "origin")), tmp_path / "bundle")
    with pytest.raises(UsageError, match="misread"):
        export_for_manta(tmp_path / "bundle", tmp_path / f"{word}-5.14" / "out")


async def test_an_interrupted_export_is_continued_and_strangers_are_left_alone(
    tmp_path: Path,
) -> None:
    await exported(MantaBundle(), tmp_path)
    (tmp_path / "out" / IMAGE / "rootfs").unlink()
    (tmp_path / "out" / IMAGE / "rootfs.partial").write_bytes(b"half")
    before = names_below(tmp_path / "out")
    export_for_manta(tmp_path / "bundle", tmp_path / "out")
    assert names_below(tmp_path / "out") == before - {f"{IMAGE}/rootfs.partial"} | {
        f"{IMAGE}/rootfs"
    }
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="something else"):
        export_for_manta(tmp_path / "bundle", tmp_path / "out")


async def test_what_is_damaged_is_not_exported(tmp_path: Path) -> None:
    await back_up(open_bundle(MantaBundle().write(tmp_path / "origin")), tmp_path / "bundle")
    rootfs = tmp_path / "bundle" / IMAGE / "rootfs"
    rootfs.write_bytes(b"x" * rootfs.stat().st_size)
    with pytest.raises(DataDamaged):
        export_for_manta(tmp_path / "bundle", tmp_path / "out")
    (tmp_path / "bundle" / f"{IMAGE}-ims.json").unlink()
    with pytest.raises(BundleDamaged):
        export_for_manta(tmp_path / "bundle", tmp_path / "out2")


async def test_a_bundle_of_2024_becomes_one_of_today(tmp_path: Path) -> None:
    v1 = template_of() | {
        "templateUrl": "",
        "cfs_url": "",
        "cfs": {"clone_url": "", "branch": "", "configuration": configuration_of()["name"]},
    }
    v1["boot_sets"]["compute"] |= {"boot_ordinal": 2, "network": "nmn"}
    v2 = configuration_of()
    layer = v2["layers"][0]
    del layer["source"], layer["branch"]
    layer["cloneUrl"] = layer.pop("clone_url")
    v2["lastUpdated"] = v2.pop("last_updated")
    bundle = MantaBundle(templates=[v1], configurations=[v2], groups={"gele": ["x1001c1s5b0n0"]})
    (bundle.write(tmp_path / "origin") / IMAGE / "boot_parameters").unlink()
    export = export_for_manta(tmp_path / "origin", tmp_path / "out")
    assert restore_2(options_of(export)).groups[0]["members"]["ids"] == ["x1001c1s5b0n0"]
    assert json.loads((tmp_path / "out" / IMAGE / "manifest.json").read_bytes())["artifacts"]
