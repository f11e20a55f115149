# SPDX-License-Identifier: Apache-2.0
"""What `poya lab up` is asked for, and the sites that come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from poya.errors import UsageError
from poya.lab.directory import SiteFiles, SiteSpec, free_ports, ports_free
from poya.lab.profiles import profile_of

USUAL_SITES = (("alps", "1.5"), ("prealps", "1.6"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `up` is asked for.

    Attributes:
        sites: Names and releases; empty: as last time, or the usual pair.
        image_bytes: About the size of the largest root file system; None: as last time.
        port_base: The first of consecutive ports; None: as last time, or any.
        sts_endpoint: What STS names as the object store; None: as last time.
        pace: How many times faster things happen than at a real site; None: as last time.
        bulk: How many nodes, images, configurations and templates to add; None: as last time.
    """

    sites: tuple[tuple[str, str], ...] = ()
    image_bytes: int | None = None
    port_base: int | None = None
    sts_endpoint: str | None = None
    pace: float | None = None
    bulk: dict[str, int] | None = None


def planned(
    known: Iterable[SiteSpec],
    wanted: Wanted,
    running: set[str],
    files: Callable[[str], SiteFiles],
) -> list[SiteSpec]:
    """The sites of a lab as they are to be, with ports.

    Args:
        known: The sites that there are.
        wanted: What is asked for.
        running: The names of those that run; they keep what they have.
        files: Of a site, by name.

    Raises:
        UsageError: A site runs or holds content, and not as asked for; or a release is unknown.
    """
    sites = {spec.name: spec for spec in known}
    named = wanted.sites or tuple((s.name, s.release) for s in sites.values()) or USUAL_SITES
    for name, release in named:
        profile_of(release)
        before = sites.get(name, SiteSpec(name, release))
        asked = _asked(before, release, wanted)
        if asked != before:
            _check_change(before, asked, files(before.name), running=name in running)
        sites[name] = asked
    return _with_ports(list(sites.values()), wanted.port_base, running)


def _asked(before: SiteSpec, release: str, wanted: Wanted) -> SiteSpec:
    asked = replace(before, release=release)
    if wanted.image_bytes is not None:
        asked = replace(asked, image_bytes=wanted.image_bytes)
    if wanted.sts_endpoint is not None:
        asked = replace(asked, sts_endpoint=wanted.sts_endpoint)
    if wanted.pace is not None:
        if wanted.pace <= 0:
            raise UsageError("The pace of a lab is more than 0.", todo="1 is as slow as life.")
        asked = replace(asked, pace=wanted.pace)
    if wanted.bulk is not None:
        asked = replace(asked, bulk=wanted.bulk)
    return asked


def _check_change(before: SiteSpec, asked: SiteSpec, files: SiteFiles, *, running: bool) -> None:
    if running:
        raise UsageError(
            f"The lab site {before.name} is running, and not as asked for.",
            todo="Stop the lab first: poya lab down",
        )
    seeded = files.contents[0].exists()
    same = _content_of(before) == _content_of(asked)
    if seeded and not same:
        raise UsageError(
            f"The lab site {before.name} holds content of CSM {before.release} "
            f"with images of {before.image_bytes} bytes.",
            todo=f"Remove {files.contents[0].parent} to start it anew, or use another --dir.",
        )


def _content_of(spec: SiteSpec) -> tuple[object, ...]:
    return spec.release, spec.image_bytes, spec.bulk


def _with_ports(specs: Sequence[SiteSpec], base: int | None, running: set[str]) -> list[SiteSpec]:
    """Give ports to the sites that have none, and others to those whose own are taken by now."""
    if base is not None:
        ports = list(range(base, base + 2 * len(specs)))
    else:
        ports = free_ports(2 * len(specs))
    pairs = zip(specs, ports[::2], ports[1::2], strict=True)
    return [
        spec
        if base is None and _keeps_ports(spec, running)
        else replace(spec, gateway_port=gateway, s3_port=s3)
        for spec, gateway, s3 in pairs
    ]


def _keeps_ports(spec: SiteSpec, running: set[str]) -> bool:
    if not spec.gateway_port:
        return False
    return spec.name in running or ports_free(spec.gateway_port, spec.s3_port)
