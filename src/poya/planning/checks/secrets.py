# SPDX-License-Identifier: Apache-2.0
"""Passwords and tokens where others can read them: clone URLs, kernel parameters, cloud-init."""

from __future__ import annotations

import re
from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case
from poya.planning.nodes import shown
from poya.planning.translation import has_login

_SECRET_PARAMETER = re.compile(
    r"(?<!\S)([\w.-]*(?:passw|secret|token)[\w.-]*)=(?!\$\{)(\S+)", re.IGNORECASE
)


def check(case: Case) -> Iterator[Finding]:
    """Tell where they are, never what they are."""
    for configuration in case.vcluster.configurations:
        named = [r.clone_url for r in configuration.repositories() if has_login(r.clone_url)]
        if named:
            yield Finding(
                "secret-in-clone-url",
                "critical",
                f"CFS configuration {configuration.name}",
                "Clone URLs hold a password, which everybody sees who may read configurations.",
                evidence=f"{len(named)} of them",
                remedy="Give the layers a CFS source, or clean the URLs at the source.",
            )
    for template, boot_set in case.boot_sets():
        found = [name for name, _ in _SECRET_PARAMETER.findall(boot_set.kernel_parameters)]
        if found:
            yield Finding(
                "secret-in-kernel-parameters",
                "warning",
                f"boot set {boot_set.name} of {template.name}",
                "Kernel parameters hold what looks like a secret of the source's site.",
                evidence=", ".join(sorted(set(found))),
                remedy="Take it out, or use a variable that BSS fills in (${SPIRE_JOIN_TOKEN}).",
            )
    hosts = [h for b in case.vcluster.surroundings.booted if b.has_secrets for h in b.hosts]
    if hosts:
        yield Finding(
            "secret-in-cloud-init",
            "info",
            f"vCluster {case.vcluster.name}",
            "The cloud-init data of its nodes in BSS hold what looks like secrets; they are not "
            "brought.",
            evidence=shown(hosts),
            remedy="Give the target's nodes their own, if they need any.",
        )
