# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for what a lab site's services lean on, and a caller that holds a token."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import httpx2

from poya.lab.gateway import build_gateway
from poya.lab.ports import GitFailed, ObjectInfo, StsCredentials
from poya.lab.profiles import profile_of
from poya.lab.services.identity import Accounts, UserAccount
from poya.lab.site import LabSite
from poya.lab.state import SiteState

NOON = 1_700_000_000.0
BIG_BYTES = 8 * 1024 * 1024
ROOTFS = "application/vnd.cray.image.rootfs.squashfs"
KERNEL = "application/vnd.cray.image.kernel"
INITRD = "application/vnd.cray.image.initrd"


@dataclass(slots=True)
class HandClock:
    """A clock that only moves by hand."""

    now_s: float = NOON

    def __call__(self) -> float:
        return self.now_s


@dataclass(slots=True)
class FakeObjects:
    """An object store in a dictionary."""

    bodies: dict[tuple[str, str], bytes] = field(default_factory=dict)
    infos: dict[tuple[str, str], ObjectInfo] = field(default_factory=dict)
    heads: int = 0

    def place(self, key: str, body: bytes, bucket: str = "boot-images") -> ObjectInfo:
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        self.bodies[bucket, key] = body
        self.infos[bucket, key] = ObjectInfo(len(body), etag, {"md5sum": etag})
        return self.infos[bucket, key]

    async def head(self, bucket: str, key: str) -> ObjectInfo | None:
        self.heads += 1
        return self.infos.get((bucket, key))

    async def read(self, bucket: str, key: str, limit_bytes: int) -> bytes:
        return self.bodies[bucket, key][:limit_bytes]

    async def move(self, bucket: str, key: str, new_key: str) -> ObjectInfo:
        body, info = self.bodies.pop((bucket, key)), self.infos.pop((bucket, key))
        if info.size_bytes >= BIG_BYTES:
            info = ObjectInfo(info.size_bytes, f"{info.etag}-2")
        self.bodies[bucket, new_key], self.infos[bucket, new_key] = body, info
        return info

    async def copy(self, bucket: str, key: str, new_key: str) -> ObjectInfo:
        self.bodies[bucket, new_key] = self.bodies[bucket, key]
        self.infos[bucket, new_key] = self.infos[bucket, key]
        return self.infos[bucket, new_key]

    async def delete(self, bucket: str, key: str) -> None:
        self.bodies.pop((bucket, key), None)
        self.infos.pop((bucket, key), None)

    async def write(self, bucket: str, key: str, body: bytes) -> ObjectInfo:
        return self.place(key, body, bucket)

    def issue_credentials(self, lifetime_s: int) -> StsCredentials:
        return StsCredentials("AK", "SK", "ST", f"in {lifetime_s} s", "http://s3.example")


@dataclass(slots=True)
class FakeGit:
    """Branches by clone URL and name."""

    heads: dict[tuple[str, str], str] = field(default_factory=dict)
    commits: set[tuple[str, str]] = field(default_factory=set)

    async def require_commit(self, clone_url: str, commit: str) -> None:
        if (clone_url, commit) not in self.commits:
            raise GitFailed(f"fatal: remote error: upload-pack: not our ref {commit}")

    async def resolve_branch(self, clone_url: str, branch: str) -> str:
        try:
            return self.heads[clone_url, branch]
        except KeyError:
            raise GitFailed(f"Remote branch {branch} not found") from None


