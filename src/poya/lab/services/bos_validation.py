# SPDX-License-Identifier: Apache-2.0
"""How BOS judges a boot set, in BOS's words.

A fatal finding is an error, any other a warning. PUT of a template stores it whatever its
artifacts are; `sessiontemplatesvalid` and new sessions look at all of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from poya.lab.ports import LabObjects
from poya.lab.profiles import ReleaseProfile
from poya.lab.services.bos_artifacts import (
    INITRD,
    KERNEL,
    PARAMETERS,
    Found,
    artifacts_of,
    require_object,
)
from poya.lab.services.bos_options import Options
from poya.lab.services.ims_links import split_s3
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

SPECIFIERS = ("node_list", "node_roles_groups", "node_groups")
VALID = "Valid"

_IMS_KEY = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/.+")
_IMS_ARCH = {"ARM": "aarch64", "Unknown": "x86_64", "X86": "x86_64"}


class BootSetError(Exception):
    """A finding that BOS takes as fatal. `kind` is the exception that BOS would name."""

    def __init__(self, text: str, kind: str = "BootSetError") -> None:
        super().__init__(text)
        self.kind = kind


class BootSetWarning(Exception):
    """A finding that BOS goes on after."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What BOS thinks of a template."""

    text: str
    fatal: bool = False


class Validator:
    """BOS's judgement, with the site's images, objects and options at hand."""

    def __init__(self, site: LabSite, options: Options) -> None:
        self._site = site
        self._options = options

    async def judge(self, template: JsonObject, name: str, operation: str) -> Verdict:
        """The verdict on a whole template: the first error, or all warnings, or `Valid`."""
        if not template.get("boot_sets"):
            return Verdict(f"Session template '{name}' requires at least 1 boot set.", fatal=True)
        if not self._site.profile.bos_strict:
            return await self._judge_as_before(template, name, operation)
        warnings: list[str] = []
        for key, boot_set in template["boot_sets"].items():
            about = f"Session template: '{name}' boot set: '{key}': "
            try:
                found = await self._judge_boot_set(boot_set, operation)
            except BootSetError as error:
                return Verdict(f"{about}{error}", fatal=True)
            warnings += [f"{about}{warning}" for warning in found]
        return Verdict("; ".join(warnings) or VALID)

    async def _judge_as_before(self, template: JsonObject, name: str, operation: str) -> Verdict:
        for key, boot_set in template["boot_sets"].items():
            about = f"Session template: '{name}' boot set: '{key}'"
            try:
                warnings = await _old_warnings(self._site.objects, boot_set, about, operation)
            except BootSetError as error:
                return Verdict(f"{about} {error}", fatal=True)
            if warnings:
                return Verdict("".join(warnings))
        return Verdict(VALID)

    def require_image(self, boot_set: JsonObject) -> None:
        """Compare a boot set with its image in IMS, from CSM 1.6 on.

        Raises:
            BootSetError: Of another architecture; or absent, where options say that matters.
            BootSetWarning: Absent, or cannot be compared.
        """
        if not self._site.profile.bos_strict:
            return
        arch = boot_set.get("arch", "X86")
        image = self._image_of(boot_set["path"])
        if arch == "Other":
            raise BootSetWarning("Can't validate boot image arch: Boot set arch set to 'Other'")
        actual = image.get("arch", "x86_64")
        if actual != _IMS_ARCH[arch]:
            raise BootSetError(
                f"Boot set arch '{arch}' means IMS image arch should be '{_IMS_ARCH[arch]}', but "
                f"actual IMS image arch is '{actual}'",
                "BootSetArchMismatch",
            )

    def require_xnames(self, boot_set: JsonObject) -> None:
        """Look for nids among the nodes.

        Raises:
            BootSetError: There are, and options forbid them.
            BootSetWarning: There are.
        """
        if any(node.startswith("nid") for node in boot_set.get("node_list") or ()):
            text = "Has NID in 'node_list'"
            raise (
                BootSetError(text) if self._options.is_set("reject_nids") else BootSetWarning(text)
            )

    async def _judge_boot_set(self, boot_set: JsonObject, operation: str) -> list[str]:
        warnings: list[str] = []
        require_specifier(boot_set)
        try:
            self.require_xnames(boot_set)
        except BootSetWarning as warning:
            warnings.append(str(warning))
        if operation == "shutdown":
            return warnings
        warnings += _provider_warnings(boot_set, self._site.profile)
        try:
            await _require_artifacts(self._site.objects, boot_set)
        except BootSetWarning as warning:
            warnings.append(str(warning))
        try:
            self.require_image(boot_set)
        except BootSetWarning as warning:
            warnings.append(str(warning))
        return warnings

    def _image_of(self, path: str) -> JsonObject:
        match = _IMS_KEY.fullmatch(split_s3(path)[1])
        if match is None:
            raise BootSetWarning(
                f"Boot artifact S3 URL '{path}' doesn't follow convention for IMS images"
            )
        image = self._site.state.images.get(match[1])
        if image is None:
            text = f"IMS image id '{match[1]}' does not exist in IMS"
            if self._options.is_set("ims_images_must_exist"):
                raise BootSetError(text)
            raise BootSetWarning(text)
        return image


