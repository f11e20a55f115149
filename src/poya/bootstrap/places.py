# SPDX-License-Identifier: Apache-2.0
"""Where a vCluster can come from and go to: values, not yet opened."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypeAlias


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
class AwayPlace:
    """A bundle that is in no directory of its own: in a tar, a stream or a store.

    Attributes:
        where: The absolute path of a tar, `-`, or STORE:PREFIX.
        identities: Files to decrypt it with.
    """

    where: str
    identities: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.where


@dataclass(frozen=True, slots=True)
class OutgoingPlace:
    """A bundle that is made in a working directory, and then carried to its place.

    Attributes:
        directory: Where it is made.
        destination: The absolute path of a tar or a directory, `-`, or STORE:PREFIX.
        recipients: Whom to encrypt it to.
    """

    directory: str
    destination: str
    recipients: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.destination


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


Place: TypeAlias = SitePlace | BundlePlace | AwayPlace | OutgoingPlace | FilesPlace | SurveyPlace


def absolute_paths(names: tuple[str, ...]) -> tuple[Path, ...]:
    """Paths that stay right when a run is resumed from another directory."""
    return tuple(Path(name).expanduser().absolute() for name in names)


def encode_place(place: Place) -> str:
    """A place as a run's journal keeps it."""
    if isinstance(place, FilesPlace):
        absolute = {
            k: [str(p) for p in absolute_paths(names)] for k, names in asdict(place).items()
        }
        return json.dumps({"files": absolute}, sort_keys=True)
    if isinstance(place, BundlePlace):
        return json.dumps({"bundle": place.directory})
    if isinstance(place, AwayPlace):
        return json.dumps({"away": asdict(place)})
    if isinstance(place, OutgoingPlace):
        return json.dumps({"outgoing": asdict(place)})
    if isinstance(place, SurveyPlace):
        return json.dumps({"survey": place.file})
    return json.dumps({"site": place.name})


def decode_place(text: str) -> Place:
    """What `encode_place` wrote."""
    value = json.loads(text)
    if "site" in value:
        return SitePlace(value["site"])
    if "bundle" in value:
        return BundlePlace(value["bundle"])
    if "away" in value:
        away = value["away"]
        return AwayPlace(away["where"], tuple(away["identities"]))
    if "outgoing" in value:
        out = value["outgoing"]
        return OutgoingPlace(out["directory"], out["destination"], tuple(out["recipients"]))
    if "survey" in value:
        return SurveyPlace(value["survey"])
    return FilesPlace(**{kind: tuple(names) for kind, names in value["files"].items()})
