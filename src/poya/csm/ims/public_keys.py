# SPDX-License-Identifier: Apache-2.0
"""IMS public keys (`/v3/public-keys`): who may log in to a job that customises an image."""

from __future__ import annotations

from poya.csm.http.calls import path_of
from poya.csm.http.channel import Channel
from poya.csm.ims.deleting import SoftDeleting
from poya.csm.records import Record, record_of, records_of


class PublicKey(Record, frozen=True):
    """A public key."""

    id: str
    name: str
    public_key: str = ""
    created: str | None = None


class DeletedPublicKey(PublicKey, frozen=True):
    """A soft-deleted public key."""

    deleted: str | None = None


class PublicKeys(SoftDeleting[DeletedPublicKey]):
    """IMS public keys."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel, "public-keys", DeletedPublicKey)

    async def list(self) -> tuple[PublicKey, ...]:
        """All public keys."""
        answer = await self._channel.get("/v3/public-keys")
        return records_of(PublicKey, answer.rows(), answer)

    async def get(self, key_id: str) -> PublicKey:
        """One public key.

        Raises:
            NotFound: There is none with that id.
        """
        path = f"/v3/public-keys{path_of(key_id)}"
        return record_of(PublicKey, await self._channel.get(path))

    async def create(self, name: str, public_key: str) -> PublicKey:
        """Add a public key, as ssh writes them. Names are not unique."""
        body = {"name": name, "public_key": public_key}
        return record_of(PublicKey, await self._channel.post("/v3/public-keys", {**body}))
