"""BSS: which image each node boots next."""

import asyncio

from poya.csm import Site
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        for parameters in await site.bss.boot_parameters.list():
            for host in parameters.hosts or ():
                print(host, parameters.kernel)


asyncio.run(main())
