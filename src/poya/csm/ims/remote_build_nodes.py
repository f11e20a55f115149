# SPDX-License-Identifier: Apache-2.0
"""IMS remote build nodes (`/v3/remote-build-nodes`): nodes that build images of their own arch."""

from __future__ import annotations

import msgspec

from poya.csm.http.calls import path_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, record_of, records_of
from poya.csm.releases import IMS_REMOTE_BUILD_NODES, IMS_REMOTE_BUILD_STATUS, Since, require
from poya.csm.versions import Once, Version


class RemoteBuildNode(Record, frozen=True):
    """A node that builds images."""

    xname: str


class RemoteBuildStatus(Record, frozen=True, rename="camel"):
    """How a remote build node does."""

    xname: str
    node_arch: str | None = None
    num_current_jobs: int | None = None
    podman_status: str | None = None
    ssh_status: str | None = None
    is_able_to_run_jobs: bool = msgspec.field(default=False, name="ableToRunJobs")


class RemoteBuildNodes:
    """Nodes that build images of their own architecture.

    Every call raises NeedsRelease where IMS is older than they are.
    """

    def __init__(self, channel: Channel, version: Once[Version]) -> None:
        self._channel = channel
        self._version = version

    async def list(self) -> tuple[RemoteBuildNode, ...]:
        """All remote build nodes."""
        await self._require()
        answer = await self._channel.get("/v3/remote-build-nodes")
        return records_of(RemoteBuildNode, answer.rows(), answer)

    async def get(self, xname: str) -> RemoteBuildNode:
        """One remote build node.

        Raises:
            NotFound: It is none.
        """
        await self._require()
        return record_of(RemoteBuildNode, await self._channel.get(_node(xname)))

    async def add(self, xname: str) -> None:
        """Let a node build images."""
        await self._require()
        await self._channel.post("/v3/remote-build-nodes", {"xname": xname})

    async def remove(self, xname: str) -> None:
        """Let a node build images no more.

        Raises:
            NotFound: It is none.
        """
        await self._require()
        await self._channel.delete(_node(xname))

    async def status(self) -> tuple[RemoteBuildStatus, ...]:
        """How each of them does: IMS logs in to every one."""
        await self._require(IMS_REMOTE_BUILD_STATUS)
        answer = await self._channel.get("/v3/remote-build-nodes/status")
        return records_of(RemoteBuildStatus, answer.rows(), answer)

    async def _require(self, since: Since = IMS_REMOTE_BUILD_NODES) -> None:
        version = await self._version.get()
        require(version, since, "A remote build node", self._channel.site, "IMS")


def _node(xname: str) -> str:
    return f"/v3/remote-build-nodes{path_of(xname)}"
