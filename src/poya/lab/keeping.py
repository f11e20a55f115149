# SPDX-License-Identifier: Apache-2.0
"""Lab sites that are no seeds: twins of real sites, and sites that were kept in a file."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poya.errors import UsageError
from poya.lab.directory import SiteSpec, load, save, write_private
from poya.lab.lifecycle import Lab
from poya.lab.profiles import RELEASES, profile_of
from poya.lab.wanted import Wanted

_SPEC = "site.json"
_CONTENT = "content"


def adopt(
    lab: Lab, name: str, release: str, structure: Mapping[str, Any], object_limit_bytes: int
) -> None:
    """Make a twin of a site and start it.

    Args:
        lab: Where to.
        name: Of the new site.
        release: The CSM release to emulate.
        structure: As `poya.lab.seed.twin` reads it.
        object_limit_bytes: How long an object of the twin is at most.

    Raises:
        UsageError: The name is taken, the release unknown, or the structure is none.
    """
    if release not in RELEASES:
        raise UsageError(
            f"The lab cannot emulate CSM {release or '(unknown)'}.",
            todo=f"Say which of {', '.join(RELEASES)} to emulate, with --release.",
        )
    _require_new(lab, name)
    files = lab.files(name)
    files.make()
    plan = {"structure": structure, "object_limit_bytes": object_limit_bytes}
    write_private(files.twin, json.dumps(plan))
    domain = str(structure.get("domain") or "")
    save(lab.directory, [*load(lab.directory), SiteSpec(name, release, domain=domain)])
    try:
        lab.up(Wanted(sites=((name, release),)))
    except UsageError:
        _forget(lab, name)
        raise


def pack(lab: Lab, name: str, file: Path) -> int:
    """Write what a site holds to a compressed archive; its size in bytes.

    Raises:
        UsageError: There is no such site, it runs, or the file exists or cannot be written.
    """
    status = next((one for one in lab.status() if one.spec.name == name), None)
    if status is None:
        raise UsageError(f"The lab has no site {name}.")
    if status.pid is not None:
        raise UsageError(f"The lab site {name} is running.", todo="Stop it first: poya lab down")
    kept = ("release", "image_bytes", "bulk", "domain")
    spec = {field: getattr(status.spec, field) for field in kept}
    described = lab.directory / f"{name}.{_SPEC}"
    write_private(described, json.dumps(spec))
    try:
        with tarfile.open(file, "x:gz", compresslevel=1) as archive:
            archive.add(described, _SPEC)
            archive.add(status.files.contents[0].parent, _CONTENT)
    except FileExistsError as error:
        raise UsageError(f"{file} exists already.") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be written.", why=f"{error}") from error
    finally:
        described.unlink()
    return file.stat().st_size


def unpack(lab: Lab, name: str, file: Path) -> None:
    """Make a site of an archive and start it.

    Raises:
        UsageError: The name is taken, or the file is no archive of a lab site.
    """
    _require_new(lab, name)
    directory = lab.files(name).directory
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(file, "r:gz") as archive:
            archive.extractall(directory, filter="data")
        spec = json.loads((directory / _SPEC).read_text())
        release = profile_of(spec.pop("release")).release
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        shutil.rmtree(directory)
        raise UsageError(f"{file} holds no lab site.", why=f"{error}") from error
    own = SiteSpec(name, release, **spec)
    save(lab.directory, [*load(lab.directory), own])
    lab.up(Wanted(sites=((name, release),)))


def _require_new(lab: Lab, name: str) -> None:
    if any(spec.name == name for spec in load(lab.directory)):
        raise UsageError(
            f"The lab has a site {name} already.", todo="Choose another name with --as, or --dir."
        )


def _forget(lab: Lab, name: str) -> None:
    save(lab.directory, [spec for spec in load(lab.directory) if spec.name != name])
    shutil.rmtree(lab.files(name).directory, ignore_errors=True)
