# SPDX-License-Identifier: Apache-2.0
"""The Boot Script Service (BSS, `/apis/bss/boot/v1`): what each node boots next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from poya.csm.http.answers import Answer
from poya.csm.http.calls import params_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, records_of
from poya.csm.versions import Version
from poya.documents import Document, JsonObject
from poya.errors import NotFound, UsageError

_SELECTORS = ("hosts", "macs", "nids")


class BootParameters(Record, frozen=True, rename="kebab"):
    """Boot parameters of some hosts.

    Attributes:
        hosts: xnames, roles, `Default` or `Global`.
        params: The kernel command line; holds the image's id and etag, maybe a join token.
        cloud_init: meta-data, user-data and phone-home.
    """

    hosts: tuple[str, ...] | None = None
    macs: tuple[str, ...] | None = None
    nids: tuple[int, ...] | None = None
    params: str | None = None
    kernel: str | None = None
    initrd: str | None = None
    cloud_init: dict[str, object] | None = None


class BootParameterSets:
    """Boot parameters (`/bootparameters`)."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self, hosts: Iterable[str] = ()) -> tuple[BootParameters, ...]:
        """Boot parameters of these hosts, or of all; BSS says null for none.

        Raises:
            NotFound: One of the hosts has none.
        """
        names = ",".join(hosts)
        answer = await self._channel.get("/bootparameters", params_of({"name": names or None}))
        return records_of(BootParameters, _rows(answer), answer)

    async def get(self, host: str) -> BootParameters:
        """Boot parameters of one host.

        Raises:
            NotFound: It has none.
        """
        if not host:
            raise UsageError("Boot parameters are asked for without a host's name.")
        found = await self.list([host])
        if not found:
            raise NotFound(f"BSS of {self._channel.site} has no boot parameters of {host}.")
        return found[0]

    async def put(self, body: JsonObject) -> None:
        """Create the boot parameters of some hosts, or replace them whole.

        Raises:
            UsageError: The body names no hosts, macs or nids; BSS would take it.
        """
        _check_selects(body)
        await self._channel.put("/bootparameters", body)

    async def create(self, body: JsonObject) -> None:
        """Create boot parameters.

        Raises:
            UsageError: The body names no hosts, macs or nids.
            RequestRefused: A host has some already (400, where other services say 409).
        """
        _check_selects(body)
        await self._channel.post("/bootparameters", body)

    async def patch(self, body: JsonObject) -> None:
        """Merge into boot parameters that exist.

        Raises:
            UsageError: The body names no hosts, macs or nids.
            NotFound: A host has none.
        """
        _check_selects(body)
        await self._channel.patch("/bootparameters", body)

    async def delete(self, hosts: Iterable[str]) -> None:
        """Delete the boot parameters of some hosts.

        Raises:
            UsageError: No host is named.
            RequestRefused: A host has none (400, where other services say 404).
        """
        body: JsonObject = {"hosts": [*hosts]}
        _check_selects(body)
        await self._channel.delete("/bootparameters", body=body)


class BssHost(Record, frozen=True, rename="pascal"):
    """A component as BSS knows it from HSM, with the addresses that it boots from."""

    id: str = msgspec.field(name="ID")
    type: str = ""
    state: str = ""
    role: str = ""
    nid: int | None = msgspec.field(default=None, name="NID")
    macs: tuple[str, ...] | None = msgspec.field(default=None, name="MAC")


class Bss:
    """The Boot Script Service of one site."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.boot_parameters = BootParameterSets(channel)

    async def hosts(self) -> tuple[BssHost, ...]:
        """The components that BSS knows; null for none (`GET /hosts`)."""
        answer = await self._channel.get("/hosts")
        return records_of(BssHost, _rows(answer), answer)

    async def boot_script(self, host: str) -> str:
        """The iPXE script that a node would be given now (`GET /bootscript`).

        It holds presigned URLs and a token: show it to nobody.

        Raises:
            NotFound: BSS does not know the node.
        """
        params = params_of({"name": host})
        call = self._channel.call("GET", "/bootscript", params=params, is_repeatable=True)
        answer = await self._channel.send(replace(call, is_confidential=True))
        return answer.body.decode("utf-8", "replace")

    async def dump(self) -> Document:
        """Everything that BSS holds, as served (`GET /dumpstate`)."""
        return (await self._channel.get("/dumpstate")).document()

    async def version(self) -> Version:
        """The service's version (`GET /service/version`).

        Raises:
            BadAnswer: It does not say one.
        """
        answer = await self._channel.get("/service/version")
        version = Version.parse(f"{answer.document().value.get('bss-version')}")
        if version is None:
            raise answer.bad("It holds no version.")
        return version


def _rows(answer: Answer) -> list[msgspec.Raw]:
    """The rows of a list; BSS says null for an empty one."""
    return [] if answer.body.strip() == b"null" else answer.rows()


def _check_selects(body: JsonObject) -> None:
    """BSS stores a body that names nobody, and one whose names are empty."""
    selected = [item for key in _SELECTORS for item in _items(body, key)]
    if not selected or "" in selected:
        raise UsageError("Boot parameters must name hosts, macs or nids, none of them empty.")


def _items(body: JsonObject, key: str) -> list[object]:
    value = body.get(key)
    return [*value] if isinstance(value, list) else []
