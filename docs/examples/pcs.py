"""PCS, or CAPMC before CSM 1.4: which nodes are off."""

import asyncio

from poya.csm import Site
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        xnames = [node.id for node in await site.hsm.components.list()]
        found = await site.pcs.status(xnames)
        off = [status.xname for status in found if status.power_state != "on"]
        print(f"{len(found) - len(off)} on, not on: {off}")


asyncio.run(main())
