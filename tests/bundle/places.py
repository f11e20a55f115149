# SPDX-License-Identifier: Apache-2.0
"""Small bundles in manta's layout, and backups of them made by the real engine."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poya.journal import Journal
from poya.migration.carrying import Run, carry_out, undo
from poya.migration.events import Listener, silent
from poya.model.intent import Intent
from poya.model.plan import Plan
from poya.model.vcluster import Selector, VCluster
from poya.planning import interest_of, make_plan
from poya.sites.base import Source
from poya.sites.bundle import BundleTarget, open_bundle
from poya.transfer import Limits

KERNEL_TYPE = "application/vnd.cray.image.kernel"
INITRD_TYPE = "application/vnd.cray.image.initrd"
ROOTFS_TYPE = "application/vnd.cray.image.rootfs.squashfs"
PARAMETERS_TYPE = "application/vnd.cray.image.parameters.boot"
TYPES = {
    "rootfs": ROOTFS_TYPE,
    "kernel": KERNEL_TYPE,
    "initrd": INITRD_TYPE,
    "boot_parameters": PARAMETERS_TYPE,
}

IMAGE = "3e0d418f-7757-4df0-b0f7-0b945495f7bf"
OTHER_IMAGE = "b7f1d0b2-5c1f-4a57-9d0e-0f6f8f1f2a11"
TEMPLATE = "gele-cos-template-23.06.0-1"
CONFIGURATION = "gele-cos-config-23.06.0-1"

# The beginning of a bzImage: 'HdrS' at 0x202.
X86_KERNEL = b"MZ".ljust(0x202, b"\0") + b"HdrS" + b"\x0f\x02" + b"\0" * 512
ARM_KERNEL = b"MZ".ljust(56, b"\0") + b"ARM\x64" + b"\0" * 512


def files_of_image(seed: str = "a", kernel: bytes = X86_KERNEL) -> dict[str, bytes]:
    """Kernel, initrd, rootfs and boot parameters, different for each seed."""
    return {
        "rootfs": hashlib.sha256(f"rootfs {seed}".encode()).digest() * 4000,
        "kernel": kernel + seed.encode(),
        "initrd": hashlib.sha256(f"initrd {seed}".encode()).digest() * 900,
        "boot_parameters": b"quiet",
    }


def manifest_of(image_id: str, files: dict[str, bytes]) -> dict[str, Any]:
    return {
        "created": "2026-01-02 03:04:05.060708",
        "version": "1.0",
        "artifacts": [
            {
                "link": {
                    "etag": hashlib.md5(content).hexdigest(),
                    "path": f"s3://boot-images/{image_id}/{name}",
                    "type": "s3",
                },
                "md5": hashlib.md5(content).hexdigest(),
                "type": TYPES[name],
            }
            for name, content in files.items()
        ],
    }


def record_of(image_id: str, name: str, **more: Any) -> dict[str, Any]:
    path = f"s3://boot-images/{image_id}/manifest.json"
    link = {"path": path, "etag": "0" * 32, "type": "s3"}
    return {"id": image_id, "created": "2026-01-02T03:04:05", "name": name, "link": link, **more}


def boot_set(image_id: str = IMAGE, *groups: str, **more: Any) -> dict[str, Any]:
    return {
        "path": f"s3://boot-images/{image_id}/manifest.json",
        "type": "s3",
        "etag": "0" * 32,
        "node_groups": list(groups or ("gele",)),
        "arch": "X86",
        **more,
    }


def template_of(
    name: str = TEMPLATE, configuration: str = CONFIGURATION, **boot_sets: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "enable_cfs": True,
        "cfs": {"configuration": configuration},
        "boot_sets": boot_sets or {"compute": boot_set()},
        "a_field_of_tomorrow": {"kept": [1, 2.5, "é"]},
    }


def configuration_of(name: str = CONFIGURATION) -> dict[str, Any]:
    layer = {
        "name": "cos",
        "clone_url": "https://vcs.example.org/vcs/cray/cos.git",
        "source": None,
        "commit": "4" * 40,
        "playbook": "site.yml",
        "branch": "main",
    }
    return {"name": name, "last_updated": "2026-01-01T00:00:00Z", "layers": [layer]}


def group_of(label: str = "gele", *members: str) -> dict[str, Any]:
    ids = list(members or ("x1001c1s5b0n0", "x1001c1s5b0n1"))
    return {"label": label, "description": "é", "tags": [], "members": {"ids": ids}}


@dataclass
class MantaBundle:
    """A directory to be written in manta's layout; change a member, then `write`."""

    templates: list[Any] = field(default_factory=lambda: [template_of()])
    configurations: list[Any] = field(default_factory=lambda: [configuration_of()])
    groups: Any = field(default_factory=lambda: [group_of()])
    images: dict[str, dict[str, bytes]] = field(default_factory=lambda: {IMAGE: files_of_image()})
    records: dict[str, Any] = field(default_factory=dict)
    manifests: bool = True

    def write(self, directory: Path) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        for template in self.templates:
            put(directory / f"{template['name'].replace('/', '_')}.json", template)
        for configuration in self.configurations:
            # manta would write over a template of the same name.
            taken = (directory / f"{configuration['name']}.json").exists()
            put(directory / f"{configuration['name']}{'-2' * taken}.json", configuration)
        put(directory / f"{self.templates[0]['name']}-hsm.json", self.groups)
        for image_id, files in self.images.items():
            record = self.records.get(image_id, record_of(image_id, "cos", arch="x86_64"))
            put(directory / f"{image_id}-ims.json", [record])
            (directory / image_id).mkdir()
            for name, content in files.items():
                (directory / image_id / name).write_bytes(content)
            if self.manifests:
                put(directory / image_id / "manifest.json", manifest_of(image_id, files))
        return directory


