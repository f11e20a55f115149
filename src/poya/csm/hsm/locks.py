# SPDX-License-Identifier: Apache-2.0
"""Locks and reservations of components (SMD, `/locks`).

They stop power and firmware changes, and BOS 2.47 and later leaves locked nodes out of sessions;
they protect no group and no configuration.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from poya.csm.hsm.components import ids_of, rows_of
from poya.csm.http.calls import params_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, records_of
from poya.csm.secret import Secret
from poya.documents import Json, JsonObject
from poya.errors import RequestRefused, UsageError

_BAD_REQUEST = 400
_LONGEST_RESERVATION_MIN = 15


class Lock(Record, frozen=True, rename="pascal"):
    """Whether a component is locked or reserved."""

    id: str = msgspec.field(name="ID")
    locked: bool = False
    reserved: bool = False
    reservation_disabled: bool = False
    expiration_time: str | None = None


class Reservation(msgspec.Struct, frozen=True):
    """A component that is held, and the keys to it.

    Attributes:
        deputy_key: Lets whoever shows it act on the component while it is reserved.
        reservation_key: Renews and releases the reservation.
        expires: When it ends by itself; None for one that does not.
    """

    id: str
    deputy_key: Secret
    reservation_key: Secret
    expires: str | None = None


class _Keys(msgspec.Struct, frozen=True, rename="pascal"):
    id: str = msgspec.field(name="ID")
    deputy_key: str = ""
    reservation_key: str = ""
    expiration_time: str | None = None


class _Failed(msgspec.Struct, frozen=True, rename="pascal"):
    id: str = msgspec.field(default="", name="ID")
    reason: str = ""


class _Reserved(msgspec.Struct, frozen=True, rename="pascal"):
    success: list[_Keys] | None = None
    failure: list[_Failed] | None = None


class Locks:
    """Locks on components. Each change takes all of the components or none."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.reservations = Reservations(channel)

    async def list(self, *, type: str | None = "Node") -> tuple[Lock, ...]:  # noqa: A002 - SMD's
        """The state of every component of a type."""
        answer = await self._channel.get("/locks/status", params_of({"type": type}))
        return records_of(Lock, rows_of(answer), answer)

    async def status(self, xnames: Iterable[str]) -> tuple[Lock, ...]:
        """Whether each of these components is locked, in one request.

        Raises:
            NotFound: SMD knows none of them.
        """
        ids = ids_of(xnames)
        if not ids:
            return ()
        body: Json = {"ComponentIDs": ids}
        answer = await self._channel.post("/locks/status", body, is_repeatable=True)
        return records_of(Lock, rows_of(answer), answer)

    async def lock(self, xnames: Iterable[str]) -> None:
        """Lock components.

        Raises:
            RequestRefused: One of them is locked already, or not known.
        """
        await self._channel.post("/locks/lock", _rigid(xnames))

    async def unlock(self, xnames: Iterable[str]) -> None:
        """Unlock components.

        Raises:
            RequestRefused: One of them is not locked, or not known.
        """
        await self._channel.post("/locks/unlock", _rigid(xnames))

    async def disable_reservations(self, xnames: Iterable[str]) -> None:
        """Let nobody reserve these components any more; reservations that are there end.

        Raises:
            RequestRefused: One of them is so already, or not known.
        """
        await self._channel.post("/locks/disable", _rigid(xnames))

    async def repair_reservations(self, xnames: Iterable[str]) -> None:
        """Let these components be reserved again.

        Raises:
            RequestRefused: One of them is so already, or not known.
        """
        await self._channel.post("/locks/repair", _rigid(xnames))


class Reservations:
    """Reservations of components (`/locks/reservations`, `/locks/service/reservations`).

    What is reserved with `create` stays so until it is released, and must be locked before;
    what is reserved with `hold` is let go of by itself after a few minutes.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def create(self, xnames: Iterable[str]) -> tuple[Reservation, ...]:
        """Reserve locked components until they are released.

        Raises:
            RequestRefused: One of them is not locked, reserved already, or not known.
        """
        return await self._reserve("/locks/reservations", _rigid(xnames))

    async def release(self, reservations: Iterable[Reservation]) -> None:
        """Release what `create` reserved.

        Raises:
            RequestRefused: A key does not fit any more.
        """
        await self._with_keys("/locks/reservations/release", reservations)

    async def remove(self, xnames: Iterable[str]) -> None:
        """Take reservations away from whoever holds them, without their keys.

        Raises:
            RequestRefused: One of them is not reserved, or not known.
        """
        await self._channel.post("/locks/reservations/remove", _rigid(xnames))

    async def hold(self, xnames: Iterable[str], *, minutes: int) -> tuple[Reservation, ...]:
        """Reserve unlocked components for a few minutes, as services do.

        Args:
            xnames: The components.
            minutes: 1 to 15.

        Raises:
            RequestRefused: One of them is locked, reserved already, or not known.
            UsageError: SMD takes no such time.
        """
        path = "/locks/service/reservations"
        return await self._reserve(path, {**_rigid(xnames), **_minutes(minutes)})

    async def renew(self, reservations: Iterable[Reservation], *, minutes: int) -> None:
        """Hold what `hold` reserved for some more minutes, 1 to 15 from now.

        Raises:
            RequestRefused: A reservation has ended.
            UsageError: SMD takes no such time.
        """
        more = _minutes(minutes)
        await self._with_keys("/locks/service/reservations/renew", reservations, more)

    async def let_go(self, reservations: Iterable[Reservation]) -> None:
        """Release what `hold` reserved.

        Raises:
            RequestRefused: A key does not fit any more.
        """
        await self._with_keys("/locks/service/reservations/release", reservations)

    async def _reserve(self, path: str, body: JsonObject) -> tuple[Reservation, ...]:
        answer = await self._channel.post(path, body)
        found = answer.decode(_Reserved)
        if found.failure:
            reasons = ", ".join(f"{one.id}: {one.reason}" for one in found.failure)
            raise RequestRefused(
                f"SMD of {self._channel.site} reserved not all of the components.",
                status=_BAD_REQUEST,
                detail=reasons,
            )
        return tuple(
            Reservation(
                id=one.id,
                deputy_key=Secret.of(one.deputy_key),
                reservation_key=Secret.of(one.reservation_key),
                expires=one.expiration_time,
            )
            for one in found.success or ()
        )

    async def _with_keys(
        self,
        path: str,
        reservations: Iterable[Reservation],
        more: JsonObject | None = None,
    ) -> None:
        keys: list[Json] = [
            {"ID": one.id, "Key": one.reservation_key.reveal()} for one in reservations
        ]
        if keys:
            body: JsonObject = {"ReservationKeys": keys, "ProcessingModel": "rigid"}
            await self._channel.post(path, {**body, **(more or {})})


def _minutes(minutes: int) -> JsonObject:
    if not 1 <= minutes <= _LONGEST_RESERVATION_MIN:
        raise UsageError(f"A reservation lasts 1 to {_LONGEST_RESERVATION_MIN} minutes.")
    return {"ReservationDuration": minutes}


def _rigid(xnames: Iterable[str]) -> JsonObject:
    return {"ComponentIDs": ids_of(xnames), "ProcessingModel": "rigid"}
