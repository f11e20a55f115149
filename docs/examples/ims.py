"""IMS: the images, newest first, and their architectures."""

import asyncio

from poya.csm import Site
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        images = await site.ims.images.list()
        for image in sorted(images, key=lambda image: image.created or "", reverse=True):
            print(image.created, image.arch or "x86_64", image.name, image.id)


asyncio.run(main())