def put(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def put_index(directory: Path, value: Any) -> None:
    """Write an index that was changed on purpose, with the digest that docs/format.md wants."""
    value.pop("sha256", None)
    body = json.dumps(value, indent=2).removesuffix("\n}") + ",\n"
    digest = hashlib.sha256(body.encode()).hexdigest()
    (directory / "bundle.json").write_text(f'{body}  "sha256": "{digest}"\n}}\n')


def rich_bundle() -> MantaBundle:
    """Two templates, a shared group, configuration and image, and an image of its own each."""
    return MantaBundle(
        templates=[
            template_of("Blue", "shared", compute=boot_set(IMAGE, "gele", "login")),
            template_of(
                "Green/2",
                "shared",
                compute=boot_set(OTHER_IMAGE, "gele", cfs={"configuration": "Blue"}),
                uan=boot_set(IMAGE, "uan", node_list=["x3000c0s1b0n0"]),
            ),
        ],
        configurations=[configuration_of("shared"), configuration_of("Blue")],
        groups=[group_of(), group_of("login", "x1001c1s6b0n0"), group_of("uan", "x3000c0s1b0n0")],
        images={IMAGE: files_of_image("a"), OTHER_IMAGE: files_of_image("b")},
        records={OTHER_IMAGE: record_of(OTHER_IMAGE, "cos-b", metadata={"key": "v"})},
    )


async def capture(directory: Path, selector: Selector | None = None) -> VCluster:
    return await open_bundle(directory).capture(selector or Selector())


@dataclass
class Backup:
    """One run of a backup."""

    source: Source
    directory: Path
    run: Run
    vcluster: VCluster

    async def carry_out(self, listener: Listener = silent) -> None:
        target = BundleTarget(self.directory, self.vcluster)
        await carry_out(self.run, self.source, target, Limits(), listener)

    async def resume(self) -> None:
        """Go on as another process does: without the capture."""
        await carry_out(self.run, self.source, BundleTarget(self.directory), Limits(), silent)

    async def undo(self) -> int:
        return await undo(self.run, BundleTarget(self.directory), silent)


async def prepare_backup(
    source: Source, directory: Path, selector: Selector | None = None, intent: Intent | None = None
) -> Backup:
    vcluster = await source.capture(selector or Selector())
    inventory = await BundleTarget(directory, vcluster).survey(interest_of(vcluster))
    plan = make_plan(vcluster, inventory, intent or Intent())
    run_id = f"run-{len(list(directory.parent.glob('*.journal')))}"
    journal = await asyncio.to_thread(Journal.create, directory.parent / f"{run_id}.journal", {})
    return Backup(source, directory, Run(run_id, plan, journal), vcluster)


async def back_up(source: Source, directory: Path, selector: Selector | None = None) -> Plan:
    """Plan and carry out a backup; its plan."""
    backup = await prepare_backup(source, directory, selector)
    try:
        await backup.carry_out()
    finally:
        backup.run.journal.close()
    return backup.run.plan


def names_below(directory: Path) -> set[str]:
    """Every file, by its path below the directory."""
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if not p.is_dir()}
