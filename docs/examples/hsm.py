"""HSM: the groups of a machine, and how many of their nodes are ready."""

import asyncio

from poya.csm import Site
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        nodes = {node.id: node for node in await site.hsm.components.list()}
        for group in await site.hsm.groups.list():
            ready = sum(nodes[xname].state == "Ready" for xname in group.xnames)
            print(f"{group.label}: {ready} of {len(group.xnames)} ready")


asyncio.run(main())
