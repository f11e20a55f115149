"""CFS: which configurations nobody desires."""

import asyncio

from poya.csm import Site
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        desired = {one.desired_config for one in await site.cfs.components.list()}
        for configuration in await site.cfs.configurations.list():
            state = "desired" if configuration.name in desired else "not desired"
            print(configuration.name, len(configuration.layers), "layers,", state)


asyncio.run(main())
