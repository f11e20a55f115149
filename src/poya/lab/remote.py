# SPDX-License-Identifier: Apache-2.0
"""The controls of a lab site that runs in a process of its own."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

from poya.errors import UsageError
from poya.lab.directory import SiteFiles, SiteSpec

_TIMEOUT_S = 60.0
_TOKEN_PATH = "/keycloak/realms/shasta/protocol/openid-connect/token"


class SiteControls:
    """Asks a running site, below /_lab or as its administrator."""

    def __init__(self, spec: SiteSpec, files: SiteFiles) -> None:
        self._spec = spec
        self._files = files

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Ask the lab's own controls; the JSON that they answer, or None.

        Raises:
            UsageError: The site does not run, or does not take what it is asked.
        """
        return self._send(method, f"/_lab/{path}", _json(body), {})

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Ask a service of the site as its administrator.

        Raises:
            UsageError: As `ask`.
        """
        headers = {"authorization": f"Bearer {self._token()}", "content-type": "application/json"}
        return self._send(method, path, _json(body), headers)

    def _token(self) -> str:
        secret = self._files.secret(self._files.client_secret)
        form = {
            "grant_type": "client_credentials",
            "client_id": "admin-client",
            "client_secret": secret,
        }
        return str(self._send("POST", _TOKEN_PATH, urlencode(form).encode(), {})["access_token"])

    def _send(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Any:  # noqa: ANN401
        url = f"{self._spec.url}{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        trust = ssl.create_default_context(cafile=str(self._files.ca))
        direct = urllib.request.ProxyHandler({})
        opener = urllib.request.build_opener(direct, urllib.request.HTTPSHandler(context=trust))
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            raise self._refused(error) from error
        except OSError as error:
            raise UsageError(
                f"The lab site {self._spec.name} does not answer.",
                why=f"{error}",
                todo="Start it with: poya lab up",
            ) from error
        return json.loads(raw) if raw else None

    def _refused(self, error: urllib.error.HTTPError) -> UsageError:
        with error:
            try:
                why = str(json.loads(error.read())["detail"])
            except (ValueError, KeyError, TypeError):
                why = f"status {error.code}"
        return UsageError(f"The lab site {self._spec.name} does not do that.", why=why)


def _json(body: object) -> bytes | None:
    return None if body is None else json.dumps(body).encode()
