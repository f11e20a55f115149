# SPDX-License-Identifier: Apache-2.0
"""Malformed bundles, each made by a builder that is named after what is wrong.

A builder changes a good bundle in place: one of poya's (`POYA`), one of manta's (`MANTA`), or a
signed one (`SIGNED`). Every one of them must be refused before any request to a target.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from bundle.places import CONFIGURATION, IMAGE, TEMPLATE, put_index

Builder: TypeAlias = Callable[[Path], None]

KERNEL, ROOTFS, MANIFEST = f"{IMAGE}/kernel", f"{IMAGE}/rootfs", f"{IMAGE}/manifest.json"
BOS, HSM, CFS, IMS = (
    f"{TEMPLATE}.json",
    f"{TEMPLATE}-hsm.json",
    f"{CONFIGURATION}.json",
    f"{IMAGE}-ims.json",
)

POYA: dict[str, Builder] = {}
MANTA: dict[str, Builder] = {}
SIGNED: dict[str, Builder] = {}


def poya(builder: Builder) -> Builder:
    POYA[builder.__name__] = builder
    return builder


def manta(builder: Builder) -> Builder:
    MANTA[builder.__name__] = builder
    return builder


def both(builder: Builder) -> Builder:
    return poya(manta(builder))


def signed(builder: Builder) -> Builder:
    SIGNED[builder.__name__] = builder
    return builder


def read(directory: Path, name: str) -> Any:
    return json.loads((directory / name).read_bytes())


def put(directory: Path, name: str, value: Any) -> None:
    (directory / name).write_text(json.dumps(value))


def edit(name: str, change: Callable[[Any], object]) -> Builder:
    def build(directory: Path) -> None:
        value = read(directory, name)
        change(value)
        put(directory, name, value)

    return build


def index(change: Callable[[Any], object]) -> Builder:
    """Change the index as somebody does who wants it to be believed."""

    def build(directory: Path) -> None:
        value = read(directory, "bundle.json")
        change(value)
        put_index(directory, value)

    return build


# Paths of the index


def _rename(path: str) -> Builder:
    """The index names another path for the template, wherever that may be."""

    def change(value: Any) -> None:
        value["files"][path] = value["files"].pop(BOS)
        value["templates"][0]["file"] = path

    return index(change)


for _title, _path in {
    "path_upwards": "../outside.json",
    "path_upwards_from_inside": f"{IMAGE}/../../outside.json",
    "path_absolute": "/etc/hostname",
    "path_absolute_twice": "//etc/hostname",
    "path_of_three": "a/b/c",
    "path_with_a_dot": "./x.json",
    "path_is_dot": ".",
    "path_is_dots": "..",
    "path_is_empty": "",
    "path_with_an_empty_part": "a//b",
    "path_ends_with_a_slash": "a/",
    "path_hidden": ".bashrc",
    "path_hidden_inside": "a/.ssh",
    "path_with_nul": "a\0b",
    "path_with_a_newline": "a\nb",
    "path_with_an_escape": "a\x1b[2Jb",
    "path_with_a_space": "a b",
    "path_with_a_backslash": "..\\outside.json",
    "path_with_a_drive": "C:x.json",
    "path_beyond_ascii": "é.json",
    "path_right_to_left": "\u202egnp.json",
    "path_fullwidth_dots": "\uff0e\uff0e/outside.json",
    "path_too_long": "x" * 256,
    "path_is_the_index": "bundle.json",
    "path_is_the_index_in_capitals": "BUNDLE.JSON",
    "path_is_the_signature": "bundle.json.minisig",
    "path_is_a_url": "http://example.org/x",
    "path_with_a_tilde": "~root",
    "path_with_a_variable": "$HOME",
}.items():
    POYA[_title] = _rename(_path)


@poya
def artifact_outside(directory: Path) -> None:
    def change(value: Any) -> None:
        value["files"]["../../etc/shadow"] = value["files"].pop(KERNEL)
        next(a for a in value["images"][0]["artifacts"] if a["file"] == KERNEL)["file"] = (
            "../../etc/shadow"
        )

    index(change)(directory)


@poya
def manifest_outside(directory: Path) -> None:
    def change(value: Any) -> None:
        value["files"]["../manifest.json"] = value["files"].pop(MANIFEST)
        value["images"][0]["manifest"] = "../manifest.json"

    index(change)(directory)


@poya
def paths_that_differ_in_case(directory: Path) -> None:
    index(lambda v: v["files"].update({BOS.upper(): {"role": "x"}}))(directory)


@poya
def path_is_file_and_directory(directory: Path) -> None:
    index(lambda v: v["files"].update({f"{BOS}/x": {"role": "x"}}))(directory)


# Links, devices, what is no regular file


def _link_out(name: str) -> Builder:
    def build(directory: Path) -> None:
        outside = directory.parent / f"outside-{name.replace('/', '-')}"
        (directory / name).rename(outside)
        (directory / name).symlink_to(outside)

    return build


for _title, _path in {
    "template": BOS,
    "groups": HSM,
    "configuration": CFS,
    "image_record": IMS,
    "manifest": MANIFEST,
    "kernel": KERNEL,
}.items():
    POYA[f"{_title}_is_a_link"] = MANTA[f"{_title}_is_a_link"] = _link_out(_path)
POYA["index_is_a_link"] = _link_out("bundle.json")
POYA["image_directory_is_a_link"] = MANTA["image_directory_is_a_link"] = _link_out(IMAGE)


@both
def kernel_is_a_link_to_itself(directory: Path) -> None:
    (directory / KERNEL).unlink()
    (directory / KERNEL).symlink_to(directory / KERNEL)


@both
def rootfs_is_a_link_to_a_device(directory: Path) -> None:
    (directory / ROOTFS).unlink()
    (directory / ROOTFS).symlink_to("/dev/zero")


@both
def rootfs_is_a_pipe(directory: Path) -> None:
    (directory / ROOTFS).unlink()
    os.mkfifo(directory / ROOTFS)


@both
def template_is_a_pipe(directory: Path) -> None:
    (directory / BOS).unlink()
    os.mkfifo(directory / BOS)


@both
def template_is_a_directory(directory: Path) -> None:
    (directory / BOS).unlink()
    (directory / BOS).mkdir()


@both
def initrd_is_a_socket(directory: Path) -> None:
    path = directory / IMAGE / "initrd"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as end:
        here = Path.cwd()
        os.chdir(path.parent)  # such a name may be 107 bytes long
        try:
            end.bind("initrd")
        finally:
            os.chdir(here)


@both
def rootfs_is_a_hard_link_to_something_else(directory: Path) -> None:
    outside = directory.parent / "passwd"
    outside.write_bytes(b"root:x:0:0\n")
    (directory / ROOTFS).unlink()
    os.link(outside, directory / ROOTFS)


@poya
def index_is_a_directory(directory: Path) -> None:
    (directory / "bundle.json").unlink()
    (directory / "bundle.json").mkdir()


@poya
def index_is_a_pipe(directory: Path) -> None:
    (directory / "bundle.json").unlink()
    os.mkfifo(directory / "bundle.json")


# JSON that is none, or too much


_BAD_JSON: dict[str, bytes] = {
    "is_empty": b"",
    "is_cut_short": b'{"name": "x", "boot_s',
    "has_more_after_it": b'{"boot_sets": {}} {}',
    "is_not_utf8": b'{"name": "\xff\xfe", "boot_sets": {}}',
    "is_utf16": '{"name": "x", "boot_sets": {}}'.encode("utf-16"),
    "names_a_key_twice": b'{"name": "a", "name": "b", "boot_sets": {}}',
    "names_an_escaped_key_twice": b'{"name": "a", "n\\u0061me": "b", "boot_sets": {}}',
    "has_nan": b'{"name": "a", "boot_sets": {}, "x": NaN}',
    "has_infinity": b'{"name": "a", "boot_sets": {}, "x": -Infinity}',
    "has_a_number_beyond_floats": b'{"name": "a", "boot_sets": {}, "x": 1e999}',
    "has_a_number_of_ten_thousand_digits": b'{"name": "a", "boot_sets": {}, "x": '
    + b"9" * 10_000
    + b"}",
    "has_half_a_surrogate_pair": b'{"name": "a\\ud800", "boot_sets": {}}',
    "has_a_raw_control_character": b'{"name": "a\x01", "boot_sets": {}}',
    "is_nested_seventy_deep": b'{"boot_sets": ' + b'{"a":' * 70 + b"1" + b"}" * 71,
    "is_nested_a_million_deep": b"[" * 1_000_000,
    "is_nine_mebibytes": b'{"boot_sets": {}, "x": "' + b"x" * (9 * 1024 * 1024) + b'"}',
    "is_a_million_lists": b'{"boot_sets": {}, "x": [' + b"[]," * 1_000_000 + b"[]]}",
    "is_a_million_keys": b'{"boot_sets": {}'
    + b"".join(b',"%d":0' % number for number in range(1_000_000))
    + b"}",
    "is_spaces": b" " * (9 * 1024 * 1024),
    "is_null_bytes": bytes(4096),
}


def _write(name: str, content: bytes) -> Builder:
    def build(directory: Path) -> None:
        (directory / name).write_bytes(content)

    return build


for _title, _content in _BAD_JSON.items():
    POYA[f"index_{_title}"] = _write("bundle.json", _content)
    POYA[f"template_{_title}"] = MANTA[f"template_{_title}"] = _write(BOS, _content)
for _title in ("is_cut_short", "names_a_key_twice", "is_nested_a_million_deep"):
    POYA[f"manifest_{_title}"] = MANTA[f"manifest_{_title}"] = _write(MANIFEST, _BAD_JSON[_title])


# Values of the index


def _with_members(members: Any) -> Builder:
    return index(lambda value: value.update(members))


def _with_entry(members: Any) -> Builder:
    return index(lambda value: value["files"][KERNEL].update(members))


for _title, _member in {
    "version_unknown": {"version": 2},
    "version_zero": {"version": 0},
    "version_is_text": {"version": "1"},
    "version_is_true": {"version": True},
    "version_is_a_fraction": {"version": 1.5},
    "version_is_null": {"version": None},
    "version_is_huge": {"version": 10**300},
    "format_is_another": {"format": "zip"},
    "format_is_null": {"format": None},
    "files_are_a_list": {"files": []},
    "images_are_an_object": {"images": {}},
    "images_are_null": {"images": None},
    "templates_are_text": {"templates": "x"},
    "origin_is_missing": {"origin": {}},
    "vcluster_is_a_number": {"vcluster": 3},
    "nodes_are_wrong": {"nodes": [{"xname": 3}]},
    "nid_is_huge": {"nodes": [{"xname": "x1", "nid": 2**60}]},
}.items():
    POYA[_title] = _with_members(_member)

for _title, _entry in {
    "size_negative": {"size_bytes": -1},
    "size_huge": {"size_bytes": 2**60},
    "size_a_fraction": {"size_bytes": 1.5},
    "size_is_text": {"size_bytes": "1"},
    "size_too_small": {"size_bytes": 5},
    "sha256_of_something_else": {"sha256": "0" * 64},
    "sha256_too_short": {"sha256": "ab"},
    "sha256_in_capitals": {"sha256": "A" * 64},
    "sha256_missing": {"sha256": None},
    "md5_of_something_else": {"md5": "0" * 32},
    "md5_is_no_digest": {"md5": "../../etc"},
    "part_size_zero": {"part_size_bytes": 0},
    "part_size_huge": {"part_size_bytes": 2**70},
    "etag_of_ten_thousand_letters": {"etag": "x" * 10_000},
    "role_of_another_kind": {"role": "template"},
    "role_is_null": {"role": None},
}.items():
    POYA[f"kernel_{_title}"] = _with_entry(_entry)
POYA["template_is_claimed_to_be_huge"] = index(
    lambda value: value["files"][BOS].update(size_bytes=2**40)
)


# The graph


@poya
def file_is_not_listed(directory: Path) -> None:
    index(lambda v: v["files"].pop(CFS))(directory)


@poya
def listed_file_belongs_to_nothing(directory: Path) -> None:
    index(lambda v: v["files"].update({"x.json": v["files"][CFS]}))(directory)


@poya
def template_is_named_twice(directory: Path) -> None:
    index(lambda v: v["templates"].append(v["templates"][0]))(directory)


@poya
def two_templates_share_a_file(directory: Path) -> None:
    index(lambda v: v["templates"].append({**v["templates"][0], "name": "other"}))(directory)


@poya
def template_and_configuration_share_a_file(directory: Path) -> None:
    index(lambda v: v["configurations"][0].update(file=BOS))(directory)


@poya
def names_are_unicode_twins(directory: Path) -> None:
    def change(value: Any) -> None:
        for number, name in enumerate(("\u00e9", "e\u0301")):
            file = f"twin{number}.json"
            value["configurations"].append({"name": name, "file": file})
            value["files"][file] = value["files"][CFS]
            (directory / file).write_bytes((directory / CFS).read_bytes())

    index(change)(directory)


@poya
def group_is_in_no_file(directory: Path) -> None:
    index(lambda v: v["groups"][0].update(files=[]))(directory)


@poya
def group_is_not_in_its_file(directory: Path) -> None:
    index(lambda v: v["groups"][0].update(name="others"))(directory)


@poya
def template_has_another_name_than_the_index_says(directory: Path) -> None:
    index(lambda v: v["templates"][0].update(name="another"))(directory)


@poya
def image_has_another_id_than_the_index_says(directory: Path) -> None:
    index(lambda v: v["images"][0].update(id="another"))(directory)


@poya
def artifact_is_not_in_the_manifest(directory: Path) -> None:
    index(lambda v: v["images"][0]["artifacts"][0].update(path="s3://boot-images/x/y"))(directory)


@poya
def artifact_is_not_in_the_index(directory: Path) -> None:
    def change(value: Any) -> None:
        value["files"].pop(value["images"][0]["artifacts"].pop()["file"])

    index(change)(directory)


@poya
def image_is_not_in_the_index(directory: Path) -> None:
    def change(value: Any) -> None:
        for entry in value["images"]:
            for file in [
                entry["record"],
                entry["manifest"],
                *(a["file"] for a in entry["artifacts"]),
            ]:
                del value["files"][file]
        value["images"] = []

    index(change)(directory)


@poya
def group_of_a_template_is_not_in_the_index(directory: Path) -> None:
    def change(value: Any) -> None:
        value["groups"] = []
        value["templates"][0]["groups"] = None
        del value["files"][HSM]

    index(change)(directory)


@poya
def nothing_is_in_it(directory: Path) -> None:
    empty: dict[str, Any] = {k: [] for k in ("templates", "groups", "configurations", "images")}
    index(lambda v: v.update(empty, files={}))(directory)


@poya
def backup_was_not_finished(directory: Path) -> None:
    index(lambda v: v["files"][ROOTFS].update(sha256=None))(directory)


# Files that are not what they should be


def _flip(name: str, at: int) -> Builder:
    def build(directory: Path) -> None:
        content = bytearray((directory / name).read_bytes())
        content[at] ^= 1
        (directory / name).write_bytes(bytes(content))

    return build


for _path in (KERNEL, ROOTFS):
    for _place in (0, -1):
        _title = f"bit_{'first' if _place == 0 else 'last'}_of_{_path.rpartition('/')[2]}_flipped"
        POYA[_title] = MANTA[_title] = _flip(_path, _place)


@both
def rootfs_is_missing(directory: Path) -> None:
    (directory / ROOTFS).unlink()


@both
def image_directory_is_missing(directory: Path) -> None:
    (directory / IMAGE).rename(directory.parent / "elsewhere")


@both
def rootfs_is_longer(directory: Path) -> None:
    with (directory / ROOTFS).open("ab") as file:
        file.write(b"x")


@poya
def rootfs_is_twenty_tebibytes_of_holes(directory: Path) -> None:
    os.truncate(directory / ROOTFS, 15 * 1024**4)


@both
def files_are_exchanged(directory: Path) -> None:
    (directory / KERNEL).rename(directory / "x")
    (directory / ROOTFS).rename(directory / KERNEL)
    (directory / "x").rename(directory / ROOTFS)


@poya
def template_was_edited(directory: Path) -> None:
    edit(BOS, lambda v: v.update(enable_cfs=False))(directory)


@poya
def configuration_was_edited(directory: Path) -> None:
    edit(CFS, lambda v: v["layers"][0].update(clone_url="https://evil.example.org"))(directory)


@poya
def groups_were_edited(directory: Path) -> None:
    edit(HSM, lambda v: v[0]["members"]["ids"].append("x9"))(directory)


@poya
def manifest_was_edited(directory: Path) -> None:
    edit(MANIFEST, lambda v: v["artifacts"][0].update(md5="0" * 32))(directory)


@poya
def image_record_was_edited(directory: Path) -> None:
    edit(IMS, lambda v: v[0].update(arch="aarch64"))(directory)


# Records of the wrong kind or shape


for _title, _path, _value in (
    ("template_is_a_list", BOS, [[]]),
    ("template_without_a_name", BOS, {"boot_sets": {}}),
    ("boot_sets_are_a_list", BOS, {"name": "x", "boot_sets": []}),
    ("boot_set_is_text", BOS, {"name": "x", "boot_sets": {"compute": "x"}}),
    ("node_groups_are_text", BOS, {"name": "x", "boot_sets": {"c": {"node_groups": "x"}}}),
    ("layers_are_text", CFS, {"name": CONFIGURATION, "layers": "x"}),
    ("layer_is_text", CFS, {"name": CONFIGURATION, "layers": ["x"]}),
    ("members_are_text", HSM, [{"label": "gele", "members": {"ids": "x"}}]),
    ("two_image_records", IMS, [{"id": "a", "name": "b"}, {"id": "c", "name": "d"}]),
    ("manifest_without_artifacts", MANIFEST, {"version": "1.0"}),
    ("artifact_is_text", MANIFEST, {"artifacts": ["x"]}),
    ("artifact_without_a_link", MANIFEST, {"artifacts": [{"type": "x"}]}),
    ("artifact_not_in_s3", MANIFEST, {"artifacts": [{"link": {"path": "file:///etc/passwd"}}]}),
    ("artifact_upwards", MANIFEST, {"artifacts": [{"link": {"path": "s3://b/k/.."}, "md5": ""}]}),
):
    POYA[_title] = MANTA[_title] = _write(_path, json.dumps(_value).encode())


@manta
def image_id_upwards(directory: Path) -> None:
    edit(IMS, lambda v: v[0].update(id="../outside"))(directory)


@manta
def image_id_absolute(directory: Path) -> None:
    edit(IMS, lambda v: v[0].update(id="/etc"))(directory)


@manta
def image_id_with_nul(directory: Path) -> None:
    edit(IMS, lambda v: v[0].update(id="a\0b"))(directory)


@manta
def image_id_too_long(directory: Path) -> None:
    edit(IMS, lambda v: v[0].update(id="x" * 5000))(directory)


@manta
def no_template(directory: Path) -> None:
    (directory / BOS).unlink()


@manta
def two_templates_of_one_name(directory: Path) -> None:
    put(directory, "other.json", {**read(directory, BOS), "enable_cfs": False})


@manta
def ten_thousand_files(directory: Path) -> None:
    for number in range(10_001):
        (directory / f"{number}.json").touch()


@manta
def records_of_a_hundred_mebibytes(directory: Path) -> None:
    content = b'{"note": "' + b"x" * (7 * 1024 * 1024) + b'"}'
    for number in range(12):
        (directory / f"{number}.json").write_bytes(content)


@manta
def template_without_its_image(directory: Path) -> None:
    (directory / IMS).unlink()


@manta
def template_without_its_configuration(directory: Path) -> None:
    (directory / CFS).unlink()


@manta
def template_names_a_repository(directory: Path) -> None:
    edit(BOS, lambda v: v.update(cfs={"clone_url": "https://x", "commit": "4" * 40}))(directory)


# Signatures, where the site demands one


@signed
def signature_is_missing(directory: Path) -> None:
    (directory / "bundle.json.minisig").unlink()


@signed
def signature_is_empty(directory: Path) -> None:
    (directory / "bundle.json.minisig").write_bytes(b"")


@signed
def signature_is_of_another_key(directory: Path) -> None:
    from poya.sites.bundle.trust import new_secret_key, sign

    raw = sign((directory / "bundle.json").read_bytes(), new_secret_key(), "mine")
    (directory / "bundle.json.minisig").write_bytes(raw)


@signed
def signature_claims_the_trusted_key(directory: Path) -> None:
    from dataclasses import replace

    from poya.sites.bundle.trust import new_secret_key, parse_signature, sign

    path = directory / "bundle.json.minisig"
    trusted = parse_signature(path.read_bytes(), "x").key_id
    key = replace(new_secret_key(), id=trusted)
    path.write_bytes(sign((directory / "bundle.json").read_bytes(), key, "mine"))


@signed
def signature_is_of_an_older_index(directory: Path) -> None:
    index(lambda v: v.update(vcluster="another"))(directory)


@signed
def signed_comment_was_edited(directory: Path) -> None:
    path = directory / "bundle.json.minisig"
    path.write_bytes(path.read_bytes().replace(b"vcluster:", b"vcluster:x"))


@signed
def signature_is_a_link(directory: Path) -> None:
    _link_out("bundle.json.minisig")(directory)


@signed
def signature_is_huge(directory: Path) -> None:
    os.truncate(directory / "bundle.json.minisig", 1024**4)


@signed
def index_was_taken_away(directory: Path) -> None:
    (directory / "bundle.json").unlink()


@signed
def signed_index_names_altered_files(directory: Path) -> None:
    _flip(ROOTFS, 7)(directory)
