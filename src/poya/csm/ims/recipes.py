# SPDX-License-Identifier: Apache-2.0
"""IMS recipes (`/v3/recipes`): what images are built from."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from poya.csm.http.calls import path_of
from poya.csm.http.channel import Channel
from poya.csm.ims.deleting import SoftDeleting
from poya.csm.ims.links import Link, link_body
from poya.csm.records import Record, record_of, records_of
from poya.csm.releases import IMS_ARCH, require
from poya.csm.versions import Once, Version
from poya.documents import Json, JsonObject


class TemplateValue(msgspec.Struct, frozen=True):
    """A word that is replaced in a recipe when it is built."""

    key: str
    value: str


class Recipe(Record, frozen=True):
    """An IMS recipe.

    Attributes:
        recipe_type: kiwi-ng or packer.
        linux_distribution: sles12, sles15 or centos7.
        require_dkms: Whether kernel modules are built with it (IMS 3.9 and later).
    """

    id: str
    name: str
    created: str | None = None
    link: Link | None = None
    recipe_type: str = ""
    linux_distribution: str = ""
    arch: str | None = None
    require_dkms: bool | None = None
    template_dictionary: tuple[TemplateValue, ...] | None = None


class DeletedRecipe(Recipe, frozen=True):
    """A soft-deleted recipe."""

    deleted: str | None = None


class Recipes(SoftDeleting[DeletedRecipe]):
    """IMS recipes."""

    def __init__(self, channel: Channel, version: Once[Version]) -> None:
        super().__init__(channel, "recipes", DeletedRecipe)
        self._version = version

    async def list(self) -> tuple[Recipe, ...]:
        """All recipes."""
        answer = await self._channel.get("/v3/recipes")
        return records_of(Recipe, answer.rows(), answer)

    async def get(self, recipe_id: str) -> Recipe:
        """One recipe.

        Raises:
            NotFound: There is none with that id.
        """
        return record_of(Recipe, await self._channel.get(_recipe(recipe_id)))

    async def create(
        self,
        name: str,
        *,
        linux_distribution: str = "sles15",
        recipe_type: str = "kiwi-ng",
        arch: str = "x86_64",
        values: Mapping[str, str] | None = None,
    ) -> Recipe:
        """Create a recipe without its archive. Never repeated on a lost answer.

        Raises:
            NeedsRelease: Another arch than x86_64 on an IMS older than 3.9.
            RequestRefused: IMS knows no such distribution or type (422).
        """
        version = await self._version.get()
        body: JsonObject = {
            "name": name,
            "recipe_type": recipe_type,
            "linux_distribution": linux_distribution,
        }
        if arch != "x86_64":
            require(version, IMS_ARCH, f"A recipe for {arch}", self._channel.site, "IMS")
        if version >= IMS_ARCH.version:
            body["arch"] = arch
        if values:
            pairs: list[Json] = [{"key": key, "value": item} for key, item in values.items()]
            body["template_dictionary"] = pairs
        return record_of(Recipe, await self._channel.post("/v3/recipes", body))

    async def set_link(self, recipe_id: str, *, path: str, etag: str) -> Recipe:
        """Set where the recipe's archive lies, which can be done once.

        Raises:
            UsageError: The etag is empty.
            RequestRefused: With status 409 if another link is set already.
        """
        link = link_body(path, etag, f"recipe {recipe_id}")
        return record_of(Recipe, await self._channel.patch(_recipe(recipe_id), {"link": link}))


def _recipe(recipe_id: str) -> str:
    return f"/v3/recipes{path_of(recipe_id)}"
