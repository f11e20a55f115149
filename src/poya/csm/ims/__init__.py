# SPDX-License-Identifier: Apache-2.0
"""The Image Management Service (IMS, `/apis/ims/v3`): images and what they are built with."""

from __future__ import annotations

import msgspec

from poya.csm.http.channel import Channel
from poya.csm.ims.images import DeletedImage, Image, Images
from poya.csm.ims.jobs import Job, Jobs
from poya.csm.ims.links import Link
from poya.csm.ims.public_keys import DeletedPublicKey, PublicKey, PublicKeys
from poya.csm.ims.recipes import DeletedRecipe, Recipe, Recipes, TemplateValue
from poya.csm.ims.remote_build_nodes import RemoteBuildNode, RemoteBuildNodes, RemoteBuildStatus
from poya.csm.versions import Once, Version

__all__ = [
    "DeletedImage",
    "DeletedPublicKey",
    "DeletedRecipe",
    "Image",
    "Images",
    "Ims",
    "Job",
    "Jobs",
    "Link",
    "PublicKey",
    "PublicKeys",
    "Recipe",
    "Recipes",
    "RemoteBuildNode",
    "RemoteBuildNodes",
    "RemoteBuildStatus",
    "TemplateValue",
]


class _Version(msgspec.Struct, frozen=True):
    version: str


class Ims:
    """The Image Management Service of one site."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._version = Once(self._ask_version)
        self.images = Images(channel, self._version)
        self.recipes = Recipes(channel, self._version)
        self.public_keys = PublicKeys(channel)
        self.jobs = Jobs(channel)
        self.remote_build_nodes = RemoteBuildNodes(channel, self._version)

    async def version(self) -> Version:
        """The service's version (`GET /version`), asked once.

        Raises:
            BadAnswer: It does not say one.
        """
        return await self._version.get()

    async def _ask_version(self) -> Version:
        answer = await self._channel.get("/version")
        version = Version.parse(answer.decode(_Version).version)
        if version is None:
            raise answer.bad("It holds no version.")
        return version