def require_specifier(boot_set: JsonObject) -> None:
    """Make sure that a boot set says which nodes it is for.

    Raises:
        BootSetError: It does not.
    """
    if not any(field in boot_set for field in SPECIFIERS):
        raise BootSetError(f"No hardware specifier fields ({SPECIFIERS})")
    if not any(boot_set.get(field) for field in SPECIFIERS):
        raise BootSetError(f"No non-empty hardware specifier fields ({SPECIFIERS})")


async def _bootable(
    objects: LabObjects, boot_set: JsonObject, no_image: str, no_kernel: str
) -> dict[str, JsonObject]:
    """The artifacts of a boot set's image, a kernel among them.

    Raises:
        BootSetError: There is none; it begins with `no_image` or `no_kernel`.
    """
    try:
        artifacts = await artifacts_of(objects, boot_set)
    except Found as found:
        raise BootSetError(f"{no_image}. Error: {found}") from found
    try:
        await require_object(objects, artifacts, KERNEL)
    except Found as found:
        raise BootSetError(f"{no_kernel}. Error: {found}") from found
    return artifacts


async def _old_warnings(
    objects: LabObjects, boot_set: JsonObject, about: str, operation: str
) -> list[str]:
    """What BOS before 2.29 finds in a boot set: boot parameters are missed, IMS is not asked.

    Raises:
        BootSetError: A fatal finding.
    """
    if not any(boot_set.get(field) for field in SPECIFIERS):
        fields = ", ".join(sorted(SPECIFIERS))
        raise BootSetError(
            f"must have at least one hardware specifier field provided ({fields}); None were "
            "provided."
        )
    if operation == "shutdown":
        return []
    artifacts = await _bootable(
        objects, boot_set, "could not locate its boot artifacts", "could not locate its kernel"
    )
    warnings = []
    for kind, word in ((INITRD, "initrd"), (PARAMETERS, "boot_parameters")):
        try:
            await require_object(objects, artifacts, kind)
        except Found as found:
            reason = str(found)
            if kind not in artifacts:
                reason = f"ArtifactNotFound: {about} does not contain a {word}."
            warnings.append(f"{about} could not locate its {word}. Warning: {reason}")
    return warnings


def _provider_warnings(boot_set: JsonObject, profile: ReleaseProfile) -> list[str]:
    provider = boot_set.get("rootfs_provider")
    if not provider or profile.bos_providers is None or provider in profile.bos_providers:
        return []
    return [f"Unsupported rootfs_provider ('{provider}') will cause boot/reboot sessions to fail"]


async def _require_artifacts(objects: LabObjects, boot_set: JsonObject) -> None:
    """Look at the manifest and at the objects that a boot needs. Etags are not compared."""
    path = boot_set["path"]
    artifacts = await _bootable(
        objects, boot_set, "Can't find boot artifacts", f"Can't find kernel in {path}"
    )
    if INITRD not in artifacts:
        raise BootSetWarning(f"{path} doesn't contain a initrd")
    for kind, word in ((INITRD, "initrd"), (PARAMETERS, "boot_parameters")):
        try:
            if kind in artifacts:
                await require_object(objects, artifacts, kind)
        except Found as found:
            raise BootSetWarning(f"Unable to check {word} in {path}. Warning: {found}") from found
