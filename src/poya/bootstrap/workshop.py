# SPDX-License-Identifier: Apache-2.0
"""Opens places: from a name to the site, bundle or survey that it means."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from poya.bootstrap.bundles import Bundles, split_date
from poya.bootstrap.places import (
    AwayPlace,
    BundlePlace,
    FilesPlace,
    OutgoingPlace,
    Place,
    SitePlace,
    SurveyPlace,
    absolute_paths,
)
from poya.bootstrap.runs import Runs
from poya.errors import UsageError
from poya.files import is_file
from poya.journal import RunStore
from poya.model.usage import Usage
from poya.model.vcluster import Selector, VCluster
from poya.settings import PlacementSettings, Settings, state_directory
from poya.site_config import site_config
from poya.sites.base import Images, Source, Surveyed, Target

if TYPE_CHECKING:
    from poya.placement.facts import Machine
    from poya.transfer import ChunkStore

TargetOpener: TypeAlias = Callable[[VCluster | None], Target]
SurveyedOpener: TypeAlias = Callable[[VCluster | None], Surveyed]


class Workshop:
    """Opens places, for one configuration; `runs` are those of its operator."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.runs = Runs(RunStore(state_directory()))
        self.bundles = Bundles(settings)

    def place(self, text: str, vcluster: str = "") -> Place:
        """A site if one is configured under this name, else a survey's file or a bundle.

        Args:
            text: What was typed; `PLACE@DATE` is the newest bundle there of the date or before.
            vcluster: Of which, where a date chooses from many.

        Raises:
            NotFound: None of them.
        """
        if text in self._settings.sites:
            return SitePlace(text)
        if is_file(text) and not self._is_tar(text):
            return SurveyPlace(str(Path(text).expanduser().absolute()))
        bundle = self.bundles.place(text, vcluster)
        return bundle or SitePlace(self._settings.site(text).name)

    def places(self, ends: tuple[str, str], selector: Selector) -> tuple[Place, Place]:
        """Where a vCluster comes from and goes to; to a tar or a store its bundle goes whole.

        Raises:
            NotFound: One of them is not there.
            UsageError: The tar or the place in the store is taken.
        """
        here, there = ends
        source = self.place(here, selector.name)
        if there in self._settings.sites or not self.bundles.is_elsewhere(there):
            return source, self.place(there)
        self.bundles.refuse_unwritable(there)
        key = (str(source), selector.name, *selector.templates)
        return source, self.bundles.outgoing(there, (), "", key)

    def _is_tar(self, text: str) -> bool:
        from poya.sites.bundle.stores.opening import is_tar

        return is_tar(text)

    def place_and_name(self, text: str) -> tuple[Place, str]:
        """What `PLACE[:NAME][@DATE]` means; the name is empty where none is given.

        Raises:
            NotFound: As `place`.
        """
        if text in self._settings.sites or os.path.lexists(text):
            return self.place(text), ""
        rest, date = split_date(text)
        # A store's own colon is part of the place.
        store, colon, _ = rest.partition(":")
        start = len(store) + 1 if colon and store in self._settings.stores else 0
        where, name = rest, ""
        if ":" in rest[start:] and not os.path.lexists(rest):
            where, _, name = rest.rpartition(":")
        return self.place(f"{where}@{date}" if date else where, name), name

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
            (Path(place.directory) / CHUNKS,)
            if isinstance(place, (BundlePlace, OutgoingPlace))
            else ()
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
    async def source(
        self, place: Place, towards: Place | None = None, *, reads_all: bool = False
    ) -> AsyncIterator[Source]:
        """Open a place for reading; a site's client cannot send a request that changes it.

        Args:
            place: What to open.
            towards: Where it goes: that site's policy on bundles counts.
            reads_all: Whether a bundle in a tar or a store is read to its last byte when it is
                captured, as before anything is written; one in a directory always is.

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
        if isinstance(place, AwayPlace):
            with self.bundles.source(place, towards, reads_all=reads_all) as away:
                yield away
            return
        from poya.sites.bundle import open_bundle, open_files

        if isinstance(place, BundlePlace | OutgoingPlace):
            yield open_bundle(
                Path(place.directory),
                policy=self.bundles.trust(towards),
                refuses_damage=isinstance(towards, SitePlace),
            )
        else:
            yield open_files(
                bos_files=absolute_paths(place.bos),
                cfs_files=absolute_paths(place.cfs),
                hsm_files=absolute_paths(place.hsm),
                ims_files=absolute_paths(place.ims),
                image_dirs=absolute_paths(place.image_dirs),
                policy=self.bundles.trust(towards),
                refuses_damage=isinstance(towards, SitePlace),
            )

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
        if isinstance(place, AwayPlace):
            raise UsageError(
                f"{place} is a bundle already; it is not written over.",
                todo="Name another place.",
            )
        from poya.sites.bundle import BundleTarget

        directory, label = Path(place.directory), str(place)
        yield lambda vcluster: BundleTarget(directory, vcluster, label=label)

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
        if not isinstance(towards, BundlePlace | OutgoingPlace):
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
