# SPDX-License-Identifier: Apache-2.0
"""What is inside a boot image, as far as a migration must know it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Part: TypeAlias = Literal["kernel", "initrd", "rootfs"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of an authority.

    Attributes:
        sha256: Fingerprint: of its DER form, in hex.
        subject: Its common name, or what else it calls itself.
        place: The file that holds it.
    """

    sha256: str
    subject: str
    place: str


@dataclass(frozen=True, slots=True)
class PackageRepository:
    """A place that the image's package manager installs from.

    Attributes:
        alias: What the package manager calls it; may be empty.
        url: Without account, password and query.
        place: The file that names it.
    """

    alias: str
    url: str
    place: str
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class ProviderSupport:
    """A root file system provider that the initrd can boot from.

    Attributes:
        provider: As BOS calls it: `cpss3` or `sbps`.
        evidence: The file of the initrd that shows it.
    """

    provider: str
    evidence: str


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """What the kernel's file says.

    Attributes:
        arch: `x86_64`, `aarch64`, or empty where it does not say.
        release: As `uname -r` will say it; empty where the file does not.
    """

    arch: str
    release: str = ""


@dataclass(frozen=True, slots=True)
class InitrdFacts:
    """What the initrd holds.

    Attributes:
        kernels: Releases that it has kernel modules for.
        dracut_modules: What dracut made it from; empty where it does not say.
        providers: Those that it can boot from, each once.
    """

    entries: int
    kernels: tuple[str, ...] = ()
    dracut_modules: tuple[str, ...] = ()
    providers: tuple[ProviderSupport, ...] = ()
    certificates: tuple[Certificate, ...] = ()

    def can_boot_from(self, provider: str) -> bool:
        """Say whether it holds what the provider needs."""
        return any(support.provider == provider for support in self.providers)


@dataclass(frozen=True, slots=True)
class RootfsFacts:
    """What the root file system holds.

    Attributes:
        system: The operating system's name and version, as `os-release` has it.
        arch: What its programs are built for; empty where none was found to ask.
        kernels: Releases that it has kernel modules for.
        certificates: Of the authorities that it trusts, each once.
        repositories: What zypper, yum, dnf or apt are configured to install from.
    """

    system: str = ""
    arch: str = ""
    kernels: tuple[str, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    repositories: tuple[PackageRepository, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of the image that could not be looked into, and why."""

    part: Part
    why: str


@dataclass(frozen=True, slots=True)
class ImageContents:
    """What was seen inside an image; a part that was not looked into is None."""

    kernel: KernelFacts | None = None
    initrd: InitrdFacts | None = None
    rootfs: RootfsFacts | None = None
    unread: tuple[Unread, ...] = field(default=())

    def certificates(self) -> dict[str, Certificate]:
        """The authorities that initrd or root file system trust, by fingerprint."""
        parts = (self.initrd, self.rootfs)
        return {c.sha256: c for part in parts if part for c in part.certificates}
