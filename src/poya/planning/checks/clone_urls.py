# SPDX-License-Identifier: Apache-2.0
"""Clone URLs with a host name of one site. `api-gw-service-nmn.local` means each site's own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from poya.model.finding import Finding
from poya.planning.checks import Case
from poya.planning.mapping.suggesting import domain_at

_SITE_HOST = re.compile(r"https?://(?:[^/@]*@)?(vcs\.[^/:]+|api\.[^/:]+)[:/]")


def check(case: Case) -> Iterator[Finding]:
    """Tell of configurations that go on cloning from one site's git, wherever they stand."""
    if case.inventory.capabilities.is_verbatim:
        return
    there = domain_at(case.inventory)
    for configuration in case.vcluster.configurations:
        hosts = [_SITE_HOST.match(layer.clone_url) for layer in configuration.repositories()]
        foreign = [match for match in hosts if match and not _is_at(there, match[1])]
        names = sorted({match[1] for match in foreign})
        if names:
            yield Finding(
                "clone-url-of-site",
                "warning",
                f"CFS configuration {configuration.name}",
                f"Layers are cloned from {', '.join(names)}, a name of one site.",
                evidence=f"{len(foreign)} of {len(hosts)} clone URLs",
                remedy="Make sure that the target reaches it when nodes are configured, or use "
                "api-gw-service-nmn.local, which means each site's own git.",
            )


def _is_at(domain: str, host: str) -> bool:
    """Whether a host is in the target's own domain."""
    return bool(domain) and host.lower().endswith(f".{domain}")
