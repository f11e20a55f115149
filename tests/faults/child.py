"""A run in a process of its own, which kills itself at one point: `CONFIG DIRECTORY VERB POINT`.

It says on its standard output when it begins.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from faults.fuse import Fuse, FusedJournal
from faults.wiring import ONE_BY_ONE, Ends, Wiring
from faults.world import RUN
from poya.csm import SiteConfig
from poya.migration.carrying import Run
from poya.migration.events import silent
from poya.model.plan import decode_plan
from poya.settings import load_settings
from poya.site_config import site_config


async def _go(verb: str, directory: Path, configs: tuple[SiteConfig, SiteConfig], at: int) -> None:
    journal = FusedJournal.on(directory / "journal.db", Fuse(at, kills=True))
    journal.take({"pid": "2", "host": "here", "user": "", "since": "", "purpose": ""})
    run = Run(RUN, decode_plan((directory / "plan.json").read_bytes()), journal)
    wiring = Wiring()
    ends = Ends(configs, wiring, set())
    async with ends.source() as source, ends.target(journal) as target:
        if verb == "apply":
            await wiring.carry(run, source, target, ONE_BY_ONE, silent)
        else:
            await wiring.take_back(run, target, silent)


def main() -> None:
    config, directory, verb, at = sys.argv[1:]
    settings = load_settings(config)
    alps, prealps = (site_config(settings.site(name)) for name in ("alps", "prealps"))
    print("begins", flush=True)
    asyncio.run(_go(verb, Path(directory), (alps, prealps), int(at)))


if __name__ == "__main__":
    main()
