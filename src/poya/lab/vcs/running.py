# SPDX-License-Identifier: Apache-2.0
"""Running git, untouched by the configuration of whoever runs the lab."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from poya.errors import UsageError

_BASE = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_HTTP_EXPORT_ALL": "1",
    "HOME": os.devnull,
    "LC_ALL": "C",
    "NO_PROXY": "*",
}


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a git process."""
    return {"PATH": os.environ.get("PATH", os.defpath), **_BASE, **(extra or {})}


def git_now(*arguments: str, directory: Path, stdin: bytes = b"") -> bytes:
    """Run git and wait for it; its output.

    Raises:
        UsageError: There is no git on this machine, or it failed.
    """
    command = ["git", *arguments]
    try:
        done = subprocess.run(
            command, cwd=directory, input=stdin, capture_output=True, env=environment(), check=True
        )
    except FileNotFoundError as error:
        raise UsageError(
            "The lab needs git, which is not installed.", todo="Install git and try again."
        ) from error
    except subprocess.CalledProcessError as error:
        raise UsageError(
            f"git {arguments[0]} failed in {directory}.", why=error.stderr.decode().strip()
        ) from error
    return done.stdout


async def git(
    *arguments: str, directory: Path, extra: Mapping[str, str] | None = None
) -> tuple[int, bytes, str]:
    """Run git beside other tasks; its exit status, output and complaints."""
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        cwd=directory,
        env=environment(extra),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, complaints = await process.communicate()
    return process.returncode or 0, output, complaints.decode(errors="replace").strip()
