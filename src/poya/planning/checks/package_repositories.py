# SPDX-License-Identifier: Apache-2.0
"""Package repositories in images that lie at the source's site.

Nodes that install packages at the target, and image customization there, would reach back to the
source's Nexus, or to nothing. `packages.local` is the same name at every site.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from poya.model.finding import Finding
from poya.model.image import Image
from poya.model.image_contents import PackageRepository
from poya.planning.checks import Case, images_named
from poya.planning.source_names import SiteNames, names_of_source

_MOST_SHOWN = 3


def check(case: Case) -> Iterator[Finding]:
    """Tell of repositories that carry the source site's names."""
    if case.inventory.capabilities.is_verbatim:
        return
    names = names_of_source(case.vcluster, case.inventory, case.intent)
    found = {image.id: _of_source(image, names) for image in case.vcluster.images}
    concerned = [image for image in case.vcluster.images if found[image.id]]
    repositories = [r for image in concerned for r in found[image.id]]
    if concerned:
        hosts = ", ".join(dict.fromkeys(_host(repository) for repository in repositories))
        yield Finding(
            "repository-of-site",
            "warning",
            images_named(concerned),
            f"Packages are installed from {hosts}, a name of {case.vcluster.site}.",
            evidence=_evidence(repositories),
            remedy="Name packages.local, which is each site's own, or the target's repositories "
            "(CFS image customization).",
        )


def _of_source(image: Image, names: SiteNames) -> list[PackageRepository]:
    rootfs = image.contents.rootfs if image.contents else None
    listed = rootfs.repositories if rootfs else ()
    return [r for r in listed if r.is_enabled and names.include(_host(r))]


def _host(repository: PackageRepository) -> str:
    try:
        return urlsplit(repository.url).hostname or ""
    except ValueError:
        return ""


def _evidence(found: list[PackageRepository]) -> str:
    lines = list(dict.fromkeys(f"{r.place}: {r.url}" for r in found))
    more = f" and {len(lines) - _MOST_SHOWN} more" if len(lines) > _MOST_SHOWN else ""
    return ", ".join(lines[:_MOST_SHOWN]) + more
