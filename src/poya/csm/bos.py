# SPDX-License-Identifier: Apache-2.0
"""The Boot Orchestration Service (BOS, `/apis/bos/v2`): templates, sessions and components.

`tenant` on a call acts as that tenant. An administrator's lists show every tenant's records,
but one that belongs to a tenant is read and written only as that tenant.
"""

from __future__ import annotations

from dataclasses import dataclass

from poya.csm.bos_records import BosComponent, BosSession, SessionTemplate
from poya.csm.calls import params_of, path_of
from poya.csm.channel import Channel
from poya.csm.records import record_of, records_of
from poya.csm.versions import Once, Version, VersionParts
from poya.documents import Document, JsonObject

# BOS's changelog, and what validation says of rootfs providers.
TENANTS_SINCE = Version(2, 2)
ARCH_SINCE = Version(2, 5)
SBPS_SINCE = Version(2, 14)
ARCH_CHECK_SINCE = Version(2, 29)
CPS_UNTIL = Version(2, 45)


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


class BosSessions:
    """BOS sessions (`/sessions`): booting, rebooting or shutting down nodes."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self, *, tenant: str | None = None) -> tuple[BosSession, ...]:
        """All sessions."""
        answer = await self._channel.acting_as(tenant).get("/v2/sessions")
        return records_of(BosSession, answer.rows(), answer)

    async def get(self, name: str, *, tenant: str | None = None) -> BosSession:
        """One session.

        Raises:
            NotFound: There is none with that name, for that tenant.
        """
        return record_of(BosSession, await self._channel.acting_as(tenant).get(_session(name)))

    async def status(self, name: str, *, tenant: str | None = None) -> Document:
        """How far a session is: phases and percentages, errors and their nodes, as served.

        Raises:
            NotFound: There is none with that name, for that tenant.
        """
        answer = await self._channel.acting_as(tenant).get(f"{_session(name)}/status")
        return answer.document()

    async def create(self, body: JsonObject, *, tenant: str | None = None) -> BosSession:
        """Start a session: **nodes boot or shut down**. Name it, to find it after a lost answer.

        Args:
            body: template_name, operation (boot, reboot, shutdown), name, limit, …
            tenant: Act as this tenant; only its nodes take part.

        Raises:
            RequestRefused: The template is not valid (400) or the name is taken (409).
        """
        answer = await self._channel.acting_as(tenant).post("/v2/sessions", body)
        return record_of(BosSession, answer)

    async def delete(self, name: str, *, tenant: str | None = None) -> None:
        """Delete a session's record; its nodes stay as they are.

        Raises:
            NotFound: There is none with that name, for that tenant.
        """
        await self._channel.acting_as(tenant).delete(_session(name))


class BosComponents:
    """Components as BOS sees them (`/components`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self, *, session: str | None = None) -> tuple[BosComponent, ...]:
        """All components, or those of a session. Not paged unless asked for, and never asked."""
        answer = await self._channel.get("/v2/components", params_of({"session": session}))
        return records_of(BosComponent, answer.rows(), answer)

    async def get(self, xname: str) -> BosComponent:
        """One component.

        Raises:
            NotFound: BOS does not know it.
        """
        path = f"/v2/components{path_of(xname)}"
        return record_of(BosComponent, await self._channel.get(path))


class Bos:
    """The Boot Orchestration Service of one site."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._version = Once(self._ask_version)
        self.templates = Templates(channel)
        self.sessions = BosSessions(channel)
        self.components = BosComponents(channel)

    async def version(self) -> Version:
        """The service's version (`GET /v2/version`), asked once.

        Raises:
            BadAnswer: It does not say one.
        """
        return await self._version.get()

    async def options(self) -> Document:
        """The service's options, as served (`GET /v2/options`)."""
        return (await self._channel.get("/v2/options")).document()

    async def _ask_version(self) -> Version:
        answer = await self._channel.get("/v2/version")
        version = answer.decode(VersionParts).version()
        if version is None:
            raise answer.bad("It holds no version.")
        return version


def _template(name: str) -> str:
    return f"/v2/sessiontemplates{path_of(name)}"


def _session(name: str) -> str:
    return f"/v2/sessions{path_of(name)}"
