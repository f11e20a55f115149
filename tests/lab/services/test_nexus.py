# SPDX-License-Identifier: Apache-2.0
"""Nexus: its REST API below /service/rest, its files below /repository."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx2

from lab.services.fakes import Lab

REST = "/service/rest"


async def call(
    lab: Lab, method: str, path: str, *, password: str = "nexus", **kwargs: Any
) -> httpx2.Response:
    word = base64.b64encode(f"admin:{password}".encode()).decode()
    headers = {"authorization": f"Basic {word}"}
    return await lab.client.request(method, path, headers=headers, **kwargs)


async def create(lab: Lab, name: str, kind: str = "hosted", **more: Any) -> int:
    path = f"{REST}/v1/repositories/raw/{kind}"
    return (await call(lab, "POST", path, json={"name": name, **more})).status_code


async def test_repositories_are_listed_in_one_array(csm17: Lab) -> None:
    """Nexus: GET /v1/repositories is open and not paged."""
    assert await create(csm17, "cos-2.5") == 201
    assert await create(csm17, "cos", "group", group={"memberNames": ["cos-2.5"]}) == 201
    listed = (await csm17.client.get(f"{REST}/v1/repositories")).json()
    assert [(r["name"], r["type"]) for r in listed] == [("cos-2.5", "hosted"), ("cos", "group")]
    assert listed[0]["url"] == "https://packages.local/repository/cos-2.5"


async def test_names_are_unique_and_members_exist(csm17: Lab) -> None:
    """Nexus: 400 with a list of complaints."""
    await create(csm17, "cos")
    assert await create(csm17, "cos") == 400
    assert await create(csm17, "all", "group", group={"memberNames": ["none"]}) == 400


async def test_only_the_administrator_writes(csm17: Lab) -> None:
    """Nexus: basic authentication of its own; the gateway's tokens mean nothing to it."""
    path = f"{REST}/v1/repositories/raw/hosted"
    assert (await csm17.call("POST", path, {"name": "x"})).status_code == 401
    wrong = await call(csm17, "POST", path, password="guess", json={"name": "x"})
    assert wrong.headers["www-authenticate"].startswith("BASIC")


async def test_files_come_back_with_their_digests(csm17: Lab) -> None:
    """Nexus: PUT /repository/<name>/<path>; a group serves its members' files."""
    await create(csm17, "cos-2.5")
    await create(csm17, "cos", "group", group={"memberNames": ["cos-2.5"]})
    await call(csm17, "PUT", "/repository/cos-2.5/x86_64/a.rpm", content=b"rpm")
    assert (await csm17.client.get("/repository/cos/x86_64/a.rpm")).content == b"rpm"
    assert (await csm17.client.get("/repository/cos/none.rpm")).status_code == 404
    found = (await csm17.client.get(f"{REST}/v1/components?repository=cos-2.5")).json()
    asset = found["items"][0]["assets"][0]
    assert asset["checksum"]["sha256"] == hashlib.sha256(b"rpm").hexdigest()
    assert asset["fileSize"] == 3


async def test_components_come_in_pages(csm17: Lab) -> None:
    """Nexus: continuationToken until it is null."""
    await create(csm17, "many")
    for number in range(60):
        await call(csm17, "PUT", f"/repository/many/{number:03}", content=b"x")
    path = f"{REST}/v1/components?repository=many"
    first = (await csm17.client.get(path)).json()
    assert (len(first["items"]), first["continuationToken"] is not None) == (50, True)
    rest = await csm17.client.get(f"{path}&continuationToken={first['continuationToken']}")
    assert (len(rest.json()["items"]), rest.json()["continuationToken"]) == (10, None)


async def test_a_group_is_not_written_to(csm17: Lab) -> None:
    """Nexus: uploads go to hosted repositories."""
    await create(csm17, "a")
    await create(csm17, "g", "group", group={"memberNames": ["a"]})
    assert (await call(csm17, "PUT", "/repository/g/f", content=b"x")).status_code == 405
