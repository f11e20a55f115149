# SPDX-License-Identifier: Apache-2.0
"""Open a live CSM as a source or as a target."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from poya.csm import Site, SiteConfig
from poya.sites.base import Witness
from poya.sites.csm.objects import open_objects
from poya.sites.csm.source import CsmSource
from poya.sites.csm.target import CsmTarget
from poya.sites.csm.watched import watching_network


@asynccontextmanager
async def open_csm_source(config: SiteConfig) -> AsyncIterator[CsmSource]:
    """Open a site for capturing; its client cannot send a request that changes it."""
    async with Site.connect(config, read_only=True) as site, open_objects(site, config) as objects:
        yield CsmSource(site, objects)


@asynccontextmanager
async def open_csm_target(
    config: SiteConfig, *, read_only: bool = False, witness: Witness | None = None
) -> AsyncIterator[CsmTarget]:
    """Open a site for writing, or only for reading back what was written.

    Args:
        witness: Told of every request that may change the site.
    """
    transport = watching_network(config, witness)
    async with (
        Site.connect(config, read_only=read_only, transport=transport) as site,
        open_objects(site, config, witness) as objects,
    ):
        yield CsmTarget(site, objects)
