# SPDX-License-Identifier: Apache-2.0
"""Names and addresses of the source's site in what the nodes boot with."""

from __future__ import annotations

import re
from collections.abc import Iterator

from poya.model.finding import Finding
from poya.model.records import BootSet, SessionTemplate
from poya.planning.checks import Case
from poya.planning.mapping.suggesting import documents_of, domain_at, domain_of

# 10/8, 172.16/12 and 192.168/16: every CSM site uses the same ranges for other machines.
_ADDRESS = re.compile(
    r"(?<![\d.])(?:10\.\d{1,3}|172\.(?:1[6-9]|2\d|3[01])|192\.168)\.\d{1,3}\.\d{1,3}(?![\d.])"
)


def check(case: Case) -> Iterator[Finding]:
    """Tell of passthroughs and kernel parameters that name the source's domain or addresses."""
    if case.inventory.capabilities.is_verbatim:
        return
    here = domain_of(documents_of(case.vcluster))
    there = domain_at(case.inventory)
    for template, boot_set in case.boot_sets():
        texts = {
            "kernel_parameters": boot_set.kernel_parameters,
            "rootfs_provider_passthrough": boot_set.rootfs_provider_passthrough,
        }
        for key, text in texts.items():
            yield from _domain(case, (template, boot_set, key, text), here, there)
            yield from _addresses((template, boot_set, key, text))


_Place = tuple[SessionTemplate, BootSet, str, str]


def _domain(case: Case, place: _Place, here: str, there: str) -> Iterator[Finding]:
    template, boot_set, key, text = place
    if here and there and here != there and here in text.lower():
        yield Finding(
            "site-name",
            "warning",
            f"boot set {boot_set.name} of {template.name}",
            f"Its {key} names {here}; {case.inventory.label} calls itself {there}.",
            evidence=text[:200],
            remedy=f"Map it: --map domains:{here}={there} (poya migrate map --suggest).",
        )


def _addresses(place: _Place) -> Iterator[Finding]:
    template, boot_set, key, text = place
    found = sorted(set(_ADDRESS.findall(text)))
    if found:
        yield Finding(
            "site-address",
            "warning",
            f"boot set {boot_set.name} of {template.name}",
            f"Its {key} holds addresses, which mean other machines at another site.",
            evidence=", ".join(found),
            remedy="Give the target's in a mapping ([[kernel-parameter]] or [site.words]).",
        )
