"""STS: temporary credentials for the S3 of a site; they change nothing there."""

import asyncio

from poya.csm import Site
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        credentials = await site.sts.credentials()
        print(credentials.endpoint_url, "until", credentials.expires_at)


asyncio.run(main())
