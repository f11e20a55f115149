# SPDX-License-Identifier: Apache-2.0
"""BOS session templates (`/v2/sessiontemplates`): which nodes boot what."""

from __future__ import annotations

from dataclasses import dataclass

from poya.csm.bos.records import SessionTemplate
from poya.csm.http.calls import path_of
from poya.csm.http.channel import Channel
from poya.csm.records import record_of, records_of
from poya.documents import Document, JsonObject


@dataclass(frozen=True, slots=True)
class Validation:
    """What BOS says about a stored template.

    Attributes:
        text: `Valid`, or errors and warnings, which BOS does not tell apart.
    """

    text: str

    @property
    def is_valid(self) -> bool:
        """Whether the text is exactly `Valid`; the status is 200 in any case."""
        return self.text == "Valid"


class Templates:
    """Session templates (`/sessiontemplates`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self, *, tenant: str | None = None) -> tuple[SessionTemplate, ...]:
        """All templates; for an administrator those of all tenants, names then not unique."""
        answer = await self._channel.acting_as(tenant).get("/v2/sessiontemplates")
        return records_of(SessionTemplate, answer.rows(), answer)

    async def get(self, name: str, *, tenant: str | None = None) -> SessionTemplate:
        """One template.

        Raises:
            NotFound: There is none with that name, for that tenant.
        """
        answer = await self._channel.acting_as(tenant).get(_template(name))
        return record_of(SessionTemplate, answer)

    async def put(
        self, name: str, body: JsonObject, *, tenant: str | None = None
    ) -> SessionTemplate:
        """Create a template, or **replace** the one of that name without a question.

        BOS takes it even if its images do not exist: call `validate` afterwards.

        Args:
            name: Letters, digits and `-._`, at most 127.
            body: As `template_body` makes it.
            tenant: Whose template; None is nobody's.

        Raises:
            RequestRefused: BOS does not accept the body, or knows no such tenant (400).
        """
        answer = await self._channel.acting_as(tenant).put(_template(name), body)
        return record_of(SessionTemplate, answer)

    async def patch(
        self, name: str, changes: JsonObject, *, tenant: str | None = None
    ) -> SessionTemplate:
        """Change the top-level fields of a template; a boot set is replaced whole.

        Raises:
            NotFound: There is none with that name, for that tenant.
            RequestRefused: BOS does not accept the changes (400).
        """
        answer = await self._channel.acting_as(tenant).patch(_template(name), changes)
        return record_of(SessionTemplate, answer)

    async def delete(self, name: str, *, tenant: str | None = None) -> None:
        """Delete a template.

        Raises:
            NotFound: There is none with that name, for that tenant.
        """
        await self._channel.acting_as(tenant).delete(_template(name))

    async def validate(self, name: str, *, tenant: str | None = None) -> Validation:
        """What BOS says about a stored template (`/sessiontemplatesvalid`).

        Not looked at by BOS: etags, CFS configurations, HSM groups, whether nodes exist.

        Raises:
            NotFound: There is none with that name, for that tenant.
        """
        path = f"/v2/sessiontemplatesvalid{path_of(name)}"
        answer = await self._channel.acting_as(tenant).get(path)
        return Validation(answer.decode(str))

    async def example(self) -> Document:
        """A template to start from, as BOS makes it up (`/sessiontemplatetemplate`)."""
        return (await self._channel.get("/v2/sessiontemplatetemplate")).document()


def _template(name: str) -> str:
    return f"/v2/sessiontemplates{path_of(name)}"
