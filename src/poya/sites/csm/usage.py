# SPDX-License-Identifier: Apache-2.0
"""Read what of a live CSM refers to images, configurations and groups."""

from __future__ import annotations

from collections import defaultdict

from poya.concurrency import both
from poya.csm import Site
from poya.model.names import image_id_of_kernel, normalise_xname
from poya.model.records import SessionTemplate
from poya.model.usage import Usage


async def usage_at(site: Site) -> Usage:
    """Every reference that there is, in a request each to BOS, CFS and BSS."""
    templates, (components, boot_parameters) = await both(
        site.bos.templates.list(),
        both(site.cfs.components.list(), site.bss.boot_parameters.list()),
    )
    desired: dict[str, set[str]] = defaultdict(set)
    for component in components:
        if component.desired_config:
            desired[component.desired_config].add(normalise_xname(component.id))
    booted: dict[str, set[str]] = defaultdict(set)
    for parameters in boot_parameters:
        image_id = image_id_of_kernel(parameters.kernel or "")
        if image_id:
            booted[image_id].update(normalise_xname(host) for host in parameters.hosts or ())
    return Usage(
        templates=tuple(SessionTemplate.of(record.document) for record in templates),
        desired={name: tuple(sorted(xnames)) for name, xnames in desired.items()},
        booted={image_id: tuple(sorted(xnames)) for image_id, xnames in booted.items()},
    )
