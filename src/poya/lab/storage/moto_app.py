# SPDX-License-Identifier: Apache-2.0
"""Asking moto's S3 server within the process, one request at a time."""

from __future__ import annotations

import functools
import io
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.test import run_wsgi_app

if TYPE_CHECKING:
    from flask import Flask

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Answer:
    """An HTTP answer; header names in lower case, the body complete."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@functools.cache
def _application() -> Flask:
    # moto reloads a module of its own to make this: once a process is enough, as it holds no state
    return create_backend_app("s3")


class MotoS3:
    """moto's S3 as one account of it sees it."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id

    def ask(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        """Send one request (`target` as on the request line) and read the whole answer.

        A failure of moto's own becomes a 500 without a body.
        """
        environ = self._environ(method, target, headers, body)
        try:
            chunks, status, found = run_wsgi_app(_application(), environ, buffered=True)
            content = b"".join(chunks)
        except Exception:  # noqa: BLE001 - moto is not ours: nothing it raises may end the connection
            _log.exception("moto failed on %s %s", method, target)
            return Answer(500)
        names = {name.lower(): value for name, value in found}
        return Answer(int(status.split()[0]), names, content)

    def _environ(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> dict[str, object]:
        path, _, query = target.partition("?")
        environ: dict[str, object] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "RAW_URI": target,
            "REQUEST_URI": target,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "HTTP_X_MOTO_ACCOUNT_ID": self._account_id,
            # moto lets anonymous users read nothing; the front has checked the real signature
            "HTTP_AUTHORIZATION": "checked-by-the-front",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if "content-type" in headers:
            environ["CONTENT_TYPE"] = headers["content-type"]
        names = {"HTTP_" + name.upper().replace("-", "_"): name for name in headers}
        environ.update({wsgi: headers[name] for wsgi, name in names.items()})
        environ["moto.preserved_header_names"] = {
            wsgi: name for wsgi, name in names.items() if "_" in name
        }
        return environ
