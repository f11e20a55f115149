"""Kubernetes: the tenants as resources, where the configuration says how to reach them."""

import asyncio

from poya.csm import Site
from poya.errors import ConfigError
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        try:
            async with site.kubernetes() as kubernetes:
                print("Kubernetes", await kubernetes.server_version())
                for tenant in await kubernetes.tenants.list():
                    print(tenant.name, tenant.spec.state)
        except ConfigError as error:
            print("\n".join(error.lines()))


asyncio.run(main())
