# SPDX-License-Identifier: Apache-2.0
"""The only place that names concrete sites and wires them to the use cases."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from poya import __version__
from poya.errors import UsageError
from poya.journal import Journal, RunFiles, RunStore, hold, this_process
from poya.migration.carrying import Run
from poya.migration.evicting import Occupation, occupation_of
from poya.migration.witnessing import Gate
from poya.model.plan import Plan, decode_plan
from poya.model.usage import Usage
from poya.model.vcluster import VCluster
from poya.placement_settings import PlacementSettings
from poya.receipts.ledger import Ledger
from poya.settings import Settings, state_directory
from poya.site_config import site_config
from poya.sites.base import Images, Source, Surveyed, Target

if TYPE_CHECKING:
    from poya.placement.facts import Machine
    from poya.sites.bundle.stores import ObjectStore
    from poya.sites.bundle.trust import TrustPolicy


@dataclass(frozen=True, slots=True)
class SitePlace:
    """A configured site, by name."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class BundlePlace:
    """A bundle, by its absolute directory."""

    directory: str

    def __str__(self) -> str:
        return self.directory


@dataclass(frozen=True, slots=True)
class FilesPlace:
    """A bundle whose files are named one by one, as on manta's restore."""

    bos: tuple[str, ...] = ()
    cfs: tuple[str, ...] = ()
    hsm: tuple[str, ...] = ()
    ims: tuple[str, ...] = ()
    image_dirs: tuple[str, ...] = ()

    def is_given(self) -> bool:
        """Say whether any file is named."""
        return any(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        return ", ".join(self.bos) or "files"


@dataclass(frozen=True, slots=True)
class SurveyPlace:
    """A site as a survey saw it, by the survey's file; planned from and against only."""

    file: str

    def __str__(self) -> str:
        return self.file


Place: TypeAlias = SitePlace | BundlePlace | FilesPlace | SurveyPlace
TargetOpener: TypeAlias = Callable[[VCluster | None], Target]
SurveyedOpener: TypeAlias = Callable[[VCluster | None], Surveyed]


class Workshop:
    """Opens places, starts and finds runs, for one configuration."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.store = RunStore(state_directory())
        # Nothing is written to a live target but in the name of a run that holds its journal.
        self._gate = Gate()

    # Places

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
                bos_files=_paths(place.bos),
                cfs_files=_paths(place.cfs),
                hsm_files=_paths(place.hsm),
                ims_files=_paths(place.ims),
                image_dirs=_paths(place.image_dirs),
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
                config, read_only=read_only, witness=None if read_only else self._gate
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

    def placement_settings(self, name: str) -> PlacementSettings:
        """What the configuration says of choosing nodes at a site."""
        return self._settings.site(name).placement

    def bundle_files(self, place: Place) -> list[tuple[str, str]]:
        """A finished bundle's files as (what it is, path), in the order that people read."""
        from poya.sites.bundle import list_files

        if not isinstance(place, BundlePlace):
            return []
        return list_files(Path(place.directory))

    @contextmanager
    def bundle_store(self, text: str) -> Iterator[ObjectStore | None]:
        """The configured store, and the prefix in it, that `NAME:PREFIX` names; None if none."""
        name, colon, prefix = text.partition(":")
        if not colon or name not in self._settings.stores:
            yield None
            return
        from poya.site_config import store_config
        from poya.sites.bundle.stores import ObjectStore
        from poya.transfer import ObjectPlace, S3Store

        settings = self._settings.stores[name]
        key = "/".join(part for part in (settings.prefix, prefix.strip("/")) if part)
        store = S3Store(*store_config(settings))
        try:
            yield ObjectStore(store, ObjectPlace(settings.bucket, key))
        finally:
            store.close()

    # Runs

    @contextmanager
    def new_run(self, plan: Plan, places: tuple[Place, Place]) -> Iterator[Run]:
        """Start a run of a plan, holding its lock and the target vCluster's.

        Raises:
            UsageError: The source is a survey, which holds no bytes to move.
        """
        if isinstance(places[0], SurveyPlace):
            raise UsageError(
                f"{places[0]} is a survey: it can be planned from, and holds no files to move.",
                todo="Save the plan (poya migrate plan -o FILE), then: poya apply FILE",
            )
        me = this_process("")
        facts = {
            "vcluster": plan.vcluster,
            "source_label": plan.source,
            "target_label": plan.target,
            "source": _encode_place(places[0]),
            "target": _encode_place(places[1]),
            "plan_digest": plan.digest(),
            "state": "planned",
            "operator": f"{me.user}@{me.host}",
            "tool": f"poya {__version__}",
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with hold(self._target_lock(facts), f"bringing {plan.vcluster} to {plan.target}"):
            files, journal = self.store.start(plan.vcluster, plan.encode(), facts)
            with hold(files.lock, f"run {files.run}") as holder:
                try:
                    journal.take(holder.as_facts())
                    with self._gate.opened(journal):
                        yield Run(files.run, plan, journal)
                finally:
                    journal.close()

    @contextmanager
    def open_run(self, run_id: str) -> Iterator[tuple[Run, tuple[Place, Place]]]:
        """Open a run to go on with it or to undo it, holding both locks."""
        files = self.store.find(run_id)
        purpose = f"run {files.run}"
        with (
            hold(files.lock, purpose) as holder,
            self.look_at_run(files.run) as (run, places),
            hold(self._target_lock(run.journal.facts()), purpose),
        ):
            run.journal.take(holder.as_facts())
            with self._gate.opened(run.journal):
                yield run, places

    @contextmanager
    def look_at_run(self, run_id: str) -> Iterator[tuple[Run, tuple[Place, Place]]]:
        """Open a run to read it; anybody may do so at any time."""
        files = self.store.find(run_id)
        journal = Journal.open(files.journal)
        try:
            facts = journal.facts()
            places = (_decode_place(facts["source"]), _decode_place(facts["target"]))
            yield Run(files.run, _read_plan(files, facts), journal), places
        finally:
            journal.close()

    def facts_of(self, run_id: str) -> dict[str, str]:
        """What is known of a run as a whole."""
        journal = Journal.open(self.store.find(run_id).journal)
        try:
            return journal.facts()
        finally:
            journal.close()

    @property
    def key_path(self) -> Path:
        """The operator's signing key; it need not be there yet."""
        return self.store.state / "keys" / "receipts.pem"

    @property
    def ledger(self) -> Ledger:
        """All receipts of this operator."""
        return Ledger(self.store.state / "receipts")

    def target_lock_of(self, run_id: str) -> Path:
        """The lock of the vCluster that a run is about."""
        return self._target_lock(self.facts_of(run_id))

    def occupation(self, run_id: str) -> Occupation:
        """Who works on a run, and on the vCluster that it is about."""
        return occupation_of(self.store.find(run_id), self.target_lock_of(run_id))

    @property
    def chunks(self) -> Path:
        """What is kept in mind of files that were moved; a cache, safe to delete."""
        return self.store.state / "chunks"

    def pace_file(self, run_id: str) -> Path:
        """Where a bandwidth limit is left for the process that carries out a run."""
        return self.store.find(run_id).pace

    def _target_lock(self, facts: Mapping[str, str]) -> Path:
        return self.store.target_lock(facts["target_label"], facts["vcluster"])


def _read_plan(files: RunFiles, facts: Mapping[str, str]) -> Plan:
    try:
        raw = files.plan.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The plan of the run {files.run} cannot be read.", why=str(error)
        ) from error
    # Of the bytes as they were approved: a newer poya's plans have more fields than these.
    if hashlib.sha256(raw).hexdigest() != facts["plan_digest"]:
        raise UsageError(f"The plan of the run {files.run} is not the one that was approved.")
    return decode_plan(raw)


def _paths(names: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(Path(name).expanduser().absolute() for name in names)


def _encode_place(place: Place) -> str:
    if isinstance(place, FilesPlace):
        absolute = {k: [str(p) for p in _paths(names)] for k, names in asdict(place).items()}
        return json.dumps({"files": absolute}, sort_keys=True)
    if isinstance(place, BundlePlace):
        return json.dumps({"bundle": place.directory})
    if isinstance(place, SurveyPlace):
        return json.dumps({"survey": place.file})
    return json.dumps({"site": place.name})


def _decode_place(text: str) -> Place:
    value = json.loads(text)
    if "site" in value:
        return SitePlace(value["site"])
    if "bundle" in value:
        return BundlePlace(value["bundle"])
    if "survey" in value:
        return SurveyPlace(value["survey"])
    return FilesPlace(**{kind: tuple(names) for kind, names in value["files"].items()})
