# SPDX-License-Identifier: Apache-2.0
"""IMS: public keys and recipes, as far as a migration meets them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, json_answer
from poya.lab.services.ims_collection import Collection
from poya.lab.services.ims_discarded import Discarded
from poya.lab.services.ims_links import require_artifact, split_s3
from poya.lab.services.ims_schema import (
    Field,
    FlaskRefusal,
    anything,
    arch,
    boolean,
    choice,
    ims_body,
    link,
    not_blank,
    require,
)
from poya.lab.site import LabSite
from poya.lab.state import JsonObject, Records


class _Simple(Collection):
    """A collection of records that are created, read and deleted."""

    name: ClassVar[str]
    fields: ClassVar[Mapping[str, Field]]
    required: ClassVar[tuple[str, ...]]
    patchable: ClassVar[Mapping[str, Field]] = {}

    def __init__(self, site: LabSite, records: Records) -> None:
        super().__init__(site, records)
        self._discarded = Discarded(site, self.name, records)

    def routes(self) -> list[Route]:
        """The paths of this part of IMS."""
        bases = (f"/v3/{self.name}", f"/v2/{self.name}", f"/{self.name}")
        more = {"POST": self.create}, {"PATCH": self.patch}
        routes = [route for base in bases for route in self._routes(base, *more)]
        return [*routes, *self._discarded.routes()]

    async def create(self, request: Request) -> Response:
        """Create a record."""
        body = await ims_body(request)
        require(body, self.fields, *self.required)
        await self._check(body)
        record = {"id": str(uuid.uuid4()), "created": self._now(), **self._defaults(), **body}
        self._records.put(record["id"], record)
        return json_answer(record, 201)

    async def patch(self, request: Request) -> Response:
        """Change what can be changed of a record."""
        record = self._record(request)
        body = await ims_body(request)
        require(body, self.patchable)
        changed = await self._changed(record, body)
        self._records.put(record["id"], changed)
        return json_answer(changed)

    async def _drop(self, record: JsonObject, request: Request) -> None:
        """v3 puts a record aside, v2 takes its object with it."""
        if "/v3/" in request.url.path:
            await self._discarded.discard(record)
            return
        if record.get("link"):
            await self._site.objects.delete(*split_s3(record["link"]["path"]))
        self._records.delete(record["id"])

    async def _changed(self, record: JsonObject, body: JsonObject) -> JsonObject:
        return record | body

    def _defaults(self) -> JsonObject:
        return {}

    async def _check(self, body: JsonObject) -> None:
        """Refuse what cannot be stored."""


class PublicKeys(_Simple):
    """SSH keys of people who customise images."""

    name = "public-keys"
    fields: ClassVar[Mapping[str, Field]] = {"name": not_blank, "public_key": not_blank}
    required = ("name", "public_key")

    def __init__(self, site: LabSite) -> None:
        super().__init__(site, site.state.public_keys)


class Recipes(_Simple):
    """Recipes that images are built from."""

    name = "recipes"
    fields: ClassVar[Mapping[str, Field]] = {
        "name": not_blank,
        "recipe_type": choice("kiwi-ng", "packer"),
        "linux_distribution": choice("sles12", "sles15", "centos7"),
        "link": link,
        "template_dictionary": anything,
        "arch": arch,
        "require_dkms": boolean,
    }
    required = ("name", "recipe_type", "linux_distribution")

    def __init__(self, site: LabSite) -> None:
        super().__init__(site, site.state.recipes)

    def _defaults(self) -> JsonObject:
        extra = {"arch": "x86_64", "require_dkms": True} if self._site.profile.ims_arch else {}
        return {"link": None, "template_dictionary": [], **extra}

    patchable: ClassVar[Mapping[str, Field]] = {
        "link": link,
        "template_dictionary": anything,
        "arch": arch,
        "require_dkms": boolean,
    }

    async def _changed(self, record: JsonObject, body: JsonObject) -> JsonObject:
        new, old = body.get("link"), record.get("link")
        if new and old and new != old:
            raise Problem(409, "recipe record has already been linked")
        if new and not old:
            await self._check(body)
        return record | body

    async def _check(self, body: JsonObject) -> None:
        if not body.get("link"):
            return
        paths = {(recipe.get("link") or {}).get("path") for recipe in self._records.values()}
        if body["link"]["path"] in paths:
            # IMS means to answer 422, but its logging call fails first.
            raise FlaskRefusal(500, "Internal Server Error")
        await require_artifact(self._site.objects, body["link"])
