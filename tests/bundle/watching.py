# SPDX-License-Identifier: Apache-2.0
"""A target that counts who knocks, and the command line as an operator uses it against it."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Target:
    """A listening port; each connection to it is counted and closed."""

    port: int
    knocks: list[str] = field(default_factory=list)


@contextmanager
def watched_target() -> Iterator[Target]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = Target(server.getsockname()[1])

        def listen() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, address = server.accept()
                    target.knocks.append(str(address))
                    connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield target


def configure(place: Path, target: Target, bundles: str = "") -> Path:
    """A configuration whose only site is the watched port."""
    path = place / "config.toml"
    (place / "token").write_text("not-a-token")
    path.write_text(
        f'site = "there"\n[sites.there]\nurl = "http://127.0.0.1:{target.port}"\n'
        f'[sites.there.auth]\nmethod = "token"\ntoken_file = "token"\n'
        f"[sites.there.bundles]\n{bundles}\n"
    )
    return path


def run(*args: str) -> tuple[int, str, str]:
    """Run the command line in this process: status, stdout, stderr."""
    from poya.cli.main import run as run_cli

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_cli(list(args))
    return code, out.getvalue(), err.getvalue()
