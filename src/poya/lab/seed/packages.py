# SPDX-License-Identifier: Apache-2.0
"""What the Nexus of a site holds: a product's packages, and the group that names its version."""

from __future__ import annotations

from typing import Any, TypeAlias

from poya.lab.services.nexus import new_asset
from poya.lab.state import SiteState

Record: TypeAlias = dict[str, Any]

_PRODUCTS = {"cos": "2.5.101", "cpe": "23.05.0", "csm-sle-15sp4": "1.5.0"}
_WHEN_S = 1_687_348_800.0


def put_packages(state: SiteState) -> None:
    """Lay a hosted repository and a group for each product."""
    repositories: dict[str, Record] = {}
    assets: dict[str, Record] = {}
    for product, version in _PRODUCTS.items():
        hosted, group = f"{product}-{version}-sle-15.4", f"{product}-sle-15.4"
        repositories[hosted] = _repository(hosted, "hosted", [])
        repositories[group] = _repository(group, "group", [hosted])
        for name in ("x86_64", "aarch64"):
            path = f"{name}/{product}-tools-{version}-1.{name}.rpm"
            body = f"not a real package: {path}\n".encode()
            assets[f"{hosted}/{path}"] = new_asset(hosted, path, body, _WHEN_S)
    state.nexus_repositories.put_many(repositories)
    state.nexus_assets.put_many(assets)


def _repository(name: str, kind: str, members: list[str]) -> Record:
    return {"name": name, "format": "yum", "type": kind, "members": members}
