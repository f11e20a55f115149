# SPDX-License-Identifier: Apache-2.0
"""Package repositories that images name at the site's own Nexus, and that the target's lacks.

`packages.local` is the Nexus of whatever site a node is at; which products it carries, and in what
version, differs from site to site.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from poya.model.finding import Finding
from poya.model.image import Image
from poya.model.image_contents import PackageRepository
from poya.planning.checks import Case, images_named

_OWN_HOST = "packages.local"
_PATH = re.compile(r"^/repository/([^/]+)")
_MOST_SHOWN = 5


def check(case: Case) -> Iterator[Finding]:
    """Compare what the images name with what the target's Nexus has, where it could be asked."""
    there = case.inventory.circumstances.package_repositories
    if there is None or case.inventory.capabilities.is_verbatim:
        return
    absent = {image.id: sorted(_named(image) - there) for image in case.vcluster.images}
    concerned = [image for image in case.vcluster.images if absent[image.id]]
    names = list(dict.fromkeys(name for image in concerned for name in absent[image.id]))
    if names:
        more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
        yield Finding(
            "repository-absent",
            "warning",
            images_named(concerned),
            f"The Nexus of {case.inventory.label} lacks {_many(len(names))} that the package "
            "manager installs from.",
            evidence=", ".join(names[:_MOST_SHOWN]) + more,
            remedy="Install the products concerned at the target, or create the repositories in "
            "its Nexus.",
        )


def _many(count: int) -> str:
    return "a repository" if count == 1 else f"{count} repositories"


def _named(image: Image) -> set[str]:
    """The repositories of the site's own Nexus that the image installs from."""
    rootfs = image.contents.rootfs if image.contents else None
    listed = rootfs.repositories if rootfs else ()
    names = {_name(repository) for repository in listed if repository.is_enabled}
    return names - {""}


def _name(repository: PackageRepository) -> str:
    try:
        parts = urlsplit(repository.url)
    except ValueError:
        return ""
    found = _PATH.match(parts.path)
    return unquote(found[1]) if found and parts.hostname == _OWN_HOST else ""
