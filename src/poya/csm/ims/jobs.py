# SPDX-License-Identifier: Apache-2.0
"""IMS jobs (`/v3/jobs`): building an image from a recipe, or opening one to change it."""

from __future__ import annotations

from poya.csm.http.calls import path_of
from poya.csm.http.channel import Channel
from poya.csm.records import Record, record_of, records_of
from poya.documents import JsonObject


class Job(Record, frozen=True):
    """An IMS job.

    Attributes:
        job_type: create or customize.
        status: creating, fetching_image, fetching_recipe, waiting_for_repos, building_image,
            waiting_on_user, packaging_artifacts, error, success.
        artifact_id: The recipe or image that it starts from.
        resultant_image_id: The image that it made.
    """

    id: str
    job_type: str = ""
    status: str = ""
    artifact_id: str = ""
    created: str | None = None
    image_root_archive_name: str = ""
    resultant_image_id: str | None = None
    arch: str | None = None
    kubernetes_job: str | None = None


class Jobs:
    """IMS jobs."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self) -> tuple[Job, ...]:
        """All jobs; IMS knows no filters here."""
        answer = await self._channel.get("/v3/jobs")
        return records_of(Job, answer.rows(), answer)

    async def get(self, job_id: str) -> Job:
        """One job.

        Raises:
            NotFound: There is none with that id.
        """
        return record_of(Job, await self._channel.get(_job(job_id)))

    async def create(self, body: JsonObject) -> Job:
        """Start a job. Never repeated on a lost answer: each would build an image.

        Args:
            body: job_type, artifact_id, public_key_id, image_root_archive_name, and what IMS
                has a default for (kernel_file_name, enable_debug, require_dkms …).

        Raises:
            RequestRefused: IMS does not accept the body (400, 422).
        """
        return record_of(Job, await self._channel.post("/v3/jobs", body))

    async def delete(self, job_id: str) -> None:
        """Delete a job's record; one that runs is stopped.

        Raises:
            NotFound: There is none with that id.
        """
        await self._channel.delete(_job(job_id))


def _job(job_id: str) -> str:
    return f"/v3/jobs{path_of(job_id)}"
