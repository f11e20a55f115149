# SPDX-License-Identifier: Apache-2.0
"""Opens bundles wherever they are: in directories, tars, streams and stores."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from poya.bootstrap.places import AwayPlace, BundlePlace, OutgoingPlace, Place, SitePlace
from poya.bootstrap.works import Works
from poya.errors import UsageError
from poya.files import is_directory
from poya.settings import Settings, state_directory

if TYPE_CHECKING:
    from poya.model.plan import Plan
    from poya.sites.base import Source
    from poya.sites.bundle.catalog import Listed
    from poya.sites.bundle.stores import ObjectStore, Shelf, Store
    from poya.sites.bundle.stores.base import Work
    from poya.sites.bundle.trust import TrustPolicy

# As in `/backups@2026-11-24` and `archive:gele@latest`.
_DATED = re.compile(r"(?P<root>.+)@(?P<date>latest|\d{4}-\d\d-\d\d[T0-9:.+Z-]*)")
_DATE_LENGTH = len("2026-11-24")


class Bundles:
    """Bundles as one configuration knows them; `works` are the operator's working directories."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.works = Works(state_directory() / "work")

    # Names

    def place(
        self, text: str, vcluster: str = "", identities: tuple[str, ...] = ()
    ) -> Place | None:
        """The bundle that a text means; None if it can only be a site or a survey.

        Args:
            text: A directory, a tar, `-`, STORE:PREFIX, or one of these with `@DATE`.
            vcluster: Of which, where a date chooses from many.
            identities: Files to decrypt it with.

        Raises:
            NotFound: There is no bundle of that date, or the configuration has no such store.
        """
        from poya.sites.bundle.stores.opening import has_sealed_parts, is_tar

        root, date = split_date(text)
        if date:
            text = self.of_date(root, date, vcluster).where
        if self._settings.store_at(text) is not None:
            return AwayPlace(text, identities)
        if is_tar(text):
            return AwayPlace(text if text == "-" else _absolute(text), identities)
        is_held = is_directory(text)
        if is_held and (identities or has_sealed_parts(Path(text).expanduser())):
            return AwayPlace(_absolute(text), identities)
        is_path = "/" in text or text.startswith(".") or is_held
        return BundlePlace(_absolute(text)) if is_path else None

    def of_date(self, root: str, date: str, vcluster: str) -> Listed:
        """The newest finished bundle below a directory or in a store, of that date or before.

        Raises:
            UsageError: The date cannot be read.
            NotFound: There is no such bundle, or there are several vClusters to choose from.
        """
        from poya.sites.bundle.catalog import as_of

        with self.catalog(root) as (bundles, _):
            return as_of(bundles, moment_of(date), vcluster)

    @contextmanager
    def catalog(self, root: str) -> Iterator[tuple[list[Listed], ObjectStore | None]]:
        """Every bundle below a directory, or in a store, which is open in the block."""
        from poya.sites.bundle.catalog import bundles_below, bundles_in

        with self.remote(root) as store:
            if store is not None:
                yield bundles_in(store), store
            else:
                yield bundles_below(Path(root).expanduser().absolute()), None

    def is_elsewhere(self, text: str) -> bool:
        """Say whether a bundle that is written there is no plain directory."""
        from poya.sites.bundle.stores.opening import is_tar

        return self._settings.store_at(text) is not None or is_tar(text)

    def outgoing(
        self, text: str, recipients: tuple[str, ...], work: str, key: tuple[str, ...]
    ) -> OutgoingPlace:
        """Where a bundle is made that goes to a tar, a stream or a store.

        Args:
            text: Its destination.
            recipients: Whom to encrypt it to.
            work: The directory to make it in; empty for one of ours.
            key: What goes into it; the same goes on with the same directory.
        """
        is_named = self._settings.store_at(text) is not None or text == "-"
        destination = text if is_named else _absolute(text)
        directory = self.works.directory(destination, (*key, *recipients))
        return OutgoingPlace(_absolute(work) if work else str(directory), destination, recipients)

    # Stores

    @contextmanager
    def remote(self, text: str) -> Iterator[ObjectStore | None]:
        """The S3 store that `NAME:PREFIX` means; None if it is a path.

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

        prefix = prefix.strip("/")
        key = "/".join(part for part in (settings.prefix, prefix) if part)
        store = S3Store(*store_config(settings))
        try:
            place = ObjectPlace(settings.bucket, key)
            yield ObjectStore(store, place, f"{settings.name}:{prefix}")
        finally:
            store.close()

    @contextmanager
    def to_read(self, text: str, identities: tuple[str, ...] = ()) -> Iterator[Store]:
        """The store that a bundle is read from.

        Raises:
            UsageError: There is no such place.
        """
        from poya.sites.bundle.stores.opening import store_to_read

        keys = identities or self._settings.identities
        with self.remote(text) as remote:
            yield remote.sealing(identity_files=keys) if remote else store_to_read(text, keys)

    @contextmanager
    def to_write(self, text: str, recipients: tuple[str, ...] = ()) -> Iterator[Store]:
        """The store that a bundle is written to."""
        from poya.sites.bundle.stores.opening import store_to_write
        from poya.sites.bundle.stores.sealing import recipients_of

        with self.remote(text) as remote:
            if remote is not None:
                yield remote.sealing(recipients_of(recipients))
            else:
                yield store_to_write(text, recipients)

    def refuse_unwritable(
        self, text: str, recipients: tuple[str, ...] = (), *, is_new: bool = True
    ) -> None:
        """Make sure, before any work, that a bundle could be carried there.

        Args:
            text: Where to.
            recipients: Whom it is encrypted to.
            is_new: Whether nothing may be there, as before a backup; else what is there may turn
                out to be the same bundle.

        Raises:
            UsageError: It is a terminal, is taken, or nobody is named to encrypt it to.
            NotFound: It reads like a store that the configuration does not have.
        """
        from poya.sites.bundle.stores.opening import is_tar, refuse_tar
        from poya.sites.bundle.stores.sealing import recipients_of

        recipients_of(recipients)
        with self.remote(text) as remote:
            if remote is None and is_tar(text):
                refuse_tar(text, recipients, is_new=is_new)
            elif remote is not None and is_new:
                remote.refuse_if_taken()

    def refuse_without_room(self, place: Place, plan: Plan) -> None:
        """Compare what a backup will take with what is free, where that can be asked.

        Raises:
            UsageError: There is no room in the directory, for the tar, or in the bucket.
        """
        if not isinstance(place, BundlePlace | OutgoingPlace):
            return
        from poya.sites.bundle.stores.opening import STREAM
        from poya.sites.bundle.stores.room import refuse_without_room

        needs = [(Path(place.directory), plan.bytes_to_move)]
        whole_bytes = plan.bytes_to_move + plan.bytes_there
        destination = place.destination if isinstance(place, OutgoingPlace) else STREAM
        with self.remote(destination) as remote:
            if remote is not None:
                remote.refuse_without_room(whole_bytes)
            elif destination != STREAM:
                needs.append((Path(destination), whole_bytes))
        refuse_without_room(needs)

    def files_to_deliver(self, place: OutgoingPlace) -> list[tuple[str, int]]:
        """The files of a finished bundle in its working directory, and their lengths."""
        from poya.sites.bundle.stores import parcel_of

        files = parcel_of(Path(place.directory)).index.files
        return [(name, entry.size_bytes or 0) for name, entry in files.items()]

    def deliver(self, place: OutgoingPlace, work: Work) -> str:
        """Carry a finished bundle from its working directory to its place; how that is called.

        Repeating it continues, or finds it there.

        Raises:
            UsageError: Something else is there.
            StoppedPartWay: It could not be written to its end.
        """
        from poya.sites.bundle.stores import parcel_of

        parcel = parcel_of(Path(place.directory))
        with self.to_write(place.destination, place.recipients) as store:
            store.write(parcel, work)
            return store.label

    # Reading

    @contextmanager
    def shelf(self, place: AwayPlace) -> Iterator[Shelf]:
        """What is seen of a bundle where it is."""
        with self.to_read(place.where, place.identities) as store:
            yield store.look()

    @contextmanager
    def source(
        self, place: AwayPlace, towards: Place | None, *, reads_all: bool
    ) -> Iterator[Source]:
        """A bundle as a site to capture from, where it is.

        Raises:
            UsageError: Its files are wanted, and it can only be read from its start.
            BundleUntrusted: The policy of the site that it goes to refuses it.
        """
        from poya.sites.bundle.stores.opening import is_once_only
        from poya.sites.bundle.stores.reading import open_shelf

        if reads_all and is_once_only(place.where):
            raise UsageError(
                f"{place.where} can only be read from its start: it can be planned from.",
                todo=f"To bring it: poya migrate restore --bundle {place.where}",
            )
        with (
            self.shelf(place) as shelf,
            open_shelf(
                shelf,
                self.trust(towards),
                refuses_damage=isinstance(towards, SitePlace),
                reads_all=reads_all,
            ) as source,
        ):
            yield source

    def trust(self, towards: Place | None) -> TrustPolicy:
        """What the site that a bundle goes to demands of it."""
        from poya.sites.bundle.trust import FREE_POLICY, TrustPolicy, read_public_key

        if not isinstance(towards, SitePlace):
            return FREE_POLICY
        wanted = self._settings.site(towards.name).bundles
        keys = tuple(read_public_key(key) for key in wanted.keys)
        return TrustPolicy(keys, wanted.refuses_unsigned)


def split_date(text: str) -> tuple[str, str]:
    """`PLACE@DATE` in two; the date is empty where there is none, or a file has that name."""
    found = None if os.path.lexists(text) else _DATED.fullmatch(text)
    return (found["root"], found["date"]) if found else (text, "")


def moment_of(text: str) -> datetime:
    """The moment that a date means: its end; all are UTC unless they say otherwise.

    Raises:
        UsageError: It is none.
    """
    if text == "latest":
        return datetime.max.replace(tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"'{text[:40]}' is no date.", todo="As in 2026-11-24 or 2026-11-24T18:00."
        ) from error
    if len(text) <= _DATE_LENGTH:
        moment = datetime.combine(moment.date(), time.max)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _absolute(text: str) -> str:
    return str(Path(text).expanduser().absolute())
