# SPDX-License-Identifier: Apache-2.0
"""Passwords and tokens where others can read them: clone URLs, kernel parameters, cloud-init."""

from __future__ import annotations

import re
from collections.abc import Iterator

from poya.documents import Json
from poya.model.finding import Finding
from poya.model.secrets import MASK
from poya.planning.checks import Case
from poya.planning.nodes import shown

_SECRET_PARAMETER = re.compile(
    r"(?<!\S)([\w.-]*(?:passw|secret|token)[\w.-]*)=(?!\$\{)\S+", re.IGNORECASE
)
_MOST_PLACES = 4


def check(case: Case) -> Iterator[Finding]:
    """Tell where they are, never what they are."""
    yield from _in_clone_urls(case)
    yield from _in_kernel_parameters(case)
    yield from _in_cloud_init(case)
    yield from _left_out(case)


def _in_clone_urls(case: Case) -> Iterator[Finding]:
    for configuration in case.vcluster.configurations:
        number = sum(layer.has_login for layer in configuration.repositories())
        if number:
            yield Finding(
                "secret-in-clone-url",
                "critical",
                f"CFS configuration {configuration.name}",
                "Clone URLs hold a password or token, which everybody sees who may read "
                "configurations.",
                evidence=f"{number} of them",
                remedy="Give the layers a CFS source, or clean the URLs at the source.",
            )


def _in_kernel_parameters(case: Case) -> Iterator[Finding]:
    for template, boot_set in case.boot_sets():
        found = _SECRET_PARAMETER.findall(boot_set.kernel_parameters)
        if found:
            yield Finding(
                "secret-in-kernel-parameters",
                "warning",
                f"boot set {boot_set.name} of {template.name}",
                "Kernel parameters hold what looks like a secret of the source's site; the target "
                "gets it, the plan does not tell it.",
                evidence=", ".join(sorted(set(found))),
                remedy="Take it out, or use a variable that BSS fills in (${SPIRE_JOIN_TOKEN}).",
            )


def _in_cloud_init(case: Case) -> Iterator[Finding]:
    booted = case.vcluster.surroundings.booted
    hosts = sorted(h for b in booted if b.has_secrets for h in b.hosts)
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


def _left_out(case: Case) -> Iterator[Finding]:
    """A saved survey masks secrets: what it does not tell cannot be written."""
    for entity in case.entities:
        places = list(_masks(entity.body)) if entity.action in ("create", "change") else []
        if places:
            yield Finding(
                "secret-left-out",
                "critical",
                str(entity.ref),
                "The survey that this is planned from masks what looks like a secret, and the "
                "target would get the mask.",
                evidence=", ".join(places[:_MOST_PLACES]),
                remedy="Plan from the site itself, or take the secret out by a mapping "
                "([[kernel-parameter]]).",
            )


def _masks(value: Json, place: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _masks(item, f"{place}/{key}".lstrip("/"))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _masks(item, f"{place}/{number}")
    elif isinstance(value, str) and MASK in value:
        yield place
