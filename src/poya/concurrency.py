# SPDX-License-Identifier: Apache-2.0
"""Do several things at once and fail with the first failure, not with a group of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

_T = TypeVar("_T")
_U = TypeVar("_U")


async def together(work: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Await all coroutines at once; the results are in their order.

    When one fails the others are cancelled and awaited, and its error is raised as it is.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in work]
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return [task.result() for task in tasks]


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def both(one: Coroutine[Any, Any, _T], other: Coroutine[Any, Any, _U]) -> tuple[_T, _U]:
    """Await two things at once, each with its own type; fails as `together` does."""
    try:
        async with asyncio.TaskGroup() as group:
            first, second = group.create_task(one), group.create_task(other)
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return first.result(), second.result()
