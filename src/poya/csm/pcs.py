# SPDX-License-Identifier: Apache-2.0
"""The Power Control Service (PCS, `/apis/power-control/v1`): from CSM 1.4 on.

Before it there is only CAPMC (`poya.csm.capmc`): `status` asks whichever the site has, everything
else needs PCS and says so.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from poya.csm.capmc import Capmc
from poya.csm.hsm.components import normalise_xname
from poya.csm.http.calls import params_of, path_of
from poya.csm.http.channel import Channel
from poya.csm.power import PowerStatus
from poya.csm.records import Record, record_of, records_of
from poya.csm.releases import NeedsRelease
from poya.csm.versions import Once
from poya.documents import Document, Json, JsonObject
from poya.errors import RequestRefused, UsageError

OPERATIONS = ("on", "off", "soft-off", "soft-restart", "hard-restart", "init", "force-off")
# More names than this do not fit into a URL that every gateway takes.
_MOST_IN_URL = 200
_NOT_ALLOWED = 405


class TaskCounts(msgspec.Struct, frozen=True, rename="kebab"):
    """How many components of a transition are in which state."""

    total: int = 0
    new: int = 0
    in_progress: int = 0
    failed: int = 0
    succeeded: int = 0
    un_supported: int = 0


class Task(msgspec.Struct, frozen=True):
    """What became of one component in a transition.

    Attributes:
        status: new, in-progress, failed, succeeded, unsupported.
    """

    xname: str
    status: str = msgspec.field(default="", name="taskStatus")
    description: str = msgspec.field(default="", name="taskStatusDescription")
    error: str | None = None


class Transition(Record, frozen=True):
    """A change of power that PCS carries out by itself.

    Attributes:
        status: new, in-progress, completed, aborted, abort-signaled.
    """

    id: str = msgspec.field(name="transitionID")
    operation: str = ""
    status: str = msgspec.field(default="", name="transitionStatus")
    create_time: str = msgspec.field(default="", name="createTime")
    counts: TaskCounts = msgspec.field(default=TaskCounts(), name="taskCounts")
    tasks: tuple[Task, ...] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ("completed", "aborted")


class _TransitionArray(msgspec.Struct, frozen=True):
    transitions: list[msgspec.Raw] | None = None


class _StatusArray(msgspec.Struct, frozen=True):
    status: list[msgspec.Raw] | None = None


class _NeedsPcs:
    """What CAPMC has nothing like."""

    def __init__(self, channel: Channel, is_there: Once[bool]) -> None:
        self._channel = channel
        self._is_there = is_there

    async def _require(self, what: str) -> None:
        if not await self._is_there.get():
            raise NeedsRelease(what, self._channel.site, "1.4", "CAPMC only")


class Transitions(_NeedsPcs):
    """Changes of power (`/transitions`). Every call raises NeedsRelease without PCS."""

    async def list(self) -> tuple[Transition, ...]:
        """The transitions of the last day, without their tasks."""
        await self._require("A power transition")
        answer = await self._channel.get("/transitions")
        rows = answer.decode(_TransitionArray).transitions or []
        return records_of(Transition, rows, answer)

    async def get(self, transition_id: str) -> Transition:
        """One transition with its tasks.

        Raises:
            NotFound: There is none with that id, or it is older than a day.
        """
        await self._require("A power transition")
        return record_of(Transition, await self._channel.get(_transition(transition_id)))

    async def start(
        self, operation: str, xnames: Iterable[str], *, deadline_minutes: int | None = None
    ) -> Transition:
        """Change the power of components: **they go on or off**. Never repeated.

        Args:
            operation: One of `OPERATIONS`.
            xnames: The components.
            deadline_minutes: When those that are not done count as failed; PCS waits 5.

        Raises:
            UsageError: There is no such operation, or no component is named.
            RequestRefused: PCS does not know a component (400).
            NeedsRelease: The site has no PCS.
        """
        if operation not in OPERATIONS:
            raise UsageError(
                f"'{operation}' is no operation of PCS.", why=f"It has {', '.join(OPERATIONS)}."
            )
        location: list[Json] = [{"xname": normalise_xname(xname)} for xname in xnames]
        if not location:
            raise UsageError("Components to switch must be named.")
        await self._require("A power transition")
        body: JsonObject = {"operation": operation, "location": location}
        if deadline_minutes is not None:
            body["taskDeadlineMinutes"] = deadline_minutes
        return record_of(Transition, await self._channel.post("/transitions", body))

    async def abort(self, transition_id: str) -> None:
        """Stop a transition; components already switched stay so.

        Raises:
            NotFound: There is none with that id.
            RequestRefused: It is over (400).
        """
        await self._require("A power transition")
        await self._channel.delete(_transition(transition_id))


class PowerCaps(_NeedsPcs):
    """Limits on the power of nodes (`/power-cap`). Every call raises NeedsRelease without PCS."""

    async def snapshot(self, xnames: Iterable[str]) -> Document:
        """Begin to read the limits of nodes; the answer has the id of the task that does it."""
        await self._require("A power cap")
        ids: list[Json] = [normalise_xname(xname) for xname in xnames]
        return (await self._channel.post("/power-cap/snapshot", {"xnames": ids})).document()

    async def set(self, body: JsonObject) -> Document:
        """Begin to set limits (`{"components": [{"xname", "controls": [{"name", "value"}]}]}`)."""
        await self._require("A power cap")
        return (await self._channel.patch("/power-cap", body)).document()

    async def tasks(self) -> Document:
        """The tasks that read or set limits."""
        await self._require("A power cap")
        return (await self._channel.get("/power-cap")).document()

    async def task(self, task_id: str) -> Document:
        """One task and what it found.

        Raises:
            NotFound: There is none with that id.
        """
        await self._require("A power cap")
        return (await self._channel.get(f"/power-cap{path_of(task_id)}")).document()


class Pcs:
    """The Power Control Service of one site."""

    def __init__(self, channel: Channel, capmc: Capmc) -> None:
        self._channel = channel
        self._capmc = capmc
        self._is_there = Once(self._ask)
        self.transitions = Transitions(channel, self._is_there)
        self.power_caps = PowerCaps(channel, self._is_there)

    async def is_there(self) -> bool:
        """Whether the site has PCS, asked once (`GET /readiness`)."""
        return await self._is_there.get()

    async def status(
        self, xnames: Iterable[str] = (), *, state: str | None = None
    ) -> tuple[PowerStatus, ...]:
        """Power of these components, or of all, from PCS or, where there is none, CAPMC.

        Args:
            xnames: The components; none means all that can be switched.
            state: Only those that are on, off or undefined.
        """
        ids = [normalise_xname(xname) for xname in xnames]
        if not await self._is_there.get():
            found = await self._capmc.status(ids)
            return tuple(one for one in found if state in (None, one.power_state))
        if len(ids) <= _MOST_IN_URL:
            wanted = params_of({"xname": ids, "powerStateFilter": state})
            answer = await self._channel.get("/power-status", wanted)
            return records_of(PowerStatus, answer.decode(_StatusArray).status or [], answer)
        return await self._status_of_many(ids, state)

    async def _status_of_many(self, ids: list[str], state: str | None) -> tuple[PowerStatus, ...]:
        """By POST, which CSM 1.5 and later know; else in as many GETs as it takes."""
        body: JsonObject = {"xname": [*ids]}
        if state:
            body["powerStateFilter"] = state
        try:
            answer = await self._channel.post("/power-status", body, is_repeatable=True)
        except RequestRefused as refused:
            if refused.status != _NOT_ALLOWED:
                raise
            found: list[PowerStatus] = []
            for start in range(0, len(ids), _MOST_IN_URL):
                found += await self.status(ids[start : start + _MOST_IN_URL], state=state)
            return tuple(found)
        return records_of(PowerStatus, answer.decode(_StatusArray).status or [], answer)

    async def _ask(self) -> bool:
        return await self._channel.try_get("/readiness") is not None


def _transition(transition_id: str) -> str:
    return f"/transitions{path_of(transition_id)}"
