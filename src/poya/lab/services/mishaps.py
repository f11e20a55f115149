# SPDX-License-Identifier: Apache-2.0
"""Faults put into effect on one request: how an answer is delayed, spoilt or lost."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poya.lab.faults import Fault, FaultAction
from poya.lab.services.answers import Problem
from poya.lab.services.policy import unauthorised

_STALL_S = 3600.0
_DRIPS = 20
_PROXY_PAGE = (
    "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n"
    "<center><h1>{status}</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"
)


class PeerReset(ConnectionResetError):
    """The connection was broken on purpose; only seen by clients that call the app directly."""


async def serve_struck(
    fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> int:
    """Serve one request under a fault.

    Returns:
        The status that the client got; 0 if the answer was lost.

    Raises:
        PeerReset: Where there is no socket to break.
    """
    refusal = _refusal(fault)
    if refusal is not None:
        return await _answer(refusal, scope, receive, send)
    if fault.action is FaultAction.RESET_BEFORE:
        return await _break_off(send)
    if fault.action is FaultAction.STALL:
        await _until_gone(receive, fault.delay_s or _STALL_S)
        return await _break_off(send)
    if fault.action is FaultAction.LATENCY:
        await asyncio.sleep(fault.delay_s)
    start, body = await _capture(app, scope, receive)
    return await _deliver(fault, start, body, send)


async def _deliver(fault: Fault, start: Message, body: bytes, send: Send) -> int:
    if fault.action is FaultAction.RESET_AFTER:
        return await _break_off(send)
    if fault.action is FaultAction.TRUNCATE:
        await send(start)
        await send(
            {"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True}
        )
        return await _break_off(send)
    if fault.action is FaultAction.GARBAGE:
        body = _PROXY_PAGE.format(status=fault.status).encode()
        length = str(len(body)).encode()
        headers = [(b"content-type", b"text/html"), (b"content-length", length)]
        start = {"type": "http.response.start", "status": fault.status, "headers": headers}
    await send(start)
    if fault.action is FaultAction.DRIP:
        await _drip(fault, body, send)
    else:
        await send({"type": "http.response.body", "body": body})
    status: int = start["status"]
    return status


async def _drip(fault: Fault, body: bytes, send: Send) -> None:
    """Send a body in small pieces, over the time that the fault says."""
    size = max(1, -(-len(body) // _DRIPS))
    for start in range(0, len(body), size):
        await asyncio.sleep(fault.delay_s / _DRIPS)
        piece = body[start : start + size]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _refusal(fault: Fault) -> Response | None:
    """The answer that is given in the service's place, if the fault is of that kind."""
    if fault.action is FaultAction.STATUS:
        return _chosen(fault)
    if fault.action is FaultAction.EXPIRED:
        return unauthorised("Jwt is expired")
    if fault.action is FaultAction.FULL:
        return Problem(500, "no space left on device").answer()
    return None


def _chosen(fault: Fault) -> Response:
    is_json = fault.body[:1] in ("{", "[", '"')
    return Response(
        fault.body, fault.status, media_type="application/json" if is_json else "text/plain"
    )


async def _answer(response: Response, scope: Scope, receive: Receive, send: Send) -> int:
    await response(scope, receive, send)
    return response.status_code


async def _capture(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    start: Message = {"type": "http.response.start", "status": 500, "headers": []}
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    return start, b"".join(parts)


async def _until_gone(receive: Receive, limit_s: float) -> None:
    """Wait until the client hangs up, but not for ever."""

    async def hang_up() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(hang_up(), limit_s)
    except TimeoutError:
        return


async def _break_off(send: Send) -> int:
    """Break the connection as a crash would, without a word more.

    ASGI has no message for that. Under uvicorn, `send` belongs to the object that holds the
    connection's transport; called directly, there is no connection and the caller gets an error.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if not isinstance(transport, asyncio.Transport):
        raise PeerReset("the lab broke the connection on purpose")
    transport.abort()
    # The loop must hear of the loss before the server looks for our answer.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return 0
