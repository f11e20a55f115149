# SPDX-License-Identifier: Apache-2.0
"""Logins of people at Keycloak: refresh tokens, and the device flow (RFC 8628)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from poya.lab.state import Records

REFRESH_S = 1800
DEVICE_S = 600
INTERVAL_S = 5
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(slots=True)
class Device:
    """A device that waits for somebody to log in.

    Attributes:
        user: Who did, by name; empty until then.
        denied: They said no.
        asked_s: When the device asked last.
    """

    device_code: str
    user_code: str
    ends_s: float
    user: str = ""
    denied: bool = False
    asked_s: float = field(default=float("-inf"))


class Logins:
    """What Keycloak remembers of logins: refresh tokens are kept, waiting devices are not."""

    def __init__(self, sessions: Records) -> None:
        self._sessions = sessions
        self._devices: dict[str, Device] = {}

    def begin(self, user: str, now_s: float) -> str:
        """A refresh token for somebody who logged in."""
        token = secrets.token_urlsafe(32)
        self._sessions.put(token, {"user": user, "ends_s": now_s + REFRESH_S})
        return token

    def user_of(self, token: str, now_s: float) -> str | None:
        """Whose refresh token it is; None if it is nobody's, or too old."""
        session = self._sessions.get(token)
        if session is None or session["ends_s"] <= now_s:
            return None
        return str(session["user"])

    def end(self, token: str) -> None:
        """Forget a login."""
        self._sessions.delete(token)

    def add_device(self, now_s: float) -> Device:
        """A device that asks to be let in."""
        code = "".join(secrets.choice(_LETTERS) for _ in range(8))
        device = Device(secrets.token_urlsafe(32), f"{code[:4]}-{code[4:]}", now_s + DEVICE_S)
        self._devices[device.device_code] = device
        return device

    def device(self, device_code: str) -> Device | None:
        """The device of this code."""
        return self._devices.get(device_code)

    def device_of_user_code(self, user_code: str, now_s: float) -> Device | None:
        """The device that shows this code and still waits."""
        wanted = user_code.strip().upper()
        waiting = (d for d in self._devices.values() if d.ends_s > now_s and not d.user)
        return next((device for device in waiting if device.user_code == wanted), None)

    def forget_device(self, device: Device) -> None:
        """A device is let in once."""
        self._devices.pop(device.device_code, None)
