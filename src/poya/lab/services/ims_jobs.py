# SPDX-License-Identifier: Apache-2.0
"""IMS: /jobs and /remote-build-nodes. Jobs are taken, and stay `creating`: nothing is built."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import Problem, encoded_answer, json_answer, no_content
from poya.lab.services.ims_schema import (
    Field,
    anything,
    arch,
    boolean,
    choice,
    ims_body,
    not_blank,
    require,
)
from poya.lab.services.times import ims_time
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_MISSING = "Requested resource does not exist. Re-run request with valid ID."
_NODE = re.compile(r"x\d{1,4}c\d+s\d+b\d+n\d+")


class Jobs:
    """Jobs that build or open images."""

    fields: ClassVar[Mapping[str, Field]] = {
        "job_type": choice("create", "customize"),
        "image_root_archive_name": not_blank,
        "kernel_file_name": not_blank,
        "initrd_file_name": not_blank,
        "kernel_parameters_file_name": not_blank,
        "artifact_id": not_blank,
        "public_key_id": not_blank,
        "ssh_containers": anything,
        "enable_debug": boolean,
        "build_env_size": anything,
        "require_dkms": boolean,
        "arch": arch,
        "job_mem_size": anything,
    }

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._records = site.state.kind("jobs")

    def routes(self) -> list[Route]:
        """The paths of this part of IMS."""
        routes = []
        for base in ("/v3/jobs", "/v2/jobs", "/jobs"):
            routes += [
                Route(base, self.list_all, methods=["GET"]),
                Route(base, self.create, methods=["POST"]),
                Route(base, self.delete_all, methods=["DELETE"]),
                Route(f"{base}/{{id}}", self.get, methods=["GET"]),
                Route(f"{base}/{{id}}", self.delete, methods=["DELETE"]),
            ]
        return routes

    async def list_all(self, _request: Request) -> Response:
        """All jobs."""
        return encoded_answer(self._records.encoded())

    async def get(self, request: Request) -> Response:
        """One job."""
        return json_answer(self._record(request))

    async def create(self, request: Request) -> Response:
        """Take a job whose recipe or image, and whose key, are there."""
        body = await ims_body(request)
        require(body, self.fields, "job_type", "image_root_archive_name", "artifact_id")
        state = self._site.state
        artifacts = state.recipes if body["job_type"] == "create" else state.images
        if body["artifact_id"] not in artifacts:
            raise Problem(400, f"{body['job_type']} job: artifact_id does not exist")
        if body.get("public_key_id") and body["public_key_id"] not in state.public_keys:
            raise Problem(400, "public_key_id does not exist")
        record = {
            "id": str(uuid.uuid4()),
            "created": ims_time(self._site.clock(), zone=self._site.profile.ims_times_have_zone),
            "status": "creating",
            "resultant_image_id": None,
            "kernel_file_name": "vmlinuz",
            "initrd_file_name": "initrd",
            "enable_debug": False,
            "ssh_containers": [],
            **body,
        }
        self._records.put(record["id"], record)
        return json_answer(record, 201)

    async def delete(self, request: Request) -> Response:
        """Delete a job."""
        self._records.delete(self._record(request)["id"])
        return no_content()

    async def delete_all(self, _request: Request) -> Response:
        """Delete all jobs."""
        self._records.clear()
        return no_content()

    def _record(self, request: Request) -> JsonObject:
        record = self._records.get(request.path_params["id"])
        if record is None:
            raise Problem(404, _MISSING)
        return record


class RemoteBuildNodes:
    """Nodes on which images of another architecture are built (IMS from CSM 1.5 on)."""

    def __init__(self, site: LabSite) -> None:
        self._site = site
        self._records = site.state.kind("remote_build_nodes")

    def routes(self) -> list[Route]:
        """The paths of this part of IMS."""
        profile, routes = self._site.profile, list[Route]()
        for base in ("/v3/remote-build-nodes", "/remote-build-nodes") if profile.ims_arch else ():
            if profile.ims_remote_status:
                status = f"{base}/status"
                routes.append(Route(status, self.list_status, methods=["GET"]))
                routes.append(Route(f"{status}/{{xname}}", self.get_status, methods=["GET"]))
            routes += [
                Route(base, self.list_all, methods=["GET"]),
                Route(base, self.create, methods=["POST"]),
                Route(base, self.delete_all, methods=["DELETE"]),
                Route(f"{base}/{{xname}}", self.get, methods=["GET"]),
                Route(f"{base}/{{xname}}", self.delete, methods=["DELETE"]),
            ]
        return routes

    async def list_all(self, _request: Request) -> Response:
        """All nodes."""
        return encoded_answer(self._records.encoded())

    async def list_status(self, _request: Request) -> Response:
        """How all nodes are: none is reached from a lab."""
        return json_answer([_status(xname) for xname in sorted(self._records.keys())])

    async def get_status(self, request: Request) -> Response:
        """How one node is."""
        return json_answer(_status(self._record(request)["xname"]))

    async def get(self, request: Request) -> Response:
        """One node."""
        return json_answer(self._record(request))

    async def create(self, request: Request) -> Response:
        """Add a node."""
        body = await ims_body(request)
        require(body, {"xname": not_blank}, "xname")
        if not _NODE.fullmatch(body["xname"]):
            raise Problem(400, "xname is not that of a node")
        self._records.put(body["xname"], {"xname": body["xname"]})
        return json_answer({"xname": body["xname"]}, 201)

    async def delete_all(self, _request: Request) -> Response:
        """Remove all nodes."""
        self._records.clear()
        return no_content()

    async def delete(self, request: Request) -> Response:
        """Remove a node."""
        self._records.delete(self._record(request)["xname"])
        return no_content()

    def _record(self, request: Request) -> JsonObject:
        record = self._records.get(request.path_params["xname"])
        if record is None:
            raise Problem(404, _MISSING)
        return record


def _status(xname: str) -> JsonObject:
    return {
        "xname": xname,
        "sshStatus": "Unable to connect to node",
        "podmanStatus": "Unknown",
        "nodeArch": "Unknown",
        "numCurrentJobs": 0,
        "ableToRunJobs": False,
    }
