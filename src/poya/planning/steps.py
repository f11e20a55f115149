# SPDX-License-Identifier: Apache-2.0
"""From what is planned to the steps that do it, in their order, and the rights that they take.

The order: bytes, verified → manifest → link → groups → configurations → templates. Nothing visible
refers to anything unverified.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from poya.model.inventory import Capabilities
from poya.model.plan import ArtifactPlan, EntityPlan, ImagePlan
from poya.model.step import Request, Right, Step

_BUCKET = "s3://boot-images/{id}/"


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of one plan."""

    steps: tuple[Step, ...]
    rights: tuple[Right, ...]


def steps_of(
    images: Iterable[ImagePlan],
    entities: Iterable[EntityPlan],
    ends: tuple[str, str],
    capabilities: Capabilities,
) -> Steps:
    """The steps that bring these images and entities from one end to the other."""
    brought = [image for image in images if image.action == "create"]
    written = [entity for entity in entities if entity.action in ("create", "change")]
    steps: list[Step] = []
    for image in brought:
        steps.extend(_image(image, capabilities))
    links = tuple(f"image/{image.source_id}/link" for image in brought)
    for entity in written:
        steps.append(_entity(entity, _needed(entity, steps, links), capabilities))
    return Steps(tuple(steps), tuple(_rights(steps, brought, ends, capabilities)))


def _image(image: ImagePlan, capabilities: Capabilities) -> Iterator[Step]:
    prefix, name = f"image/{image.source_id}", image.name
    ims = "/apis/ims/v3/images"
    yield Step(
        id=f"{prefix}/create",
        title=f"register image {name}",
        after=(),
        expects="no record that this run made before",
        leaves=f"a record {name} without a link, {image.arch or 'no architecture recorded'}",
        requests=_requests(capabilities, ("ims", "GET", ims), ("ims", "POST", ims)),
        undo="delete the record, its objects and unfinished uploads",
    )
    files = [_artifact(image, artifact, capabilities) for artifact in image.artifacts]
    yield from files
    yield Step(
        id=f"{prefix}/manifest",
        title=f"publish the manifest of image {name}",
        after=tuple(step.id for step in files),
        expects="every file verified",
        leaves="a manifest with the paths and etags of this site",
        requests=_requests(
            capabilities,
            ("s3", "PUT", f"{_BUCKET}manifest.json"),
            ("s3", "HEAD", f"{_BUCKET}manifest.json"),
        ),
        undo="with the image's record",
    )
    yield Step(
        id=f"{prefix}/link",
        title=f"link image {name}",
        after=(f"{prefix}/manifest",),
        expects="no other link: IMS's are write-once",
        leaves="the record linked to its manifest",
        requests=_requests(capabilities, ("ims", "PATCH", f"{ims}/{{id}}")),
        undo="with the image's record",
    )


def _artifact(image: ImagePlan, artifact: ArtifactPlan, capabilities: Capabilities) -> Step:
    prefix, place = f"image/{image.source_id}", f"{_BUCKET}{artifact.name}"
    return Step(
        id=f"{prefix}/artifact/{artifact.name}",
        title=f"bring {image.name}/{artifact.name}",
        after=(f"{prefix}/create",),
        expects=f"at the source etag {artifact.etag or 'unknown'}",
        leaves=f"{artifact.size_bytes} bytes, md5 {artifact.md5 or 'as read'}",
        requests=_requests(
            capabilities,
            ("sts", "PUT", "/apis/sts/token"),
            ("s3", "HEAD", place),
            ("s3", "PUT", place),
            ("s3", "POST", place),
        ),
        undo="with the image's record",
        size_bytes=artifact.size_bytes,
    )


def _entity(entity: EntityPlan, after: tuple[str, ...], capabilities: Capabilities) -> Step:
    there = f"what it was when planned (sha256 {entity.expected[:12]})"
    back = "put the saved body back" if entity.action == "change" else "delete it"
    return Step(
        id=entity.step,
        title=f"write {entity.ref}",
        after=after,
        expects=there if entity.expected else "nothing under the name",
        leaves="what the plan says, read back and compared",
        requests=_requests(capabilities, *_calls(entity, capabilities), tenant=entity.tenant),
        undo=f"{back}, unless somebody changed it since",
    )


def _calls(entity: EntityPlan, capabilities: Capabilities) -> Iterator[tuple[str, str, str]]:
    if entity.kind == "group":
        groups = "/apis/smd/hsm/v2/groups"
        yield "hsm", "GET", f"{groups}/{entity.name}"
        if entity.action == "create":
            yield "hsm", "POST", groups
        else:
            yield "hsm", "POST", f"{groups}/{entity.name}/members"
            yield "hsm", "DELETE", f"{groups}/{entity.name}/members/{{xname}}"
            yield "hsm", "PATCH", f"{groups}/{entity.name}"
        return
    if entity.kind == "configuration":
        version = "v3" if capabilities.has_sources else "v2"
        place = f"/apis/cfs/{version}/configurations/{entity.name}"
        yield "cfs", "GET", place
        yield "cfs", "PUT", place
        return
    place = f"/apis/bos/v2/sessiontemplates/{entity.name}"
    yield "bos", "GET", place
    yield "bos", "PUT", place
    yield "bos", "GET", f"/apis/bos/v2/sessiontemplatesvalid/{entity.name}"


def _needed(entity: EntityPlan, steps: Iterable[Step], links: tuple[str, ...]) -> tuple[str, ...]:
    """What a template names must stand before it; a group and a configuration name nothing."""
    if entity.kind != "template":
        return ()
    bound = {f"image/{binding.image}/link" for binding in entity.bindings}
    others = [s.id for s in steps if s.id.startswith(("group/", "configuration/"))]
    return (*(link for link in links if link in bound), *others)


def _requests(
    capabilities: Capabilities, *calls: tuple[str, str, str], tenant: str = ""
) -> tuple[Request, ...]:
    if capabilities.is_verbatim:
        return ()
    return tuple(Request(*call, tenant) for call in calls)


def _rights(
    steps: Iterable[Step],
    brought: list[ImagePlan],
    ends: tuple[str, str],
    capabilities: Capabilities,
) -> Iterator[Right]:
    here, there = ends
    reads = [f"GET {a.path}" for image in brought for a in image.artifacts]
    if reads:
        yield Right(here, "read the images' files (at a CSM: S3 GetObject)", tuple(reads))
    if capabilities.is_verbatim:
        return
    asked = sorted({request for step in steps for request in step.requests})
    objects = tuple(str(r) for r in asked if r.service == "s3")
    calls = tuple(str(r) for r in asked if r.service != "s3")
    if calls:
        yield Right(there, "role admin of the client shasta (Keycloak)", calls)
        # A run says there that it is at work, so that no other one comes between.
        claims = "s3://boot-images/poya-claims/{vcluster}/{run}"
        objects = (*objects, f"PUT {claims}", f"DELETE {claims}")
        needs = (
            "write boot-images (S3 PutObject, GetObject, multipart uploads; DeleteObject to undo)"
        )
        yield Right(there, needs, objects)
