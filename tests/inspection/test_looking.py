"""A look into a whole image, as poya takes it before it plans."""

from __future__ import annotations

import stat

import pytest

from inspection.files import PACKERS, Bytes, Clock, certificate, cpio, pem
from inspection.test_kernel import RELEASE, bzimage
from poya.inspection import ImageFiles, Limits, look_into
from poya.inspection.ranges import MIB
from poya.lab.seed.squashfs import Content, Link, squashfs
from poya.model.image_contents import ImageContents, ProviderSupport

PLATFORM = certificate("Platform CA")
FILE = stat.S_IFREG | 0o644
PROGRAM = b"\x7fELF\x02\x01\x01".ljust(18, b"\0") + b"\x3e\x00".ljust(46, b"\0")
REPO = b"[cos]\nbaseurl=https://packages.local/repository/cos\n"
ROOT_FILES: dict[str, Content] = {
    "etc/os-release": Link("../usr/lib/os-release"),
    "usr/lib/os-release": b'NAME="SLES"\nVERSION="15-SP4"\nPRETTY_NAME="SLES 15 SP4 for COS"\n',
    "lib": Link("usr/lib"),
    "bin": Link("usr/bin"),
    f"usr/lib/modules/{RELEASE}/modules.dep": b"",
    "usr/lib/modules/5.3.18-other/weak-updates/dvs.ko": PROGRAM,
    "usr/bin/bash": PROGRAM,
    "etc/pki/trust/anchors/platform-ca-certs.crt": pem(PLATFORM),
    "var/lib/ca-certificates/ca-bundle.pem": pem(PLATFORM) * 3,
    "etc/zypp/repos.d/cos.repo": REPO,
    "etc/zypp/repos.d/notes.txt": REPO,
}
HOOKS = "usr/lib/dracut/hooks/cmdline"
INITRD_FILES = [
    ("etc/pki/trust/anchors/platform.crt", FILE, pem(PLATFORM)),
    (f"usr/lib/modules/{RELEASE}/kernel/net/cxi.ko.xz", FILE, PROGRAM),
    ("usr/lib/dracut/modules.txt", FILE, b"bash\nnetwork\nsbps\n"),
    (f"{HOOKS}/95-parse-sbps.sh", FILE, b'#!/bin/sh\n[ "${root%%:*}" = sbps-s3 ]\n'),
]


def rootfs(files: dict[str, Content] = ROOT_FILES) -> Bytes:
    return Bytes(b"".join(squashfs(files)))


def initrd(entries: list[tuple[str, int, bytes]] = INITRD_FILES) -> Bytes:
    return Bytes(PACKERS["gzip"](cpio(entries)))


def look(files: ImageFiles, limits: Limits | None = None) -> ImageContents:
    contents, _ = look_into(files, limits or Limits(), Clock())
    return contents


def providers(*entries: tuple[str, int, bytes]) -> tuple[ProviderSupport, ...]:
    found = look(ImageFiles(initrd=initrd([*entries, ("init", FILE, b"")]))).initrd
    assert found is not None
    return found.providers


def test_everything_that_a_migration_must_know_is_seen() -> None:
    contents = look(ImageFiles(Bytes(bzimage()), initrd(), rootfs()))
    assert contents.unread == ()
    assert contents.kernel
    assert (contents.kernel.arch, contents.kernel.release) == (
        "x86_64",
        RELEASE,
    )
    assert contents.initrd
    assert contents.initrd.kernels == (RELEASE,)
    assert contents.initrd.dracut_modules == ("bash", "network", "sbps")
    assert contents.initrd.can_boot_from("sbps")
    assert not contents.initrd.can_boot_from("cpss3")
    assert contents.rootfs
    assert contents.rootfs.system == "SLES 15 SP4 for COS"
    assert contents.rootfs.arch == "x86_64"
    assert contents.rootfs.kernels == (RELEASE,)
    (trusted,) = contents.rootfs.certificates
    assert trusted.place == "/etc/pki/trust/anchors/platform-ca-certs.crt"
    assert [r.url for r in contents.rootfs.repositories] == [
        "https://packages.local/repository/cos"
    ]
    assert list(contents.certificates()) == [trusted.sha256]


