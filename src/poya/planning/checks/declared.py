# SPDX-License-Identifier: Apache-2.0
"""What the vCluster's owner declared that it needs, and that no service of CSM knows of."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case
from poya.planning.mapping.suggesting import documents_of, domain_at, domain_of


def check(case: Case) -> Iterator[Finding]:
    """Judge what can be judged, and remind of the rest."""
    if case.inventory.capabilities.is_verbatim:
        return
    yield from _repositories(case)
    subject, site = f"vCluster {case.vcluster.name}", case.inventory.label
    yield from _of_source(case)
    for mount in case.intent.declared.mount:
        if site not in mount.at and site != case.vcluster.site:
            yield Finding(
                "mount-unmapped",
                "warning",
                subject,
                f"Nothing says what serves {mount.path} at {site}.",
                evidence=f"{mount.source} at {case.vcluster.site}",
                remedy=f'Add to its vcluster.toml: at.{site} = "server:/path".',
            )
    for access in case.intent.declared.access:
        yield Finding(
            "access-declared",
            "info",
            subject,
            f"Its nodes must reach {access.to} from {site}, too.",
            evidence=access.why,
            remedy="Have it opened before the nodes boot.",
        )


def _of_source(case: Case) -> Iterator[Finding]:
    """Servers in the source's domain, which the target's documents call by another."""
    servers = _servers(case)
    here = domain_of(documents_of(case.vcluster)) if servers else ""
    there = domain_at(case.inventory) if here else ""
    if not there or here == there:
        return
    for what, server in servers:
        if here in server.lower():
            yield Finding(
                "declared-of-source",
                "warning",
                f"vCluster {case.vcluster.name}",
                f"{what} leads back to {case.vcluster.site}: {server}.",
                evidence=f"{here} is its domain, {there} that of {case.inventory.label}",
                remedy="Make sure that the target's nodes reach it, or name the target's own in "
                "vcluster.toml.",
            )


def _servers(case: Case) -> list[tuple[str, str]]:
    """What is declared, in words, and the server that it leads to from the target."""
    declared, site = case.intent.declared, case.inventory.label
    return [
        *((f"The mount {mount.path}", mount.at.get(site, "")) for mount in declared.mount),
        *(("An access that its owner declared", access.to) for access in declared.access),
    ]


def _repositories(case: Case) -> Iterator[Finding]:
    wanted = case.intent.declared.package_repositories
    known = case.inventory.circumstances.package_repositories
    absent = sorted(set(wanted) - known) if known is not None else []
    if absent:
        yield Finding(
            "package-repository-absent",
            "warning",
            f"vCluster {case.vcluster.name}",
            f"Nexus of {case.inventory.label} lacks repositories that it installs from.",
            evidence=", ".join(absent),
            remedy="Replicate them before images are built or nodes configured.",
        )
