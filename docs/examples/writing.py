"""Writing: a site is read-only unless it is opened otherwise; documents survive an edit."""

import asyncio

from poya.csm import Site, configuration_body
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("prealps"), read_only=False) as site:
        (first, *_) = await site.cfs.configurations.list()
        body = configuration_body(first.document)  # what CFS accepts back of what it served
        copy = await site.cfs.configurations.put(f"{first.name}-copy", body)
        print(copy.name, "has", len(copy.layers), "layers")
        await site.cfs.configurations.delete(copy.name)


asyncio.run(main())
