"""The readers: poya's client, and what people write by hand. Run one: `readers NAME URL`."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from benchmarks.reads.server import COMPONENTS, SMD, xname
from poya.csm import NoAuth, Site, SiteConfig

# One request for each node takes so long that a part of the machine has to do.
SAMPLE = 1_000
AT_ONCE = 16
Reader = Callable[[str], Coroutine[Any, Any, int]]


@asynccontextmanager
async def site_at(url: str) -> AsyncIterator[Site]:
    async with Site.connect(SiteConfig("bench", url, NoAuth())) as site:
        yield site


async def components(url: str) -> int:
    async with site_at(url) as site:
        found = await site.hsm.components.list()
        return sum(node.state == "Ready" for node in found)


async def components_by_hand(url: str) -> int:
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"{url}{SMD}/State/Components?type=Node")
        return sum(node["State"] == "Ready" for node in json.loads(answer.content)["Components"])


async def components_one_by_one(url: str) -> int:
    slots = asyncio.Semaphore(AT_ONCE)
    async with httpx2.AsyncClient() as client:

        async def one(number: int) -> bool:
            async with slots:
                answer = await client.get(f"{url}{SMD}/State/Components/{xname(number)}")
                return bool(json.loads(answer.content)["State"] == "Ready")

        return sum(await asyncio.gather(*(one(n % COMPONENTS) for n in range(SAMPLE))))


async def hardware(url: str) -> int:
    """As it arrives: what is counted, not what is read, takes memory."""
    models: Counter[str] = Counter()
    async with site_at(url) as site:
        async for part in site.hsm.hardware.stream():
            models[part.model] += 1
    return models.total()


async def hardware_whole(url: str) -> int:
    async with site_at(url) as site:
        return Counter(part.model for part in await site.hsm.hardware.inventory()).total()


async def hardware_by_hand(url: str) -> int:
    models: Counter[str] = Counter()
    async with httpx2.AsyncClient(timeout=60) as client:
        answer = await client.get(f"{url}{SMD}/Inventory/Hardware")
        for part in json.loads(answer.content):
            models[part["PopulatedFRU"][f"{part['Type']}FRUInfo"]["Model"]] += 1
    return models.total()


async def configurations(url: str) -> int:
    async with site_at(url) as site:
        found = await site.cfs.configurations.list()
        return sum(bool(one.layers[0].commit) for one in found)


async def configurations_by_hand(url: str) -> int:
    count, params = 0, ""
    async with httpx2.AsyncClient() as client:
        while True:
            answer = await client.get(f"{url}/apis/cfs/v3/configurations{params}")
            page = json.loads(answer.content)
            count += sum(bool(one["layers"][0]["commit"]) for one in page["configurations"])
            if page["next"] is None:
                return count
            params = f"?after_id={page['next']['after_id']}"


READERS: dict[str, Reader] = {
    "components: httpx2 + json, one request": components_by_hand,
    "components: poya": components,
    f"components: httpx2 + json, a request each ({AT_ONCE} at once)": components_one_by_one,
    "hardware: httpx2 + json, one request": hardware_by_hand,
    "hardware: poya, whole": hardware_whole,
    "hardware: poya, as it arrives": hardware,
    "configurations: httpx2 + json, by pages": configurations_by_hand,
    "configurations: poya": configurations,
}


def main() -> None:
    name, url = sys.argv[1:]
    started_s = time.perf_counter()
    records = asyncio.run(READERS[name](url))
    took_s = time.perf_counter() - started_s
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"took_s": took_s, "peak_bytes": peak_bytes, "records": records}))


if __name__ == "__main__":
    main()
