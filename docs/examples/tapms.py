"""TAPMS: the tenants, where a site has any; a site without TAPMS says so."""

import asyncio

from poya.csm import Site
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        api = await site.tapms.api()
        print("TAPMS", api or "is not there")
        for tenant in await site.tapms.list() if api else ():
            print(tenant.name, tenant.spec.state, len(tenant.xnames), "nodes")


asyncio.run(main())
