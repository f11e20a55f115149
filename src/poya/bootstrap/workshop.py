# SPDX-License-Identifier: Apache-2.0
"""Opens places: from a name to the site, bundle or survey that it means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from poya.bootstrap.places import (
    BundlePlace,
    FilesPlace,
    Place,
    SitePlace,
    SurveyPlace,
    absolute_paths,
)
from poya.bootstrap.runs import Runs
from poya.errors import UsageError
from poya.journal import RunStore
from poya.model.usage import Usage
from poya.model.vcluster import VCluster
from poya.settings import PlacementSettings, Settings, state_directory
from poya.site_config import site_config
from poya.sites.base import Images, Source, Surveyed, Target

if TYPE_CHECKING:
    from poya.placement.facts import Machine
    from poya.sites.bundle.stores import ObjectStore
    from poya.sites.bundle.trust import TrustPolicy
    from poya.transfer import ChunkStore

TargetOpener: TypeAlias = Callable[[VCluster | None], Target]
SurveyedOpener: TypeAlias = Callable[[VCluster | None], Surveyed]


class Workshop:
    """Opens places, for one configuration; `runs` are those of its operator."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.runs = Runs(RunStore(state_directory()))

    def place(self, text: str) -> Place:
        """A site if one is configured under this name, else a survey's file or a bundle.

        Raises:
            NotFound: None of them.
        """
        if text in self._settings.sites:
            return SitePlace(text)
        if Path(text).is_file():
            return SurveyPlace(str(Path(text).expanduser().absolute()))
        if "/" in text or text.startswith(".") or Path(text).is_dir():
            return BundlePlace(str(Path(text).expanduser().absolute()))
        return SitePlace(self._settings.site(text).name)

    def is_place(self, text: str) -> bool:
        """Say whether the text as a whole names a site, a survey's file or a directory."""
        return text in self._settings.sites or Path(text).exists()

    def site_place(self, name: str | None) -> SitePlace:
        """The named site, or the current one.

        Raises:
            ConfigError: No site is named and none is current.
            NotFound: The configuration does not have it.
        """
        return SitePlace(self._settings.site(name).name)

    def chunks(self, here: Place, there: Place) -> ChunkStore:
        """What keeps the chunks of files in mind: the operator's own, and those of bundles.

        Nothing is written to a bundle that is read.
        """
        from poya.sites.bundle.names import CHUNKS
        from poya.transfer import ChunkStore

        read, written = (
            (Path(place.directory) / CHUNKS,) if isinstance(place, BundlePlace) else ()
            for place in (here, there)
        )
        return ChunkStore(self.runs.chunks, *written, reads=read)

    @asynccontextmanager
    async def images(self, place: SitePlace) -> AsyncIterator[Images]:
        """Open a site to look at its images; its client can only read."""
        from poya.sites.csm import open_csm_source

        async with open_csm_source(site_config(self._settings.site(place.name))) as source:
            yield source

    @asynccontextmanager
    async def source(self, place: Place, towards: Place | None = None) -> AsyncIterator[Source]:
        """Open a place for reading; a site's client cannot send a request that changes it.

        Args:
            place: What to open.
            towards: Where it goes: that site's policy on bundles counts.

        Raises:
            BundleUntrusted: The policy refuses the bundle.
        """
        if isinstance(place, SitePlace):
            from poya.sites.csm import open_csm_source

            async with open_csm_source(site_config(self._settings.site(place.name))) as source:
                yield self._noting_hardware(source, place, towards)
            return
        if isinstance(place, SurveyPlace):
            from poya.sites.saved import SavedSource, read_survey

            yield SavedSource(read_survey(Path(place.file)))
            return
        from poya.sites.bundle import open_bundle, open_files

        if isinstance(place, BundlePlace):
            yield open_bundle(
                Path(place.directory),
                policy=self._trust(towards),
                refuses_damage=isinstance(towards, SitePlace),
            )
        else:
            yield open_files(
                bos_files=absolute_paths(place.bos),
                cfs_files=absolute_paths(place.cfs),
                hsm_files=absolute_paths(place.hsm),
                ims_files=absolute_paths(place.ims),
                image_dirs=absolute_paths(place.image_dirs),
                policy=self._trust(towards),
                refuses_damage=isinstance(towards, SitePlace),
            )

    def _trust(self, towards: Place | None) -> TrustPolicy:
        from poya.sites.bundle.trust import FREE_POLICY, TrustPolicy, read_public_key

        if not isinstance(towards, SitePlace):
            return FREE_POLICY
        wanted = self._settings.site(towards.name).bundles
        keys = tuple(read_public_key(key) for key in wanted.keys)
        return TrustPolicy(keys, wanted.refuses_unsigned)

    async def usage(self, place: Place) -> Usage | None:
        """Who uses what at a site; None for a bundle, which nobody uses."""
        if not isinstance(place, SitePlace):
            return None
        from poya.csm import Site
        from poya.sites.csm.usage import usage_at

        async with Site.connect(site_config(self._settings.site(place.name))) as site:
            return await usage_at(site)

    @asynccontextmanager
    async def target(
        self, place: Place, *, read_only: bool = False
    ) -> AsyncIterator[TargetOpener]:
        """Open a place for writing (or only for reading it back).

        Raises:
            UsageError: The place is made of single files or a survey; those are only read.
        """
        if isinstance(place, SitePlace):
            from poya.sites.csm import open_csm_target

            config = site_config(self._settings.site(place.name))
            async with open_csm_target(
                config, read_only=read_only, witness=None if read_only else self.runs.gate
            ) as target:
                yield lambda _: target
            return
        if isinstance(place, FilesPlace):
            raise UsageError("Files named one by one can be restored from, not written to.")
        if isinstance(place, SurveyPlace):
            raise UsageError(
                f"{place} is a survey: it can be planned against, not written to.",
                todo="Save the plan (poya migrate plan -o FILE), then: poya apply FILE",
            )
        from poya.sites.bundle import BundleTarget

        directory = Path(place.directory)
        yield lambda vcluster: BundleTarget(directory, vcluster)

    @asynccontextmanager
    async def surveyed(self, place: Place) -> AsyncIterator[SurveyedOpener]:
        """Open a place for planning against it; a site's client cannot change the site."""
        if isinstance(place, SurveyPlace):
            from poya.sites.saved import SavedTarget, read_survey

            target = SavedTarget(read_survey(Path(place.file)))
            yield lambda _: target
            return
        async with self.target(place, read_only=True) as opener:
            yield opener

    def _noting_hardware(self, source: Source, place: SitePlace, towards: Place | None) -> Source:
        """A bundle keeps what its nodes are made of; whoever restores it may have no site left."""
        if not isinstance(towards, BundlePlace):
            return source
        from poya.migration.placing import HardwareNoted

        return HardwareNoted(source, lambda: self.machine(place.name))

    async def machine(self, name: str) -> Machine:
        """Read a configured site's nodes, their parts and their holders."""
        from poya.sites.csm.machine import read_machine

        site = self._settings.site(name)
        rules = site.placement
        return await read_machine(site_config(site), rules.names, rules.switch_groups)

    async def machine_of(self, place: Place) -> Machine | None:
        """A place's nodes, read now or kept in its survey; None where it tells of none."""
        if isinstance(place, SitePlace):
            return await self.machine(place.name)
        if isinstance(place, SurveyPlace):
            from poya.sites.saved import read_survey

            return read_survey(Path(place.file)).machine
        return None

    def placement_settings(self, name: str) -> PlacementSettings:
        """What the configuration says of choosing nodes at a site; of others it says nothing."""
        known = self._settings.sites.get(name)
        return known.placement if known else PlacementSettings()

    def bundle_files(self, place: Place) -> list[tuple[str, str]]:
        """A finished bundle's files as (what it is, path), in the order that people read."""
        from poya.sites.bundle import list_files

        if not isinstance(place, BundlePlace):
            return []
        return list_files(Path(place.directory))

    @contextmanager
    def bundle_store(self, text: str) -> Iterator[ObjectStore | None]:
        """The store that `NAME:PREFIX` means; None if it is a path.

        Raises:
            NotFound: The configuration has no such store.
        """
        found = self._settings.store_at(text)
        if found is None:
            yield None
            return
        settings, prefix = found
        from poya.site_config import store_config
        from poya.sites.bundle.stores import ObjectStore
        from poya.transfer import ObjectPlace, S3Store

        key = "/".join(part for part in (settings.prefix, prefix.strip("/")) if part)
        store = S3Store(*store_config(settings))
        try:
            yield ObjectStore(store, ObjectPlace(settings.bucket, key))
        finally:
            store.close()
