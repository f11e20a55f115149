# SPDX-License-Identifier: Apache-2.0
"""From a directory, or files named one by one, to a source; nothing here writes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from poya.errors import UsageError
from poya.sites.bundle.contents import Contents
from poya.sites.bundle.digests import HashProgress, ignore_progress
from poya.sites.bundle.indexed import read_indexed
from poya.sites.bundle.names import INDEX
from poya.sites.bundle.source import BundleSource
from poya.sites.bundle.trust.policy import FREE_POLICY, TrustPolicy, refuse_unsigned
from poya.sites.bundle.unindexed import NamedFiles, read_directory, read_named


def open_bundle(
    directory: Path,
    progress: HashProgress = ignore_progress,
    policy: TrustPolicy = FREE_POLICY,
    *,
    refuses_damage: bool = False,
) -> BundleSource:
    """Open a bundle: by its index, or as manta left it where it has none.

    Args:
        directory: The bundle's; it is never written to.
        progress: Told from worker threads of the bytes that `capture` has hashed.
        policy: Of the site that it is restored to.
        refuses_damage: Whether `capture` ends with an error where something is damaged that no
            target could mend, instead of telling of it in gaps.

    Raises:
        UsageError: It is no directory, or holds no session template.
        BundleDamaged: The index is damaged, or the backup was not finished.
        BundleUntrusted: The policy refuses it, or its signature is wrong.
    """
    contents = load_contents(directory, policy)
    return BundleSource(contents, progress, refuses_damage=refuses_damage)


def load_contents(directory: Path, policy: TrustPolicy = FREE_POLICY) -> Contents:
    """Read all records of a bundle, by its index or as manta left it. Raises as `open_bundle`."""
    if not _is_directory(directory):
        raise UsageError(
            f"There is no directory {directory}.",
            todo="Name the directory of a backup; for single files use --bos-file, --cfs-file, …",
        )
    if os.path.lexists(directory / INDEX):
        return read_indexed(directory, policy)
    refuse_unsigned(str(directory), policy)
    return read_directory(directory)


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # longer than any name may be
        return False


def open_files(
    bos_files: Sequence[Path],
    cfs_files: Sequence[Path] = (),
    hsm_files: Sequence[Path] = (),
    ims_files: Sequence[Path] = (),
    image_dirs: Sequence[Path] = (),
    policy: TrustPolicy = FREE_POLICY,
    *,
    refuses_damage: bool = False,
) -> BundleSource:
    """Open files that are named one by one, as on the command line of manta's restore.

    Raises:
        UsageError, BundleDamaged: As `open_bundle`; or a file holds another kind of record.
        BundleUntrusted: The policy wants a signature; nobody can sign single files.
    """
    refuse_unsigned(", ".join(str(path) for path in bos_files), policy)
    files = NamedFiles(
        bos=tuple(bos_files),
        cfs=tuple(cfs_files),
        hsm=tuple(hsm_files),
        ims=tuple(ims_files),
        image_dirs=tuple(image_dirs),
    )
    return BundleSource(read_named(files), refuses_damage=refuses_damage)
