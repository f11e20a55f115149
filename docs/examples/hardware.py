"""HSM: count the parts of a whole machine from one request, as they arrive."""

import asyncio
from collections import Counter

from poya.csm import Site
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        models: Counter[str] = Counter()
        async for part in site.hsm.hardware.stream(types=["Processor", "NodeAccel"]):
            models[part.model] += 1
        for model, count in models.most_common():
            print(f"{count:6} {model}")


asyncio.run(main())
