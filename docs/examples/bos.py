"""BOS: what each session template boots, and whether BOS finds it valid."""

import asyncio

from poya.csm import Site
from poya.site_config import configured


async def main() -> None:
    async with Site.connect(configured("alps")) as site:
        for template in await site.bos.templates.list():
            verdict = await site.bos.templates.validate(template.name, tenant=template.tenant)
            print(template.name, sorted(template.boot_sets or {}), verdict.text)


asyncio.run(main())
