"""Nexus: the package repositories of a site."""

import asyncio

from poya.csm import Site
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        for repository in await site.nexus.repositories.list():
            print(repository.name, repository.format, repository.type)


asyncio.run(main())