@dataclass(slots=True)
class Lab:
    """A site in process, and calls to it."""

    site: LabSite
    objects: FakeObjects
    git: FakeGit
    clock: HandClock
    client: httpx2.AsyncClient
    token: str = ""

    async def login(self, **form: str) -> httpx2.Response:
        return await self.client.post(
            "/keycloak/realms/shasta/protocol/openid-connect/token", data=form
        )

    async def call(
        self, method: str, path: str, body: Any = None, *, tenant: str = "", **query: Any
    ) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.token}"}
        if tenant:
            headers["cray-tenant-name"] = tenant
        kwargs: dict[str, Any] = {"params": query} if query else {}
        if isinstance(body, bytes):
            kwargs["content"] = body
            headers["content-type"] = "application/json"
        elif body is not None:
            kwargs["json"] = body
        return await self.client.request(method, path, headers=headers, **kwargs)

    async def kubernetes(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        """A call to the site's Kubernetes API."""
        headers = {"authorization": "Bearer kube"}
        return await self.client.request(method, f"/k8s{path}", headers=headers, json=body)

    def wait(self, seconds: float) -> None:
        """Let time pass at the site, as long as `seconds` take at a real one."""
        self.clock.now_s += self.site.pace.of(seconds)

    async def json(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        response = await self.call(method, path, body, **more)
        assert response.status_code < 300, f"{response.status_code} {response.text}"
        return response.json() if response.content else None


def make_lab(release: str, state: SiteState | None = None) -> Lab:
    objects, git, clock = FakeObjects(), FakeGit(), HandClock()
    site = LabSite(
        name="alps",
        system="alps",
        domain="alps.example.org",
        profile=profile_of(release),
        state=state or SiteState.in_memory(),
        objects=objects,
        git=git,
        clock=clock,
        accounts=Accounts(
            clients={"admin-client": "s3cret"},
            cluster_token="kube",
            nexus_password="nexus",
            dns_key="dns",
            users={
                "heidi": UserAccount("pass"),
                "peter": UserAccount(
                    "pass",
                    roles=("user",),
                    realm_roles=("tenant-admin",),
                    groups=("/blue-tenant-admin",),
                ),
                "guest": UserAccount("pass", roles=("user",)),
            },
        ),
    )
    transport = httpx2.ASGITransport(app=build_gateway(site))
    client = httpx2.AsyncClient(transport=transport, base_url="http://alps")
    return Lab(site, objects, git, clock, client)


async def logged_in(lab: Lab) -> Lab:
    answer = await lab.login(
        grant_type="client_credentials", client_id="admin-client", client_secret="s3cret"
    )
    lab.token = answer.json()["access_token"]
    return lab


def node(xname: str, **fields: Any) -> dict[str, Any]:
    return {
        "ID": xname,
        "Type": "Node",
        "State": "Ready",
        "Flag": "OK",
        "Enabled": True,
        "Role": "Compute",
        "NID": 1000,
        "NetType": "Sling",
        "Arch": "X86",
        "Class": "Mountain",
        "ReservationDisabled": False,
        "Locked": False,
        **fields,
    }


def add_nodes(lab: Lab, *xnames: str) -> None:
    records = {x: node(x, NID=1000 + number) for number, x in enumerate(xnames)}
    lab.site.state.components.put_many(records)


def place_image(lab: Lab, image_id: str, *, rootfs: bytes = b"squash") -> dict[str, str]:
    """Put a whole image's objects in the store; its manifest's link is returned."""
    bodies = {ROOTFS: ("rootfs", rootfs), KERNEL: ("kernel", b"k"), INITRD: ("initrd", b"i")}
    artifacts = []
    for kind, (name, body) in bodies.items():
        info = lab.objects.place(f"{image_id}/{name}", body)
        path = f"s3://boot-images/{image_id}/{name}"
        link = {"path": path, "etag": info.etag, "type": "s3"}
        artifacts.append({"type": kind, "md5": info.etag, "link": link})
    return place_manifest(lab, image_id, {"version": "1.0", "artifacts": artifacts})


def place_manifest(lab: Lab, image_id: str, manifest: Any) -> dict[str, str]:
    body = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    info = lab.objects.place(f"{image_id}/manifest.json", body)
    path = f"s3://boot-images/{image_id}/manifest.json"
    return {"path": path, "etag": info.etag, "type": "s3"}


def detail(response: httpx2.Response) -> str:
    """The detail of a problem, whose shape is checked on the way."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == response.status_code
    assert problem["title"]
    return str(problem["detail"])
