# SPDX-License-Identifier: Apache-2.0
"""Questions that a plan can do without: an answer, or a note that there was none."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar
from urllib.parse import urlsplit

from poya.concurrency import together
from poya.csm import Site, repository_of
from poya.errors import NotFound, PoyaError

_T = TypeVar("_T")


class Asking:
    """Asks, and keeps what could not be asked; failure never looks like an empty answer."""

    def __init__(self) -> None:
        self.unasked: list[str] = []

    async def about(self, what: str, work: Coroutine[Any, Any, _T], otherwise: _T) -> _T:
        """The answer; `otherwise`, which must mean "unknown", where there was none."""
        try:
            return await work
        except PoyaError as error:
            self.unasked.append(f"{what}: {error.what}")
            return otherwise

    def noted(self) -> tuple[str, ...]:
        """What could not be asked, in an order of its own."""
        return tuple(sorted(set(self.unasked)))


async def branch_heads(
    site: Site, asking: Asking, branches: tuple[tuple[str, str], ...]
) -> dict[tuple[str, str], str]:
    """The commit at the head of each branch of the site's own git; empty if there is none."""
    if site.config.vcs_login is None:
        return {}
    own = [pair for pair in branches if is_in_site(pair[0])]
    heads = await together(
        asking.about(f"branch {branch} of {url}", _head(site, url, branch), None)
        for url, branch in own
    )
    return {pair: head for pair, head in zip(own, heads, strict=True) if head is not None}


async def _head(site: Site, url: str, branch: str) -> str:
    try:
        return await site.vcs.branch_head(*repository_of(url), branch) or ""
    except NotFound:
        return ""


def is_in_site(url: str) -> bool:
    """Say whether a clone URL means the site's own Gitea, whichever site wrote it."""
    host = urlsplit(url).hostname or ""
    return host.startswith(("api-gw-service", "api.", "vcs."))
