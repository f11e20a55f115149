# SPDX-License-Identifier: Apache-2.0
"""What a plan comes to, request by request: steps as data, and the rights that they take."""

from __future__ import annotations

import msgspec


class Request(msgspec.Struct, frozen=True, order=True):
    """A request that a step may make.

    Attributes:
        service: `ims`, `hsm`, `cfs`, `bos`, `sts`, `s3`, or `file` for a bundle.
        path: Below the gateway (`/apis/…`); `{id}` stands for an id that the target gives.
        tenant: Sent as `Cray-Tenant-Name`; empty for none.
    """

    service: str
    method: str
    path: str
    tenant: str = ""

    def __str__(self) -> str:
        acting = f" as tenant {self.tenant}" if self.tenant else ""
        return f"{self.method} {self.path}{acting}"


class Step(msgspec.Struct, frozen=True):
    """One thing that is done, as the journal knows it.

    Attributes:
        id: As in the journal (`image/…/create`, `group/gele`).
        after: The steps that must be done before.
        expects: What must be so at the target, or the step is refused.
        leaves: What is so afterwards, read back and compared.
        requests: What it may ask of the target.
        undo: What `poya migrate undo` does about it.
        size_bytes: Payload that it moves.
    """

    id: str
    title: str
    after: tuple[str, ...]
    expects: str
    leaves: str
    requests: tuple[Request, ...]
    undo: str
    size_bytes: int = 0


class Right(msgspec.Struct, frozen=True, order=True):
    """A right that carrying out a plan takes, undoing it included.

    Attributes:
        site: Where.
        needs: In words.
        requests: The requests that take it.
    """

    site: str
    needs: str
    requests: tuple[str, ...]
