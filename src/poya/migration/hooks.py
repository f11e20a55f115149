# SPDX-License-Identifier: Apache-2.0
"""The operator's own commands before and after: networks, databases, queues.

A hook is a program with arguments, not a line for a shell. It is told what it runs for in its
environment, its output goes where poya's messages go, and its failure stops what it was part of.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Mapping

from poya.errors import StoppedPartWay, UsageError


def split_hook(text: str) -> list[str]:
    """Split a hook's command as a shell would, without running one.

    Raises:
        UsageError: Nothing is left, or a quote is not closed.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"The hook {text!r} is not a command.", why=str(error)) from None
    if not words:
        raise UsageError("The hook is empty.")
    return words


async def run_hook(name: str, words: list[str], facts: Mapping[str, str]) -> None:
    """Run one hook to its end.

    Args:
        name: `pre` or `post`.
        facts: Become `POYA_<NAME>` in its environment, besides `POYA_HOOK`.

    Raises:
        UsageError: It cannot be started.
        StoppedPartWay: It ended with another status than 0.
    """
    extra = {f"POYA_{key.upper()}": value for key, value in facts.items()}
    environment = {**os.environ, **extra, "POYA_HOOK": name}
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=2, env=environment
        )
    except OSError as error:
        raise UsageError(
            f"The {name}-hook {words[0]} cannot be started.",
            why=f"{error.strerror}",
            todo="Name a program that exists and is executable.",
        ) from error
    try:
        status = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if status != 0:
        raise StoppedPartWay(
            f"The {name}-hook {words[0]} ended with status {status}.",
            todo="Nothing was written yet." if name == "pre" else "The migration itself is done.",
        )