@pytest.mark.parametrize(
    ("entry", "provider"),
    [
        ((f"{HOOKS}/10-root.sh", FILE, b"case $root in craycps-s3:*) ;; esac"), "cpss3"),
        (("usr/sbin/mountroot", FILE, b"#!/bin/bash\nsbps-s3"), "sbps"),
        (("usr/sbin/sbps-mount", FILE, PROGRAM), "sbps"),
        (("usr/lib/systemd/system/cray-cps.service", FILE, b"[Unit]"), "cpss3"),
        (("var/lib/dracut/hooks/cmdline/95-cray-sbps.sh", FILE, b""), "sbps"),
        (("usr/lib/dracut/modules.txt", FILE, b"base cray-cps"), "cpss3"),
    ],
)
def test_a_provider_is_known_by_what_handles_its_root(
    entry: tuple[str, int, bytes], provider: str
) -> None:
    assert [found.provider for found in providers(entry)] == [provider]


@pytest.mark.parametrize(
    "entry",
    [
        ("usr/share/doc/sbps/README", FILE, b"#!sbps-s3"),
        ("usr/lib/firmware/cps/blob", FILE, b"x"),
        ("usr/lib/modules/5/kernel/drivers/platform/chrome/cros-ec-cps.ko", FILE, PROGRAM),
        ("usr/bin/program", FILE, PROGRAM + b"sbps-s3"),
        ("etc/cpsomething.conf", FILE, b"craycps"),
    ],
)
def test_what_only_looks_alike_is_no_provider(entry: tuple[str, int, bytes]) -> None:
    assert providers(entry) == ()


@pytest.mark.parametrize("name", ["squash-root.img", "squash/root.img", "erofs-root.img"])
def test_an_initrd_that_is_packed_once_more_is_not_judged(name: str) -> None:
    contents = look(ImageFiles(initrd=initrd([("init", FILE, b""), (name, FILE, b"hsqs")])))
    assert contents.initrd is None
    assert name in contents.unread[0].why


def test_an_image_without_any_of_it_is_no_error() -> None:
    contents = look(ImageFiles(rootfs=rootfs({"etc/motd": b"hello"})))
    assert contents.rootfs is not None
    assert (contents.rootfs.system, contents.rootfs.arch) == ("", "")
    assert contents.unread == ()
    assert look(ImageFiles()) == ImageContents()


def test_a_damaged_part_is_told_and_the_others_are_seen() -> None:
    broken = Bytes(initrd().data[:300])
    contents = look(ImageFiles(Bytes(bzimage()), broken, rootfs()))
    assert [unread.part for unread in contents.unread] == ["initrd"]
    assert contents.initrd is None
    assert contents.rootfs
    assert contents.kernel


def test_what_does_not_fit_the_limits_is_told() -> None:
    big = cpio([*INITRD_FILES, ("ballast", FILE, bytes(20 * MIB))])
    limits = Limits(read_bytes=5 * MIB)
    contents = look(ImageFiles(initrd=Bytes(big), rootfs=rootfs()), limits)
    assert contents.rootfs is not None
    assert [unread.part for unread in contents.unread] == ["initrd"]
    assert "5 MiB" in contents.unread[0].why


def test_loops_and_files_of_absurd_length_are_passed_over() -> None:
    files: dict[str, Content] = {
        **ROOT_FILES,
        "etc/os-release": Link("os-release"),
        "etc/pki/trust/anchors/huge.pem": bytes(3 * MIB),
        "etc/pki/trust/anchors/away": Link("/nowhere"),
        "etc/pki/trust/anchors/old/ca.pem": pem(PLATFORM),
    }
    contents = look(ImageFiles(rootfs=rootfs(files)))
    assert contents.rootfs is not None
    assert contents.rootfs.system == "SLES 15 SP4 for COS"
    assert len(contents.rootfs.certificates) == 1
