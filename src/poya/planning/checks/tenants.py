# SPDX-License-Identifier: Apache-2.0
"""Tenants: whose the templates and configurations become, and whose nodes they boot."""

from __future__ import annotations

from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case
from poya.planning.nodes import shown

# What TAPMS calls the exclusive group of every tenant that it keeps apart (cray-tapms 1.4-1.9).
EXCLUSIVE = "tapms-exclusive-group-label"


def check(case: Case) -> Iterator[Finding]:
    """Compare tenants of both sites, and the nodes with the tenants that own them."""
    if case.inventory.capabilities.is_verbatim:
        return
    yield from _foreign_templates(case)
    known = case.inventory.circumstances.tenants
    named = _named(case)
    if known is None:
        return
    for tenant, subjects in sorted(named.items()):
        if tenant not in known and case.inventory.capabilities.has_template_tenants:
            yield Finding(
                "tenant-unknown",
                "critical",
                subjects[0],
                f"{case.inventory.label} has no tenant '{tenant}'.",
                evidence=f"it has {', '.join(sorted(known)) or 'none'}",
                remedy="Create it in Kubernetes (TAPMS), or map it: --map tenants:OLD=NEW, with "
                "nothing after '=' for no tenant.",
            )
    yield from _nodes(case, set(named))
    yield from _taken_over(case)
    yield from _groups(case)


def _named(case: Case) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for template in case.vcluster.templates:
        if template.tenant:
            subject = f"BOS session template {template.name}"
            named.setdefault(template.tenant, []).append(subject)
    if case.inventory.capabilities.has_configuration_tenants:
        for configuration in case.vcluster.configurations:
            tenant = configuration.document.value.get("tenant_name")
            if isinstance(tenant, str) and tenant:
                subject = f"CFS configuration {configuration.name}"
                named.setdefault(tenant, []).append(subject)
    return named


def _taken_over(case: Case) -> Iterator[Finding]:
    """CFS gives an overwritten configuration the tenant of the new body, which may be none."""
    for entity in case.of_kind("configuration"):
        present = case.inventory.entities.get(entity.ref) if entity.action == "change" else None
        owner = str(present.value.get("tenant_name") or "") if present else ""
        if owner and owner != entity.body.get("tenant_name"):
            yield Finding(
                "configuration-of-tenant",
                "critical",
                str(entity.ref),
                f"It belongs to the tenant {owner}; overwriting takes it away.",
                evidence=f"it would become {entity.body.get('tenant_name') or 'nobody'}'s",
                remedy="--on-conflict configuration=rename leaves it alone.",
            )


def _nodes(case: Case, own: set[str]) -> Iterator[Finding]:
    tenants = case.inventory.circumstances.tenants or {}
    names = {node.xname for node in case.targets()}
    for tenant, xnames in sorted(tenants.items()):
        theirs = sorted(names & set(xnames))
        if theirs and tenant not in own:
            yield Finding(
                "node-of-tenant",
                "critical",
                f"vCluster {case.vcluster.name}",
                f"{len(theirs)} of its nodes at {case.inventory.label} belong to the tenant "
                f"{tenant}.",
                evidence=shown(theirs),
                remedy="Choose others with --nodes, or map the vCluster to that tenant.",
            )
    for tenant in sorted(own & tenants.keys()):
        outside = sorted(names - set(tenants[tenant]))
        if outside:
            yield Finding(
                "node-not-of-tenant",
                "warning",
                f"vCluster {case.vcluster.name}",
                f"{len(outside)} of its nodes do not belong to the tenant {tenant}; BOS leaves "
                "them out of the tenant's sessions.",
                evidence=shown(outside),
                remedy="Give them to the tenant in TAPMS.",
            )


def _groups(case: Case) -> Iterator[Finding]:
    tenants = case.inventory.circumstances.tenants or {}
    for group in case.vcluster.groups:
        tags = group.document.value.get("tags")
        names = [str(tag) for tag in tags] if isinstance(tags, list) else []
        if group.exclusive_group == EXCLUSIVE and not set(names) & tenants.keys():
            yield Finding(
                "group-of-tenant",
                "warning",
                f"HSM group {group.label}",
                f"At the source TAPMS made it for a tenant ({', '.join(names) or 'unnamed'}); "
                f"{case.inventory.label} has no such tenant, and would not give these nodes to "
                "another one.",
                remedy="Create the tenant first, which makes the group; or patch exclusiveGroup "
                "away in a mapping.",
            )


def _foreign_templates(case: Case) -> Iterator[Finding]:
    foreign = case.vcluster.surroundings.foreign_templates
    if foreign:
        yield Finding(
            "template-of-tenant",
            "info",
            f"vCluster {case.vcluster.name}",
            "Templates of other tenants boot its groups, too, and are not brought.",
            evidence=shown(sorted(foreign)),
            remedy="Capture them as that tenant: set tenant in the site's configuration.",
        )
