# SPDX-License-Identifier: Apache-2.0
"""A running site boots its own vCluster, with real objects and a real git server."""

from __future__ import annotations

import json
import ssl
import urllib.request
from typing import Any
from urllib.parse import urlencode

from poya.lab.life.nodes import Nodes
from poya.lab.pytest_plugin import LabPair, TestSite

TEMPLATE = "gele-cos-template-23.06.0-1"
UANS = "x3000c0s17b0n0,x3000c0s19b0n0"


class Caller:
    """Somebody with a token and nothing of poya's."""

    def __init__(self, site: TestSite) -> None:
        self._site = site
        self._trust = ssl.create_default_context(cafile=str(site.ca_path))
        form = {
            "grant_type": "client_credentials",
            "client_id": "admin-client",
            "client_secret": site.files.secret(site.files.client_secret),
        }
        path = "/keycloak/realms/shasta/protocol/openid-connect/token"
        self._token = ""
        self._token = self.call("POST", path, urlencode(form).encode())["access_token"]

    def call(self, method: str, path: str, body: object = None) -> Any:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._site.url}{path}", data, method=method)
        request.add_header("authorization", f"Bearer {self._token}")
        if not isinstance(body, bytes):
            request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, context=self._trust) as answer:
            raw = answer.read()
        return json.loads(raw) if raw else None

    def boot(self, operation: str = "reboot", limit: str = "") -> dict[str, Any]:
        """Run a session to its end; its status."""
        body = {"template_name": TEMPLATE, "operation": operation, "limit": limit}
        name = self.call("POST", "/apis/bos/v2/sessions", body)["name"]
        for _ in range(100):
            self._site.running.clock.ahead_s += self._site.site.pace.of(600)
            found: dict[str, Any] = self.call("GET", f"/apis/bos/v2/sessions/{name}/status")
            if found["status"] == "complete":
                return found
        raise AssertionError(f"session {name} has no end")


def test_gele_reboots_and_is_configured_again(lab_pair: LabPair) -> None:
    """Two boot sets, two architectures, three repositories cloned at their commits."""
    status = Caller(lab_pair.alps).boot()
    assert (status["managed_components_count"], status["percent_successful"]) == (10, 100)
    assert status["error_summary"] == {}


def test_a_repository_that_is_gone_is_seen(lab_pair: LabPair) -> None:
    alps = lab_pair.alps
    repository = alps.ground.repositories.path("cray", "cscs-config-management")
    assert repository is not None
    repository.rename(repository.with_name("elsewhere.git"))
    status = Caller(alps).boot(limit="x3000c0s17b0n0")
    assert status["error_summary"] == {
        "cfs configuration failed": {"count": 1, "list": "x3000c0s17b0n0"}
    }
    console = "\n".join(Nodes(alps.site).console("x3000c0s17b0n0"))
    assert "cscs-config-management" in console
