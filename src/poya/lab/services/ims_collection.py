# SPDX-License-Identifier: Apache-2.0
"""What all collections of IMS have in common: how records are listed, read and deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, encoded_answer, json_answer, no_content
from poya.lab.services.times import ims_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject, Records

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_MISSING = "Requested resource does not exist. Re-run request with valid ID."


class Collection:
    """Records of one kind.

    Attributes:
        key: The field by which they are found.
    """

    key: ClassVar[str] = "id"

    def __init__(self, site: LabSite, records: Records) -> None:
        self._site = site
        self._records = records

    async def list_all(self, _request: Request) -> Response:
        """All records: there are no filters and no pages."""
        return encoded_answer(self._records.encoded())

    async def get(self, request: Request) -> Response:
        """One record."""
        return json_answer(self._record(request))

    async def delete(self, request: Request) -> Response:
        """Delete one record."""
        await self._drop(self._record(request), request)
        return no_content()

    async def delete_all(self, request: Request) -> Response:
        """Delete all records."""
        for record in list(self._records.values()):
            await self._drop(record, request)
        return no_content()

    async def _drop(self, record: JsonObject, request: Request) -> None:  # noqa: ARG002
        """What deleting a record means; here: forget it."""
        self._records.delete(record[self.key])

    def _routes(
        self, base: str, many: Mapping[str, Handler], one: Mapping[str, Handler]
    ) -> list[Route]:
        """Paths of the collection and of a record; reading and deleting come by themselves."""
        many = {"GET": self.list_all, "DELETE": self.delete_all, **many}
        one = {"GET": self.get, "DELETE": self.delete, **one}
        return [
            *(Route(base, handler, methods=[method]) for method, handler in many.items()),
            *(
                Route(f"{base}/{{{self.key}}}", handler, methods=[method])
                for method, handler in one.items()
            ),
        ]

    def _record(self, request: Request) -> JsonObject:
        record = self._records.get(request.path_params[self.key])
        if record is None:
            raise Problem(404, _MISSING)
        return record

    def _now(self) -> str:
        return ims_time(self._site.clock(), zone=self._site.profile.ims_times_have_zone)
