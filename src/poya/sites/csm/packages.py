# SPDX-License-Identifier: Apache-2.0
"""The package repositories that a site's Nexus has."""

from __future__ import annotations

from poya.csm import Site
from poya.sites.csm.asking import Asking


async def package_repositories(site: Site, asking: Asking) -> frozenset[str] | None:
    """Their names, as far as our account may see them; None where Nexus could not be asked."""

    async def ask() -> frozenset[str] | None:
        return frozenset(found.name for found in await site.nexus.repositories.list())

    return await asking.about("package repositories", ask(), None)
