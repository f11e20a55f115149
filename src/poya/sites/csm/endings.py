# SPDX-License-Identifier: Apache-2.0
"""When the certificates end that a live CSM answers with, and that of who vouches for them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from poya.concurrency import both
from poya.csm import Site
from poya.csm.tls import first_to_expire, moment_of_certificate
from poya.model.ending import Ending
from poya.sites.csm.asking import Asking
from poya.sites.csm.objects import Objects


async def endings(site: Site, objects: Objects, asking: Asking) -> tuple[Ending, ...]:
    """The ends of the gateway's, the object store's and the authority's certificates."""
    gateway, store = await both(
        asking.about("the gateway's certificate", _gateway(site), None),
        asking.about("the object store's certificate", _store(objects), None),
    )
    authority = await asking.about("the site's CA", _authority(site), None)
    named = {
        "the gateway's certificate": gateway,
        "the object store's certificate": store,
        "its certificate authority": authority,
    }
    now = datetime.now(UTC)
    return tuple(
        Ending(what, f"{moment:%Y-%m-%d}", (moment - now).days)
        for what, moment in named.items()
        if moment is not None
    )


async def _gateway(site: Site) -> datetime | None:
    return (await site.peer()).certificate_ends


async def _store(objects: Objects) -> datetime | None:
    text = await objects.certificate_end()
    return moment_of_certificate(text) if text else None


async def _authority(site: Site) -> datetime | None:
    path = site.config.ca_path
    return await asyncio.to_thread(first_to_expire, path) if path else None
