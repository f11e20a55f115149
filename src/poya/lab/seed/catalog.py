# SPDX-License-Identifier: Apache-2.0
"""The product catalog: which products a site has installed, as ConfigMaps of Kubernetes.

`services/cray-product-catalog` has one key a product, whose text is YAML: versions, each with its
repository, images and recipes. From product-catalog 2.0 on (CSM 1.6), `component_versions` of each
product lies in a ConfigMap of its own, so that none grows beyond 1 MiB; all have one label.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from poya.lab.seed.histories import COS, CSM
from poya.lab.services.kubernetes_core import new_config_map
from poya.lab.state import SiteState

NAME, NAMESPACE = "cray-product-catalog", "services"
_LABEL = {"type": "cray-product-catalog"}
# product, version, repository, the branch that cf-gitea-import made
PRODUCTS = (
    ("cos", "2.5.101", COS, "cray/cos/2.5.101"),
    ("csm", "1.16.27", CSM, "cray/csm/1.16.27"),
)
_Entry: TypeAlias = dict[str, Any]


def put_catalog(
    state: SiteState, domain: str, commits: Mapping[str, str], *, is_split: bool
) -> None:
    """Write the catalog of a site.

    Args:
        state: Where to.
        domain: `<system>.<site domain>`.
        commits: The head of each product's branch, by repository.
        is_split: Component versions lie in ConfigMaps of their own.
    """
    main: dict[str, str] = {}
    maps: list[_Entry] = []
    for product, version, repository, branch in PRODUCTS:
        entry = _entry(domain, repository, branch, commits[repository])
        components = {"component_versions": _components(product, version)}
        main[product] = _yaml({version: entry if is_split else entry | components})
        if is_split:
            name = f"{NAME}-{product}"
            maps.append({"name": name, "data": {product: _yaml({version: components})}})
    put_maps(state, [{"name": NAME, "data": main}, *maps])


def put_maps(state: SiteState, maps: Iterable[_Entry]) -> None:
    """Write ConfigMaps of a catalog: `name`, `data` and, where they are others, `labels`."""
    for given in maps:
        record = new_config_map(NAMESPACE, given["name"], given["data"])
        record["metadata"]["labels"] = given.get("labels") or _LABEL
        state.kind("config_maps").put(f"{NAMESPACE}/{given['name']}", record)


def _entry(domain: str, repository: str, branch: str, commit: str) -> _Entry:
    return {
        "active": True,
        "configuration": {
            "clone_url": f"https://vcs.cmn.{domain}/vcs/cray/{repository}.git",
            "commit": commit,
            "import_branch": branch,
            "import_date": "2023-06-21 10:00:00.000000",
            "ssh_url": f"git@vcs.cmn.{domain}:cray/{repository}.git",
        },
        "images": {},
        "recipes": {},
    }


def _components(product: str, version: str) -> _Entry:
    hosted = f"{product}-{version}-sle-15sp4"
    return {
        "docker": [{"name": f"cray/{product}-config", "version": version}],
        "repositories": [
            {"name": hosted, "type": "hosted"},
            {"name": f"{product}-sle-15sp4", "type": "group", "members": [hosted]},
        ],
    }


def _yaml(value: _Entry) -> str:
    return "\n".join(_lines(value, "")) + "\n"


def _lines(value: object, indent: str) -> Iterator[str]:
    """Block YAML of maps, lists of maps, texts and truths; nothing else is in a catalog."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                yield f"{indent}{_scalar(key)}:"
                yield from _lines(inner, indent if isinstance(inner, list) else f"{indent}  ")
            else:
                yield f"{indent}{_scalar(key)}: {_scalar(inner)}"
    elif isinstance(value, list):
        for item in value:
            first, *others = _lines(item, "") if isinstance(item, dict) else [_scalar(item)]
            yield f"{indent}- {first}"
            yield from (f"{indent}  {line}" for line in others)


def _scalar(value: object) -> str:
    # JSON is YAML, too; words look better without quotes
    return value if isinstance(value, str) and value.isidentifier() else json.dumps(value)
