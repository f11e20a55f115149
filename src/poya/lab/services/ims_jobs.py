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

from poya.lab.services.answers import Problem, json_answer
from poya.lab.services.ims_collection import Collection
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
from poya.lab.site import LabSite
from poya.lab.state import JsonObject

_STATUSES = (
    *("creating", "fetching_image", "fetching_recipe", "waiting_for_repos", "building_image"),
    *("packaging_artifacts", "waiting_on_user", "error", "success"),
)
_NODE = re.compile(r"x\d{1,4}c\d+s\d+b\d+n\d+")


class Jobs(Collection):
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

    patchable: ClassVar[Mapping[str, Field]] = {
        "status": choice(*_STATUSES),
        "resultant_image_id": not_blank,
        "kubernetes_job": not_blank,
        "kubernetes_configmap": not_blank,
        "kubernetes_service": not_blank,
        "remote_build_node": anything,
    }

    def __init__(self, site: LabSite) -> None:
        super().__init__(site, site.state.kind("jobs"))

    def routes(self) -> list[Route]:
        """The paths of this part of IMS."""
        bases = ("/v3/jobs", "/v2/jobs", "/jobs")
        more = {"POST": self.create}, {"PATCH": self.patch}
        return [route for base in bases for route in self._routes(base, *more)]

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
            "created": self._now(),
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

    async def patch(self, request: Request) -> Response:
        """Tell how far a job has come, as the job itself does."""
        record = self._record(request)
        body = await ims_body(request)
        require(body, self.patchable)
        self._records.put(record["id"], record | body)
        return json_answer(record | body)


class RemoteBuildNodes(Collection):
    """Nodes on which images of another architecture are built (IMS from CSM 1.5 on)."""

    key = "xname"

    def __init__(self, site: LabSite) -> None:
        super().__init__(site, site.state.kind("remote_build_nodes"))

    def routes(self) -> list[Route]:
        """The paths of this part of IMS."""
        profile, routes = self._site.profile, list[Route]()
        for base in ("/v3/remote-build-nodes", "/remote-build-nodes") if profile.ims_arch else ():
            if profile.ims_remote_status:
                status = f"{base}/status"
                routes.append(Route(status, self.list_status, methods=["GET"]))
                routes.append(Route(f"{status}/{{xname}}", self.get_status, methods=["GET"]))
            routes += self._routes(base, {"POST": self.create}, {})
        return routes

    async def list_status(self, _request: Request) -> Response:
        """How all nodes are: none is reached from a lab."""
        return json_answer([_status(xname) for xname in sorted(self._records.keys())])

    async def get_status(self, request: Request) -> Response:
        """How one node is."""
        return json_answer(_status(self._record(request)["xname"]))

    async def create(self, request: Request) -> Response:
        """Add a node."""
        body = await ims_body(request)
        require(body, {"xname": not_blank}, "xname")
        if not _NODE.fullmatch(body["xname"]):
            raise Problem(400, "xname is not that of a node")
        self._records.put(body["xname"], {"xname": body["xname"]})
        return json_answer({"xname": body["xname"]}, 201)


def _status(xname: str) -> JsonObject:
    return {
        "xname": xname,
        "sshStatus": "Unable to connect to node",
        "podmanStatus": "Unknown",
        "nodeArch": "Unknown",
        "numCurrentJobs": 0,
        "ableToRunJobs": False,
    }
