# SPDX-License-Identifier: Apache-2.0
"""`poya describe image`: what is inside an image, without mounting or downloading it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from poya.cli.text import count, printable, size, wrapped

if TYPE_CHECKING:
    from poya.cli.session import Session
    from poya.inspection import Used
    from poya.model.image import Image
    from poya.model.image_contents import (
        Certificate,
        ImageContents,
        InitrdFacts,
        PackageRepository,
        RootfsFacts,
    )

_MARGIN = 11
_SHORT = 16
# More of them in one file are a bundle of the world's authorities, which nobody reads here.
_MOST_NAMED = 5


def describe_image(session: Session, wanted: str, site: str | None, output: str) -> None:
    """Look into one image of a site, and print what was seen."""
    from poya.bootstrap import Workshop
    from poya.cli.asynchronous import run_async

    workshop = Workshop(session.settings)
    place = workshop.site_place(site or session.site)

    async def looked() -> tuple[Image, ImageContents, Used]:
        from poya.migration.looking import contents_of

        async with workshop.images(place) as images:
            image = await images.find_image(wanted)
            return image, *await contents_of(images, image)

    image, contents, used = run_async(looked())
    _show(image, contents, output)
    requests = count(used.requests, "request")
    spent = f"Read {size(used.read_bytes)} of {size(image.size_bytes)} in {requests}."
    click.echo(spent, err=True)


def _show(image: Image, contents: ImageContents, output: str) -> None:
    if output == "text":
        click.echo(render(image, contents))
        return
    import msgspec

    document = {
        "id": image.id,
        "name": image.name,
        "arch": image.arch,
        "size_bytes": image.size_bytes,
        "contents": msgspec.to_builtins(contents),
    }
    raw = msgspec.json.format(msgspec.json.encode(document), indent=2)
    if output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(msgspec.json.decode(raw), sort_keys=False), nl=False)
    else:
        click.echo(raw.decode())


def render(image: Image, contents: ImageContents) -> str:
    """What is inside, as people read it."""
    arch = image.arch or "architecture not recorded"
    title = printable(f"IMS image {image.name} ({image.id})")
    lines = [title, f"  {arch}, {size(image.size_bytes)}", ""]
    kernel = contents.kernel
    if kernel:
        known = [kernel.arch or "unknown architecture", kernel.release or "release not told"]
        lines += _part("kernel", [", ".join(known)])
    if contents.initrd:
        lines += _part("initrd", _initrd(contents.initrd))
    if contents.rootfs:
        lines += _part("rootfs", _rootfs(contents.rootfs))
    for unread in contents.unread:
        lines += _part(unread.part, [f"not read: {unread.why}"])
    return "\n".join(lines)


def _part(name: str, texts: Iterable[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        label = name if number == 0 else ""
        lines = wrapped(printable(text), " " * _MARGIN).splitlines()
        yield f"  {label:{_MARGIN - 2}}{lines[0].lstrip()}"
        yield from (f"  {line}" for line in lines[1:])


def _initrd(initrd: InitrdFacts) -> Iterator[str]:
    yield f"{initrd.entries:,} entries, {_modules(initrd.kernels)}"
    for support in initrd.providers:
        yield f"boots from {support.provider} ({support.evidence})"
    if not initrd.providers:
        yield "boots from no root file system provider of BOS"
    if initrd.dracut_modules:
        yield f"dracut modules {' '.join(initrd.dracut_modules)}"
    yield from _authorities(initrd.certificates)


def _rootfs(rootfs: RootfsFacts) -> Iterator[str]:
    arch = rootfs.arch or "architecture not seen"
    yield f"{rootfs.system or 'unknown system'}, {arch}, {_modules(rootfs.kernels)}"
    yield from _authorities(rootfs.certificates)
    for repository in rootfs.repositories:
        yield _repository(repository)


def _modules(kernels: tuple[str, ...]) -> str:
    return f"modules for {', '.join(kernels)}" if kernels else "no kernel modules"


def _authorities(certificates: tuple[Certificate, ...]) -> Iterator[str]:
    by_place: dict[str, list[Certificate]] = {}
    for certificate in certificates:
        by_place.setdefault(certificate.place, []).append(certificate)
    for place, found in by_place.items():
        if len(found) > _MOST_NAMED:
            yield f"trusts {len(found)} authorities in {place}"
            continue
        for one in found:
            yield f"trusts '{one.subject or 'unnamed'}' (sha256 {one.sha256[:_SHORT]}…) in {place}"


def _repository(repository: PackageRepository) -> str:
    state = "" if repository.is_enabled else ", off"
    return f"installs from {repository.url} ({repository.place}{state})"
