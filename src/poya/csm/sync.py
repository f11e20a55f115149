# SPDX-License-Identifier: Apache-2.0
"""The client for scripts and notebooks that do not await: the same calls, which wait.

    with connect(config) as site:
        for image in site.ims.images.list():
            print(image.name)

Nothing is written twice: attributes are those of `poya.csm.Site`, and a call that would be awaited
is waited for. It runs on a loop of its own in a thread of its own, so it works where a loop runs
already, as in a notebook. `run` waits for anything else, and keeps its type.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from poya.csm.config import SiteConfig
from poya.csm.site import Site

T = TypeVar("T")


class SyncSite:
    """A part of a connected site whose calls wait; made by `connect`."""

    def __init__(self, part: object, waiter: Waiter) -> None:
        self._part = part
        self._waiter = waiter

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has there
        found = getattr(self._part, name)
        if inspect.ismethod(found) or inspect.isfunction(found):
            return self._waiting(found)
        return SyncSite(found, self._waiter) if _is_client(found) else found

    def __dir__(self) -> list[str]:
        return dir(self._part)

    def __repr__(self) -> str:
        return f"SyncSite({self._part!r})"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine of the asynchronous client, on its loop."""
        return self._waiter.wait(work)

    def _waiting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def waiting(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - as the client's own
            result = call(*args, **options)
            if inspect.iscoroutine(result):
                return self._waiter.wait(result)
            if isinstance(result, AsyncGenerator):
                return self._waiter.each(result)
            if isinstance(result, AbstractAsyncContextManager):
                return self._within(result)
            return result

        waiting.__name__, waiting.__doc__ = call.__name__, call.__doc__
        return waiting

    @contextmanager
    def _within(self, manager: AbstractAsyncContextManager[Any]) -> Iterator[SyncSite]:
        with self._waiter.within(manager) as part:
            yield SyncSite(part, self._waiter)


@contextmanager
def connect(config: SiteConfig, **options: Any) -> Iterator[SyncSite]:  # noqa: ANN401
    """Open a site for as long as the block lasts.

    Args:
        config: The site.
        options: As `Site.connect` takes them: `read_only`, `retry`, `transport`.

    Raises:
        ConfigError: The CA file cannot be used.
    """
    waiter = Waiter()
    try:
        with waiter.within(Site.connect(config, **options)) as site:
            yield SyncSite(site, waiter)
    finally:
        waiter.close()


class Waiter:
    """A loop in a thread of its own, and waiting for what runs there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="poya", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine; an interrupt (Ctrl-C) cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def each(self, items: AsyncGenerator[T, None]) -> Iterator[T]:
        """The items as they arrive; leaving the loop early ends the request."""
        try:
            while True:
                try:
                    yield self.wait(_next(items))
                except StopAsyncIteration:
                    return
        finally:
            self.wait(_closed(items))

    @contextmanager
    def within(self, manager: AbstractAsyncContextManager[T]) -> Iterator[T]:
        """The block of an asynchronous context manager."""
        entered = self.wait(_entered(manager))
        try:
            yield entered
        finally:
            self.wait(_exited(manager))

    def close(self) -> None:
        """End the loop and its thread."""
        self.wait(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _next(items: AsyncGenerator[T, None]) -> T:
    return await anext(items)


async def _closed(items: AsyncGenerator[Any, None]) -> None:
    await items.aclose()


async def _entered(manager: AbstractAsyncContextManager[T]) -> T:
    return await manager.__aenter__()


async def _exited(manager: AbstractAsyncContextManager[Any]) -> None:
    await manager.__aexit__(None, None, None)


def _is_client(part: object) -> bool:
    """Whether a part is a service or a collection of one, and no value."""
    is_ours = type(part).__module__.startswith("poya.csm.")
    return (
        is_ours
        and any(
            inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member)
            for member in vars(type(part)).values()
        )
    ) or (is_ours and any(_has_calls(value) for value in getattr(part, "__dict__", {}).values()))


def _has_calls(part: object) -> bool:
    return any(inspect.iscoroutinefunction(member) for member in vars(type(part)).values())
