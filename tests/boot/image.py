# SPDX-License-Identifier: Apache-2.0
"""A small x86-64 Linux that says on its console that it runs, made of Debian packages.

The kernel is Debian's own. The initrd loads the virtio and squashfs modules, mounts the disk that
the kernel parameter `vc.root` names and hands over to its `/sbin/init`. No root is needed.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from boot import cpio
from boot.modules import load_order
from boot.packages import Apt, PackagesUnavailable, run
from boot.qemu import MARKER

HOSTNAME = "poya-boot"
_KERNELS = ("linux-image-cloud-amd64", "linux-image-amd64")
_MODULES = ("virtio_pci", "virtio_blk", "squashfs")
_DISK_WAIT_S = 10
_EMPTY_DIRECTORIES = ("dev", "proc", "sys", "run", "tmp")

# Any failure ends process 1, which panics the kernel: the console then shows why.
_INITRD_INIT = f"""#!/bin/busybox sh
set -e
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
for module in /lib/modules/*.ko; do $b insmod $module; done
root=
for word in $($b cat /proc/cmdline); do
    case $word in vc.root=*) root=${{word#vc.root=}} ;; esac
done
waited=0
until [ -b "$root" ]; do
    [ $waited -lt {_DISK_WAIT_S} ] || {{ echo "no disk '$root' (vc.root)"; exit 1; }}
    $b sleep 1
    waited=$((waited + 1))
done
$b mount -t squashfs -o ro "$root" /root
$b mount --move /dev /root/dev
exec $b switch_root /root /sbin/init
"""

# The firmware may leave the console in the middle of a line, so the marker begins a new one. The
# pause lets the serial port carry the last words out before the power goes.
_ROOTFS_INIT = f"""#!/bin/busybox sh
b=/bin/busybox
$b hostname -F /etc/hostname
echo
echo "{MARKER} $($b hostname) $($b uname -r)"
$b sleep 1
$b poweroff -f
"""


@dataclass(frozen=True, slots=True)
class BootableImage:
    """The three files of a CSM image: a kernel, its initrd and a squashfs root."""

    kernel: Path
    initrd: Path
    rootfs: Path

    @classmethod
    def within(cls, directory: Path) -> BootableImage:
        """The image whose files have the names that IMS gives them, in `directory`."""
        return cls(directory / "kernel", directory / "initrd", directory / "rootfs")

    def files(self) -> tuple[Path, Path, Path]:
        """Kernel, initrd and root file system."""
        return self.kernel, self.initrd, self.rootfs


def cache_directory() -> Path:
    """Where built images are kept between runs: `$XDG_CACHE_HOME/poya/boot-image`."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "poya" / "boot-image"


def build_bootable_image(directory: Path, hostname: str = HOSTNAME) -> BootableImage:
    """The image in `directory` whose console names `hostname`, built unless it is there already.

    An image appears whole or not at all, so runs may share the directory. The same packages give
    the same bytes. To have newer packages, remove the directory.

    Raises:
        PackagesUnavailable: A package or a tool (apt-get, dpkg-deb, mksquashfs) cannot be had.
    """
    kept = directory / _recipe(hostname)
    if not kept.exists():
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=directory) as scratch:
            _publish(_build(Path(scratch), hostname), kept)
    return BootableImage.within(kept)


def _recipe(hostname: str) -> str:
    """A name that changes with whatever the image is made by, so no stale image is used."""
    sources = [Path(__file__).with_name(name) for name in ("cpio.py", "image.py", "modules.py")]
    parts = [*(source.read_bytes() for source in sources), hostname.encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _publish(built: Path, kept: Path) -> None:
    try:
        built.rename(kept)
    except OSError:
        # Another run may have been faster; what it left is as good as ours.
        if not kept.exists():
            raise


def _build(scratch: Path, hostname: str) -> Path:
    """Make the image's files in a directory of their own under `scratch`."""
    apt = Apt(scratch)
    complaints = apt.update()
    kernel = apt.unpack(_kernel_package(apt, complaints))
    busybox = _only_file(apt.unpack("busybox-static"), "**/bin/busybox")
    built = scratch / "image"
    built.mkdir()
    image = BootableImage.within(built)
    image.kernel.write_bytes(_only_file(kernel, "boot/vmlinuz-*").read_bytes())
    image.initrd.write_bytes(_initrd(kernel, busybox))
    _write_rootfs(scratch / "root", busybox, hostname, image.rootfs)
    return built


def _kernel_package(apt: Apt, complaints: str) -> str:
    """The kernel that Debian recommends now; the names without a release only point to one."""
    for package in _KERNELS:
        kernel = apt.dependency(package, r"linux-image-\d\S+-amd64")
        if kernel:
            return kernel
    raise PackagesUnavailable(
        f"This machine's package sources have none of {', '.join(_KERNELS)}.",
        why=complaints,
        todo="Run on Debian (x86-64) with a reachable package mirror.",
    )


def _initrd(kernel: Path, busybox: Path) -> bytes:
    modules = load_order(_only_file(kernel, "**/lib/modules/*"), _MODULES)
    files = {
        f"lib/modules/{position:02}-{module.name}.ko": cpio.File(module.content)
        for position, module in enumerate(modules)
    }
    files["bin/busybox"] = cpio.File(busybox.read_bytes(), 0o755)
    files["init"] = cpio.File(_INITRD_INIT.encode(), 0o755)
    return cpio.archive(files, ("dev", "proc", "root"))


def _write_rootfs(tree: Path, busybox: Path, hostname: str, rootfs: Path) -> None:
    files = {
        "bin/busybox": cpio.File(busybox.read_bytes(), 0o755),
        "etc/hostname": cpio.File(f"{hostname}\n".encode()),
        "sbin/init": cpio.File(_ROOTFS_INIT.encode(), 0o755),
    }
    for name in _EMPTY_DIRECTORIES:
        (tree / name).mkdir(parents=True)
    for name, file in files.items():
        path = tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    for folder in (tree, *(path for path in tree.rglob("*") if path.is_dir())):
        folder.chmod(0o755)  # whatever the umask
    constants = ["-all-root", "-no-xattrs", "-mkfs-time", "0", "-all-time", "0"]
    run(["mksquashfs", str(tree), str(rootfs), "-quiet", "-no-progress", *constants])


def _only_file(directory: Path, pattern: str) -> Path:
    found = sorted(directory.glob(pattern))
    if len(found) != 1:
        raise PackagesUnavailable(
            f"The package {directory.name} has {len(found)} files {pattern}, expected one."
        )
    return found[0]
