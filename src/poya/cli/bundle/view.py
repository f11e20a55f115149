# SPDX-License-Identifier: Apache-2.0
"""`poya bundle inspect` and `verify`: what a bundle holds, and whether every byte is right."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poya.bootstrap import AwayPlace, Bundles
from poya.cli.asynchronous import run_async
from poya.cli.bundle.carrying import Wrapping, demanding
from poya.cli.bundle.trust import say_who_vouches
from poya.cli.session import Session
from poya.cli.text import count, printable, size, wrapped
from poya.errors import BundleDamaged
from poya.model.vcluster import Gap, Selector, VCluster
from poya.sites.bundle.names import INDEX

if TYPE_CHECKING:
    from poya.model.records import SessionTemplate
    from poya.sites.bundle import Examination
    from poya.sites.bundle.overview import ImageOverview, Overview

_MOST_SHOWN = 20
_SAY_EVERY_S = 5.0
_GUARDED, _UNGUARDED = "is as it was written", "carries no digest of itself"
# What a manta bundle may lack without being damaged.
_HARMLESS = ("arch-inferred", "arch-unknown", "artifact-not-in-bundle", "group-not-in-bundle")


def inspect_bundle(
    session: Session, bundle: str, identities: tuple[str, ...], *, as_json: bool
) -> None:
    """Print what a bundle holds, wherever it is."""
    from poya.sites.bundle.overview import overview_of
    from poya.sites.bundle.stores.overview import overview_of_shelf

    bundles = Bundles(session.settings)
    place = bundles.place(bundle, identities=identities)
    if isinstance(place, AwayPlace):
        with bundles.shelf(place) as shelf:
            overview = overview_of_shelf(shelf)
    else:
        overview = overview_of(Path(bundle).absolute())
    click.echo(_overview_json(overview) if as_json else "\n".join(_overview_lines(overview)))


def _overview_lines(overview: Overview) -> Iterator[str]:
    origin = overview.origin
    title = f"vCluster {overview.vcluster}" if overview.vcluster else "a vCluster"
    yield printable(f"Bundle of {title}")
    yield printable(f"  place      {overview.directory}")
    if origin is None:
        yield "  format     manta's layout, without an index"
    else:
        yield printable(f"  from       {origin.site} ({origin.release or 'release unknown'})")
        yield printable(f"  made       {origin.created} by {origin.tool}")
        by = f"by the key {overview.signed_by} (check it with verify --key)"
        yield f"  signed     {by if overview.signed_by else 'no'}"
        yield f"  index      {_GUARDED if overview.is_guarded else _UNGUARDED}"
    yield f"  images     {count(len(overview.images), 'image')}, {size(overview.size_bytes)}"
    for template in overview.templates:
        yield ""
        yield printable(f"  BOS session template {template.name}")
        yield from (printable(f"      {line}") for line in _template_lines(template))
    for title, items, noun in (
        ("CFS configuration", overview.configurations, "layer"),
        ("HSM group", overview.groups, "member"),
    ):
        yield ""
        for name, number in items:
            yield printable(f"  {title} {name}  {count(number, noun)}")
    for image in overview.images:
        yield ""
        yield printable(f"  IMS image {image.name}  {_arch(image)}  {size(image.size_bytes)}")
        yield printable(f"      {image.id}")
        for name, size_bytes in image.artifacts:
            yield printable(
                f"      {name}  {'missing' if size_bytes is None else size(size_bytes)}"
            )
    yield from (f"\n  damaged: {printable(flaw)}" for flaw in overview.flaws)
    if overview.unfinished:
        left = count(len(overview.unfinished), "file")
        yield f"\n  The backup was not finished: {left} to come."


def _arch(image: ImageOverview) -> str:
    if image.arch:
        return image.arch
    return f"{image.kernel_arch} (by its kernel)" if image.kernel_arch else "arch unknown"


def _template_lines(template: SessionTemplate) -> Iterator[str]:
    for boot_set in template.boot_sets:
        nodes = ", ".join(
            [*boot_set.node_groups, *boot_set.node_list, *boot_set.node_roles_groups]
        )
        yield f"boot set {boot_set.name}: {boot_set.arch or 'arch unknown'}, nodes {nodes or '-'}"
        yield f"    {boot_set.path}"
    for name in template.configurations():
        yield f"configured by {name}"


def _overview_json(overview: Overview) -> str:
    origin = overview.origin
    document = {
        "directory": overview.directory,
        "format": "poya-bundle" if origin else "manta",
        "vcluster": overview.vcluster,
        "origin": {f: getattr(origin, f) for f in origin.__struct_fields__} if origin else None,
        "templates": [
            {
                "name": template.name,
                "configurations": template.configurations(),
                "boot_sets": [
                    {"name": b.name, "path": b.path, "arch": b.arch, "groups": b.node_groups}
                    for b in template.boot_sets
                ],
            }
            for template in overview.templates
        ],
        "configurations": [{"name": n, "layers": c} for n, c in overview.configurations],
        "groups": [{"name": n, "members": c} for n, c in overview.groups],
        "images": [
            {
                "id": image.id,
                "name": image.name,
                "arch": image.arch or None,
                "kernel_arch": image.kernel_arch or None,
                "artifacts": [{"name": n, "size_bytes": s} for n, s in image.artifacts],
            }
            for image in overview.images
        ],
        "size_bytes": overview.size_bytes,
        "signed_by": overview.signed_by or None,
        "index_guarded": overview.is_guarded,
        "unfinished": overview.unfinished,
        "damaged": overview.flaws,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def verify_bundle(
    session: Session, bundle: str, wrapping: Wrapping, *, is_deep: bool, as_json: bool
) -> None:
    """Compare a bundle's files with its index, wherever it is, and say what is damaged.

    Raises:
        BundleDamaged: Something is.
        BundleUntrusted: None of the keys signed it.
    """
    bundles = Bundles(session.settings)
    place = bundles.place(bundle, identities=wrapping.identities)
    directory = Path(bundle).expanduser().absolute()
    if isinstance(place, AwayPlace):
        found = _examine_away(bundles, place, wrapping, is_deep=is_deep)
        _tell(found, str(place), as_json=as_json)
    elif os.path.lexists(directory / INDEX):
        from poya.sites.bundle import examine
        from poya.sites.bundle.stores import FolderStore

        say_who_vouches(FolderStore(directory).look(), wrapping.keys)
        found = examine(directory, is_deep=is_deep, progress=_Lines())
        _tell(found, str(directory), as_json=as_json)
    else:
        from poya.sites.bundle.trust.policy import refuse_unsigned

        refuse_unsigned(str(directory), demanding(wrapping.keys))
        _verify_manta(directory, as_json=as_json)


def _examine_away(
    bundles: Bundles, place: AwayPlace, wrapping: Wrapping, *, is_deep: bool
) -> Examination:
    from poya.sites.bundle.stores.examining import examine_shelf, examine_stream
    from poya.sites.bundle.stores.opening import is_once_only

    with bundles.to_read(place.where, place.identities) as store:
        if is_once_only(place.where):
            shelf, found = examine_stream(store, _Lines())
            say_who_vouches(shelf, wrapping.keys)
            return found
        shelf = store.look()
        say_who_vouches(shelf, wrapping.keys)
        return examine_shelf(shelf, is_deep=is_deep, progress=_Lines())


def _tell(found: Examination, where: str, *, as_json: bool) -> None:
    click.echo(_examination_json(found) if as_json else "\n".join(_examination_lines(found)))
    damaged = found.damaged()
    if damaged:
        restorable = found.restorable()
        options = "".join(f" --template {name}" for name in restorable)
        verb = "is" if len(damaged) == 1 else "are"
        raise BundleDamaged(
            f"{count(len(damaged), 'file')} of {where} {verb} not as the index says.",
            todo=f"What can still be restored: poya migrate restore --bundle {where}{options}"
            if restorable
            else "Nothing of it can be restored whole; restore the files from another copy.",
        )


def _examination_lines(found: Examination) -> Iterator[str]:
    shown = [file for file in found.files if file.verdict != "ok"]
    for file in shown[:_MOST_SHOWN]:
        yield printable(f"{file.verdict:10}  {file.file}  {file.evidence}")
    if len(shown) > _MOST_SHOWN:
        yield f"… and {len(shown) - _MOST_SHOWN} more"
    fine = sum(file.verdict == "ok" for file in found.files)
    how = (
        "every byte was read" if found.is_deep else "image files by their length only: see --deep"
    )
    yield f"{fine} of {len(found.index.files)} files are as the index says ({how})."
    if not found.is_guarded:
        yield f"The index {_UNGUARDED}: damage to it could go unnoticed."
    if found.damaged():
        for name, files in found.damaged_for.items():
            state = "can be restored" if not files else f"cannot be restored: {', '.join(files)}"
            yield printable(f"  BOS session template {name} {state}")


def _examination_json(found: Examination) -> str:
    document = {
        "deep": found.is_deep,
        "index_guarded": found.is_guarded,
        "files": [
            {"file": f.file, "role": f.role, "verdict": f.verdict, "evidence": f.evidence}
            for f in found.files
        ],
        "templates": [
            {"name": name, "restorable": not files, "damaged": files}
            for name, files in found.damaged_for.items()
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _verify_manta(place: Path, *, as_json: bool) -> None:
    """A bundle of manta's has only the md5s of its manifests to be compared with."""
    from poya.sites.bundle import open_bundle

    vcluster: VCluster = run_async(open_bundle(place, _Lines()).capture(Selector()))
    damaged = [gap for gap in vcluster.gaps if gap.id not in _HARMLESS]
    if as_json:
        click.echo(json.dumps({"deep": True, "gaps": [_gap(g) for g in vcluster.gaps]}, indent=2))
    else:
        for gap in vcluster.gaps:
            click.echo(printable(f"{gap.id}  {gap.subject}  {gap.evidence}"))
        kept = count(len(vcluster.images), "image")
        text = f"A bundle of manta's: {kept} compared with the md5s of the manifests."
        click.echo(wrapped(text))
    if damaged:
        raise BundleDamaged(
            f"{place} is damaged or not whole.",
            why=f"{damaged[0].id}: {damaged[0].subject} {damaged[0].evidence}",
            todo="Restore the files from another copy, or make the backup anew.",
        )


def _gap(gap: Gap) -> dict[str, str]:
    return {"id": gap.id, "subject": gap.subject, "evidence": gap.evidence}


class _Lines:
    """A line on stderr every few seconds while files are hashed; called from worker threads."""

    def __init__(self) -> None:
        self._done_bytes = 0
        self._began_s = self._said_s = time.monotonic()

    def __call__(self, _: Path, hashed_bytes: int) -> None:
        self._done_bytes += hashed_bytes
        now_s = time.monotonic()
        if now_s - self._said_s >= _SAY_EVERY_S:
            self._said_s = now_s
            rate = self._done_bytes / (now_s - self._began_s)
            sys.stderr.write(f"read {size(self._done_bytes)}, {size(rate)}/s\n")
