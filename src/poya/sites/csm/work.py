# SPDX-License-Identifier: Apache-2.0
"""What BOS, CFS and BSS say that each node runs, in one request to each of their lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from poya.concurrency import both
from poya.csm import BootParameters, BosComponent, BosSession, CfsComponent, Site
from poya.csm.bos.records import BootState
from poya.model.names import image_id_of_kernel, normalise_xname
from poya.placement.running import LiveState


async def read_work(site: Site) -> dict[str, LiveState]:
    """What every node that any of the services knows runs, or is brought to."""
    (booted, sessions), (configured, parameters) = await both(
        both(site.bos.components.list(), site.bos.sessions.list()),
        both(site.cfs.components.list(), site.bss.boot_parameters.list()),
    )
    return live_states(booted, sessions, configured, parameters)


def live_states(
    booted: Iterable[BosComponent],
    sessions: Iterable[BosSession],
    configured: Iterable[CfsComponent],
    parameters: Iterable[BootParameters],
) -> dict[str, LiveState]:
    """Bring together what the services say of each node."""
    said: dict[str, dict[str, str | bool]] = defaultdict(dict)
    templates = {session.name: session.template_name for session in sessions}
    for component in booted:
        said[normalise_xname(component.id)].update(
            is_driven=bool(component.enabled),
            template=templates.get(component.session or "", ""),
            desired_image=_image(component.desired_state),
            actual_image=_image(component.actual_state),
        )
    for other in configured:
        said[normalise_xname(other.id)]["configuration"] = other.desired_config or ""
    for record in parameters:
        image = image_id_of_kernel(record.kernel or "") or ""
        for host in record.hosts or ():
            said[normalise_xname(host)]["next_image"] = image
    return {xname: LiveState(**words) for xname, words in said.items()}  # type: ignore[arg-type]


def _image(state: BootState | None) -> str:
    artifacts = state.boot_artifacts if state else None
    return image_id_of_kernel(artifacts.kernel or "" if artifacts else "") or ""
