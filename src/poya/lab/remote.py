# SPDX-License-Identifier: Apache-2.0
"""The controls of a lab site that runs in a process of its own."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from poya.errors import UsageError
from poya.lab.directory import SiteFiles, SiteSpec

_TIMEOUT_S = 60.0


class SiteControls:
    """Asks a running site below /_lab."""

    def __init__(self, spec: SiteSpec, files: SiteFiles) -> None:
        self._spec = spec
        self._files = files

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Send one request; the JSON that it answers, or None.

        Raises:
            UsageError: The site does not run, or does not take what it is asked.
        """
        data = None if body is None else json.dumps(body).encode()
        url = f"{self._spec.url}/_lab/{path}"
        request = urllib.request.Request(url, data, method=method)
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
