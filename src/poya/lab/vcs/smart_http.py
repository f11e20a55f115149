# SPDX-License-Identifier: Apache-2.0
"""Git's smart HTTP protocol: `git http-backend`, a CGI program, behind ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from poya.lab.vcs.running import environment

_CHUNK_BYTES = 64 * 1024
_SERVICES = frozenset({"info/refs", "git-upload-pack", "git-receive-pack", "HEAD"})


async def serve_git(request: Request, repository: Path, service: str, user: str) -> Response:
    """Answer one request of a git client for `service` of a bare repository."""
    if service not in _SERVICES:
        return Response("Not found.\n", 404, media_type="text/plain")
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        env=environment(_cgi(request, repository, service, user)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the process was started with pipes")
    # All of the request first: git answers when it has read it, and a response that is being
    # streamed would take the rest of the body for itself while it waits for a disconnect.
    await _feed(request, process.stdin)
    status, headers = await _head(process.stdout)
    return StreamingResponse(_output(process, process.stdout), status, headers)


def _cgi(request: Request, repository: Path, service: str, user: str) -> dict[str, str]:
    headers = request.headers
    values = {
        "GIT_PROJECT_ROOT": str(repository),
        "PATH_INFO": f"/{service}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.url.query,
        "REMOTE_USER": user,
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": headers.get("content-length", ""),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
    }
    return {name: value for name, value in values.items() if value}


async def _feed(request: Request, stdin: asyncio.StreamWriter) -> None:
    try:
        async for chunk in request.stream():
            stdin.write(chunk)
            await stdin.drain()
    except (ClientDisconnect, ConnectionError):
        pass  # git ends when its input does
    finally:
        stdin.close()


async def _head(stdout: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    status, headers = 200, {}
    while line := (await stdout.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
    return (status, headers) if headers else (500, headers)


async def _output(
    process: asyncio.subprocess.Process, stdout: asyncio.StreamReader
) -> AsyncIterator[bytes]:
    try:
        while chunk := await stdout.read(_CHUNK_BYTES):
            yield chunk
    finally:
        if process.returncode is None and not stdout.at_eof():
            process.kill()
        await process.wait()
