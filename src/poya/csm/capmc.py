# SPDX-License-Identifier: Apache-2.0
"""CAPMC (`/apis/capmc/capmc/v1`): power before PCS, in CSM 1.3; deprecated from 1.5 on.

Every answer is 200; whether it worked is in its body.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from poya.csm.hsm.components import normalise_xname
from poya.csm.http.answers import Answer
from poya.csm.http.channel import Channel
from poya.csm.power import PowerStatus
from poya.csm.records import bind
from poya.documents import Json, JsonObject, encode
from poya.errors import RequestRefused, UsageError


class _Failed(msgspec.Struct, frozen=True):
    xname: str = ""
    e: int = 0
    err_msg: str = ""


class _Outcome(msgspec.Struct, frozen=True):
    e: int = 0
    err_msg: str = ""
    xnames: tuple[_Failed, ...] | None = None


# CAPMC names HSM's states, or the on and off of Redfish: what runs in whatever way is on.
_POWER_OF_STATE = {"on": "on", "ready": "on", "standby": "on", "halt": "on", "off": "off"}
_UNKNOWN = "undefined"


class Capmc:
    """CAPMC of one site."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def status(self, xnames: Iterable[str] = ()) -> tuple[PowerStatus, ...]:
        """Power of these components, or of all (`get_xname_status`).

        Raises:
            RequestRefused: CAPMC does not know a component.
        """
        body: JsonObject = {"filter": "show_all"}
        if ids := _ids(xnames):
            body["xnames"] = ids
        answer = await self._channel.post("/get_xname_status", body, is_repeatable=True)
        _check(answer.decode(_Outcome), answer)
        return _statuses(answer)

    async def on(self, xnames: Iterable[str]) -> None:
        """Switch components on: **they boot**. Never repeated."""
        await self._switch("/xname_on", xnames)

    async def off(self, xnames: Iterable[str]) -> None:
        """Switch components off. Never repeated."""
        await self._switch("/xname_off", xnames)

    async def reinit(self, xnames: Iterable[str]) -> None:
        """Restart components. Never repeated."""
        await self._switch("/xname_reinit", xnames)

    async def _switch(self, path: str, xnames: Iterable[str]) -> None:
        ids = _ids(xnames)
        if not ids:
            raise UsageError("Components to switch must be named.")
        answer = await self._channel.post(path, {"xnames": ids, "reason": "poya"})
        _check(answer.decode(_Outcome), answer)


def _ids(xnames: Iterable[str]) -> list[Json]:
    return [normalise_xname(xname) for xname in xnames]


def _check(outcome: _Outcome, answer: Answer) -> None:
    failed = [one for one in outcome.xnames or () if one.e]
    if outcome.e == 0 and not failed:
        return
    words = [outcome.err_msg, *(f"{one.xname}: {one.err_msg}" for one in failed)]
    raise RequestRefused(
        f"CAPMC of {answer.call.site} did not do what was asked.",
        status=answer.status,
        detail="; ".join(word for word in words if word),
    )


def _statuses(answer: Answer) -> tuple[PowerStatus, ...]:
    """The names that the answer lists by their state, as PCS would have said it."""
    found: dict[str, str] = {}
    for state, names in answer.document().value.items():
        if isinstance(names, list) and state != "xnames":
            power = _POWER_OF_STATE.get(state, _UNKNOWN)
            found.update((f"{name}", power) for name in names)
    return tuple(_status(xname, power) for xname, power in sorted(found.items()))


def _status(xname: str, power: str) -> PowerStatus:
    value: JsonObject = {"xname": xname, "powerState": power}
    return bind(PowerStatus(xname=xname, power_state=power), encode(value))
