# SPDX-License-Identifier: Apache-2.0
"""IMS: the records of images, recipes and public keys. Their bytes are in the object store.

`/v2` is the older view of the same images; without a prefix the paths mean v2.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poya.lab.services.answers import ims_app, json_answer
from poya.lab.services.ims_deleted import DeletedImages
from poya.lab.services.ims_images import Images
from poya.lab.services.ims_jobs import Jobs, RemoteBuildNodes
from poya.lab.services.ims_others import PublicKeys, Recipes
from poya.lab.site import LabSite


def app(site: LabSite) -> Starlette:
    """The service, to be mounted at /apis/ims."""

    async def version(_request: Request) -> Response:
        return json_answer({"version": site.profile.ims})

    async def alive(_request: Request) -> Response:
        return json_answer({})

    return ims_app(
        [
            Route("/version", version, methods=["GET"]),
            Route("/healthz/live", alive, methods=["GET"]),
            Route("/healthz/ready", alive, methods=["GET"]),
            *Images(site).routes(),
            *DeletedImages(site).routes(),
            *PublicKeys(site).routes(),
            *Recipes(site).routes(),
            *Jobs(site).routes(),
            *RemoteBuildNodes(site).routes(),
        ]
    )
