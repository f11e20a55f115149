# SPDX-License-Identifier: Apache-2.0
"""ConfigMaps and Secrets of the lab's Kubernetes, and the product catalog among them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from lab.services.fakes import Lab
from poya.lab.seed.catalog import put_catalog
from poya.lab.seed.histories import COS, CSM

SERVICES = "/api/v1/namespaces/services"
COMMITS = {COS: "a" * 40, CSM: "b" * 40}


def map_of(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"type": "mine"}}, "data": data}


async def test_tools_find_their_passwords_in_secrets(csm17: Lab) -> None:
    """docs-csm: default/admin-client-auth, services/vcs-user-credentials, nexus and PowerDNS."""
    answer = await csm17.kubernetes("GET", "/api/v1/namespaces/default/secrets/admin-client-auth")
    data = {k: base64.b64decode(v).decode() for k, v in answer.json()["data"].items()}
    assert data["client-secret"] == "s3cret"
    assert data["endpoint"].endswith("/protocol/openid-connect/token")
    listed = (await csm17.kubernetes("GET", f"{SERVICES}/secrets")).json()["items"]
    names = {"vcs-user-credentials", "cray-powerdns-credentials"}
    assert {item["metadata"]["name"] for item in listed} == names
    missing = await csm17.kubernetes("GET", f"{SERVICES}/secrets/none")
    assert (missing.status_code, missing.json()["reason"]) == (404, "NotFound")


async def test_secrets_are_for_whoever_has_a_token(csm17: Lab) -> None:
    """Kubernetes: 401 as an object of kind Status."""
    answer = await csm17.client.get(f"/k8s{SERVICES}/secrets")
    assert (answer.status_code, answer.json()["kind"]) == (401, "Status")


async def test_config_maps_are_made_changed_and_deleted(csm17: Lab) -> None:
    """Kubernetes: 201, 409 for a second one and for an old version, merged on PATCH."""
    path = f"{SERVICES}/configmaps"
    made = await csm17.kubernetes("POST", path, map_of("mine", a="1"))
    again = await csm17.kubernetes("POST", path, map_of("mine"))
    assert (made.status_code, again.status_code) == (201, 409)
    merged = await csm17.kubernetes("PATCH", f"{path}/mine", {"data": {"b": "2", "a": None}})
    assert merged.json()["data"] == {"b": "2"}
    stale = await csm17.kubernetes("PUT", f"{path}/mine", made.json())
    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")
    fresh = merged.json() | {"data": {"c": "3"}}
    assert (await csm17.kubernetes("PUT", f"{path}/mine", fresh)).json()["data"] == {"c": "3"}
    statuses = [(await csm17.kubernetes("DELETE", f"{path}/mine")).status_code for _ in range(2)]
    assert statuses == [200, 404]
    nowhere = await csm17.kubernetes("POST", "/api/v1/namespaces/no/configmaps", map_of("x"))
    assert nowhere.status_code == 404


@pytest.mark.parametrize("is_split", [False, True])
async def test_the_product_catalog_is_yaml_in_config_maps(csm17: Lab, is_split: bool) -> None:
    """product-catalog: one key a product; from 2.0 on, component versions lie beside it."""
    put_catalog(csm17.site.state, "alps.example.org", COMMITS, is_split=is_split)
    path = f"{SERVICES}/configmaps"
    main = (await csm17.kubernetes("GET", f"{path}/cray-product-catalog")).json()["data"]
    assert main["cos"].startswith('"2.5.101":\n')
    assert f"commit: {'a' * 40}" in main["cos"]
    assert "vcs.cmn.alps.example.org/vcs/cray/cos-config-management.git" in main["cos"]
    assert ("component_versions" in main["cos"]) is not is_split
    labelled = f"{path}?labelSelector=type%3Dcray-product-catalog"
    found = (await csm17.kubernetes("GET", labelled)).json()["items"]
    assert len(found) == (3 if is_split else 1)
    other = await csm17.kubernetes("GET", f"{path}?labelSelector=type%3Dother")
    assert other.json()["items"] == []
