# SPDX-License-Identifier: Apache-2.0
"""Every request of the client is one that the official specification of each release describes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from csm.contract import specs
from csm.contract.catalogue import CASES, COMMIT, ID, LINK, Case, X
from csm.fakes import FakeSite, ok, problem
from poya.csm import NeedsRelease

# IMS, CFS, BOS, and the generation of TAPMS (Cray-HPE/csm manifests; 1.7 by changelogs).
RELEASES = {
    "1.3": ("3.7.2", "1.11.2", "2.0.27", None),
    "1.4": ("3.8.6", "1.12.10", "2.0.47", "v1"),
    "1.5": ("3.15.0", "1.18.7", "2.10.28", "v1alpha2"),
    "1.6": ("3.20.0", "1.20.2", "2.30.5", "v1alpha3"),
    "1.7": ("3.31.0", "1.27.0", "2.48.2", "v1alpha3"),
}
# How the client finds out what a release has: asked of all, described where it is there.
PROBES = re.compile(r"GET /apis/(cfs/v[23]|tapms/v1\w*/tenants|power-control/v1/readiness)")
# What the client tries because a refusal tells it what it needs to know.
RECKONED_WITH = {(405, "POST /apis/power-control/v1/power-status")}
# Services without a specification among the published ones.
UNSPECIFIED = ("vcs", "nexus", "capmc")
UNSPECIFIED_PATHS = re.compile("POST /apis/capmc/.*")

CONFIGURATION = {"name": "c", "layers": [{"clone_url": "https://a/b.git", "commit": COMMIT}]}
SOURCE = {"name": "s", "clone_url": "https://a/b.git"}
IMAGE = {"id": ID, "name": "i", "link": {"path": LINK, "etag": "e", "type": "s3"}}
NODE = {"ID": X, "Type": "Node", "State": "On"}
INTERFACE = {"ID": "a4bf01", "MACAddress": "a4:bf:01"}
RESERVED = {"Success": [{"ID": X, "DeputyKey": "d", "ReservationKey": "r"}], "Failure": []}
TENANT = {"spec": {"tenantname": "blue", "tenantresources": []}}
CREDENTIALS = {
    "AccessKeyId": "a",
    "SecretAccessKey": "s",
    "SessionToken": "t",
    "Expiration": "2026-10-14T15:15:43+00:00",
    "EndpointURL": "https://s3.example",
}
ANSWERS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/apis/smd/hsm/v2/groups/labels", ["blue"]),
    ("GET", "/apis/smd/hsm/v2/groups", [{"label": "blue"}]),
    ("GET", "/apis/smd/hsm/v2/groups/.*", {"label": "blue"}),
    ("GET", "/apis/smd/hsm/v2/partitions", [{"name": "p1"}]),
    ("GET", "/apis/smd/hsm/v2/partitions/.*", {"name": "p1"}),
    ("GET", "/apis/smd/hsm/v2/memberships", [{"id": X}]),
    ("GET", "/apis/smd/hsm/v2/memberships/.*", {"id": X}),
    ("POST", "/apis/smd/hsm/v2/State/Components/Query", {"Components": [NODE]}),
    ("GET", "/apis/smd/hsm/v2/State/Components", {"Components": [NODE]}),
    ("GET", "/apis/smd/hsm/v2/State/Components/.*", NODE),
    ("GET", "/apis/smd/hsm/v2/Inventory/Hardware", [NODE]),
    ("GET", "/apis/smd/hsm/v2/Inventory/Hardware/.*", NODE),
    ("GET", "/apis/smd/hsm/v2/Inventory/EthernetInterfaces", [INTERFACE]),
    ("GET", "/apis/smd/hsm/v2/Inventory/EthernetInterfaces/.*", INTERFACE),
    ("(GET|POST)", "/apis/smd/hsm/v2/locks/status", {"Components": [{"ID": X}]}),
    ("POST", "/apis/smd/hsm/v2/locks/(service/)?reservations", RESERVED),
    (".*", "/apis/cfs/v./configurations/.*", CONFIGURATION),
    ("GET", "/apis/cfs/v3/(.*)", lambda m: {m[1]: [], "next": None} if "/" not in m[1] else None),
    ("GET", "/apis/cfs/v2/(components|configurations|sessions)", []),
    (".*", "/apis/cfs/v./(sessions|options)/?.*", {"name": "s1"}),
    (".*", "/apis/cfs/v./components/.*", {"id": X}),
    (".*", "/apis/cfs/v3/sources.*", SOURCE),
    ("(GET|PATCH)", "/apis/bos/v2/components", []),
    ("GET", "/apis/bos/v2/(sessions|sessiontemplates)", []),
    (".*", "/apis/bos/v2/components/.*", {"id": X}),
    ("GET", "/apis/bos/v2/sessiontemplatesvalid/.*", "Valid"),
    (".*", "/apis/bos/v2/(sessions|sessiontemplate|sessiontemplates|options).*", {"name": "s"}),
    ("GET", "/apis/ims/v3/(deleted/)?[a-z-]+", []),
    ("GET", "/apis/ims/v3/remote-build-nodes/status", []),
    (".*", "/apis/ims/v3/remote-build-nodes.*", {"xname": X}),
    (".*", "/apis/ims/v3/.*", IMAGE),
    ("GET", "/apis/bss/boot/v1/bootparameters", [{"hosts": [X]}]),
    ("GET", "/apis/bss/boot/v1/service/version", {"bss-version": "1.28.0"}),
    ("GET", "/apis/bss/boot/v1/hosts", []),
    ("PUT", "/apis/sts/token", {"Credentials": CREDENTIALS}),
    ("GET", "/apis/sls/v1/version", {"Counter": 7}),
    ("GET", "/apis/sls/v1/(search/)?hardware", [{"Xname": X}]),
    ("GET", "/apis/sls/v1/hardware/.*", {"Xname": X}),
    ("GET", "/apis/sls/v1/(search/)?networks", [{"Name": "HSN"}]),
    ("GET", "/apis/sls/v1/networks/.*", {"Name": "HSN"}),
    (".*", "/apis/power-control/v1/power-status", {"status": []}),
    ("GET", "/apis/power-control/v1/transitions", {"transitions": []}),
    (".*", "/apis/power-control/v1/transitions.*", {"transitionID": ID}),
    ("(GET|POST)", "/apis/tapms/v1[a-z0-9]*/tenants", {"items": [TENANT]}),
    ("GET", "/apis/tapms/v1[a-z0-9]*/tenants?/.*", TENANT),
    (".*", "/apis/.*", {}),
)


class Release:
    """A site of one release that notes what its specifications say against each request."""

    def __init__(self, release: str) -> None:
        self.name = release
        self.complaints: list[str] = []
        versions = FakeSite()
        ims, cfs, bos, self._tapms = RELEASES[release]
        versions.release(ims=ims, cfs=cfs, bos=bos)
        self._versions = versions.routes

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        line = f"{request.method} {path}"
        answer = self._answer(request, path)
        said = specs.complaint(self.name, request)
        if said and not _is_known(answer, line):
            self.complaints.append(f"{line}: {said}")
        return answer

    def _answer(self, request: httpx2.Request, path: str) -> httpx2.Response:
        for method, pattern, handler in self._versions:
            if method == request.method and pattern.fullmatch(path):
                return handler(request)
        if self.name == "1.3" and "/power-control/" in path:
            return problem(404, "no such service")
        if "/tapms/" in path and f"/tapms/{self._tapms}/" not in path:
            return problem(404, "no such path")
        if self.name == "1.4" and (request.method, path[-12:]) == ("POST", "power-status"):
            return problem(405, "method not allowed")
        for method, known, value in ANSWERS:
            match = re.fullmatch(known, path)
            if match and re.fullmatch(method, request.method):
                body = value(match) if callable(value) else value
                if body is not None:
                    return ok(body)
        raise AssertionError(path)


needs_specs = pytest.mark.skipif(
    specs.directory() is None,
    reason="POYA_CSM_SPECS does not name a directory with CSM's specifications",
)


@needs_specs
@pytest.mark.parametrize("release", RELEASES)
async def test_each_request_is_described_by_the_release_it_is_sent_to(release: str) -> None:
    faults: list[str] = []
    for case in CASES:
        faults += [f"{case}: {said}" for said in await _faults(Release(release), case)]
    assert not faults, "\n".join(faults)


async def _faults(release: Release, case: Case) -> list[str]:
    fake = FakeSite()
    fake.on_any(release)
    async with fake.open() as site:
        if _number(release.name) >= _number(case.since):
            await case.call(site)
            assert fake.requests, f"{case} sends nothing"
        else:
            with pytest.raises(NeedsRelease) as caught:
                await case.call(site)
            assert case.since in caught.value.release, case
            assert fake.writes() == [], case
    return release.complaints


def _is_known(answer: httpx2.Response, line: str) -> bool:
    is_probe = answer.status_code == 404 and PROBES.fullmatch(line) is not None
    if (answer.status_code, line) in RECKONED_WITH:
        return True
    return is_probe or UNSPECIFIED_PATHS.fullmatch(line) is not None


def _number(release: str) -> int:
    return int(release.partition(".")[2])


def test_the_catalogue_has_every_call_of_every_specified_service() -> None:
    named = {case.name for case in CASES}
    missing = set(_calls()) - named
    assert not missing, sorted(missing)


def _calls() -> Iterator[str]:
    import asyncio

    async def collect() -> list[str]:
        async with FakeSite().open() as site:
            return [
                name
                for service, client in vars(site).items()
                if type(client).__module__.startswith("poya.csm.")
                and not service.startswith("_")
                and service not in (*UNSPECIFIED, "config")
                for name in _methods(service, client)
            ]

    yield from asyncio.run(collect())


def _methods(prefix: str, client: object) -> Iterator[str]:
    for name, member in inspect.getmembers(type(client), inspect.isfunction):
        if not name.startswith("_"):
            yield f"{prefix}.{name}"
            assert inspect.iscoroutinefunction(member) or name == "stream", f"{prefix}.{name}"
    for name, part in vars(client).items():
        if not name.startswith("_") and type(part).__module__.startswith("poya.csm."):
            yield from _methods(f"{prefix}.{name}", part)


@needs_specs
async def test_a_wrong_request_is_seen() -> None:
    wrong = {
        "the query no_such is not described": ("GET", "/apis/bos/v2/sessions?no_such=1", None),
        "is no operation of bos": ("GET", "/apis/bos/v9/sessions", None),
        "name": ("PUT", "/apis/bos/v2/sessiontemplates/x", {"name": "x", "boot_sets": {}}),
        "'abc' does not match": (
            "PUT",
            "/apis/cfs/v3/configurations/x",
            {"layers": [{"clone_url": "u", "playbook": "p", "commit": "abc"}]},
        ),
        "'bogus' is not one of": (
            "POST",
            "/apis/power-control/v1/transitions",
            {"operation": "bogus"},
        ),
    }
    for said, (method, path, body) in wrong.items():
        request = httpx2.Request(method, f"https://site.example{path}", json=body)
        assert said in specs.complaint("1.6", request)
