"""What a site can do, by feature; and what to expect where it cannot."""

import asyncio

from poya.csm import NeedsRelease, Site
from poya.errors import PoyaError
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        features = await site.features()
        print("CSM", features.release_guess, dict(features.versions))
        try:
            await site.ims.images.set_metadata("no-such-image", "key", "value")
        except NeedsRelease as error:
            print(error.what)
        except PoyaError as error:
            print("refused:", error.what)


asyncio.run(main())
