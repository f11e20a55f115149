"""Gitea: whether the commit of each layer is in the git of the site itself."""

import asyncio

from poya.csm import Site, repository_of
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        for configuration in await site.cfs.configurations.list():
            for layer in configuration.layers:
                owner, name = repository_of(layer.clone_url or "")
                is_there = await site.vcs.commit_exists(owner, name, layer.commit or "")
                print(configuration.name, name, layer.commit, "there" if is_there else "GONE")


asyncio.run(main())
