# SPDX-License-Identifier: Apache-2.0
"""The layers of a configuration as a CFS session clones them."""

from __future__ import annotations

from collections.abc import Iterable

from poya.lab.ports import GitFailed
from poya.lab.site import LabSite
from poya.lab.state import JsonObject


class LayerFailed(Exception):
    """A layer that could not be applied.

    Attributes:
        number: Which, counted from 0.
    """

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"layer {number}: {text}")
        self.number = number


async def require_layers(site: LabSite, layers: Iterable[JsonObject]) -> None:
    """Clone every layer at its commit.

    Raises:
        LayerFailed: The first whose repository or commit is not to be had at this site.
    """
    for number, layer in enumerate(layers):
        url, commit = _place(site, layer), layer.get("commit")
        try:
            if commit:
                await site.git.require_commit(url, commit)
            elif layer.get("branch"):
                await site.git.resolve_branch(url, layer["branch"])
        except GitFailed as failure:
            text = f"{failure}"
            raise LayerFailed(number, text if url in text else f"{url}: {text}") from failure


def _place(site: LabSite, layer: JsonObject) -> str:
    source = site.state.sources.get(layer.get("source") or "") or {}
    return str(layer.get("clone_url") or source.get("clone_url") or "")
