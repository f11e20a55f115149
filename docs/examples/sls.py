"""SLS: the reserved addresses of each network."""

import asyncio

from poya.csm import Site
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        for network in await site.sls.networks.list():
            for subnet in network.subnets:
                for reservation in subnet.reservations or ():
                    print(network.name, subnet.name, reservation.ip_address, reservation.name)


asyncio.run(main())
