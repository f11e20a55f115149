# SPDX-License-Identifier: Apache-2.0
"""Write a CFS configuration back as CFS served it, branches included.

CFS serves a layer that was made of a branch with branch and commit, and takes one of the two. The
commit is what runs. The branch is what `cray cfs configurations update` follows later on, so where
it still leads to that commit it is sent, and CFS finds the commit again.
"""

from __future__ import annotations

from poya.csm import Site, configuration_body
from poya.csm.vcs import repository_of
from poya.documents import Document, Json, JsonObject
from poya.errors import PoyaError
from poya.sites.csm.asking import is_in_site


async def put_configuration(site: Site, name: str, body: Document) -> None:
    """Make the configuration what `body` says; of branch and commit, the commit counts."""
    by_commit = configuration_body(body)
    by_branch = await _by_branch(site, body.value, by_commit)
    if by_branch != by_commit:
        stored = await site.cfs.configurations.put(name, by_branch)
        if _commits(stored.v3_document.value) == _commits(body.value):
            return
        # Somebody pushed to the branch just now.
    await site.cfs.configurations.put(name, by_commit)


async def _by_branch(site: Site, served: JsonObject, by_commit: JsonObject) -> JsonObject:
    """The body with branches for commits, where the site's git says that they lead there."""
    layers, bare = served.get("layers"), by_commit.get("layers")
    if site.config.vcs_login is None or not isinstance(layers, list) or not isinstance(bare, list):
        return by_commit
    pairs = zip(layers, bare, strict=True)
    return {**by_commit, "layers": [await _layer(site, layer, short) for layer, short in pairs]}


async def _layer(site: Site, served: Json, by_commit: Json) -> Json:
    if not isinstance(served, dict) or not isinstance(by_commit, dict):
        return by_commit
    branch, commit = served.get("branch"), served.get("commit")
    url = by_commit.get("clone_url")
    if not (isinstance(branch, str) and commit and isinstance(url, str) and is_in_site(url)):
        return by_commit
    try:
        head = await site.vcs.branch_head(*repository_of(url), branch)
    except PoyaError:
        return by_commit
    rest = {key: value for key, value in by_commit.items() if key != "commit"}
    return {**rest, "branch": branch} if head == commit else by_commit


def _commits(configuration: JsonObject) -> list[Json]:
    layers = configuration.get("layers")
    found = layers if isinstance(layers, list) else []
    return [layer.get("commit") if isinstance(layer, dict) else None for layer in found]
