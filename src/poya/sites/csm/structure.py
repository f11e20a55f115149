# SPDX-License-Identifier: Apache-2.0
"""A whole site's names and structure, for a twin to practise on: no secrets, no payload.

Read are the records that a migration looks at, the manifests of images with the sizes of their
artifacts, and which commits the site's git has of those that configurations name. Credentials,
cloud-init, and whatever looks like a secret on a kernel command line or in SLS, stay there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

from poya.concurrency import together
from poya.csm import Record, Site
from poya.documents import Json, JsonObject, encode, parse
from poya.errors import BadAnswer, NotFound, PoyaError
from poya.model.names import S3Path
from poya.sites.csm.objects import Objects

FORMAT = 1

_MANIFEST_BYTES = 1024 * 1024
_AT_ONCE = 16
_SECRET_WORD = re.compile(r"(?i)(?<!\S)([\w.-]*(?:token|secret|passw|api_?key)[\w.-]*)=(?!\$)\S+")
_SECRET_FIELD = re.compile(r"(?i)passw|secret|token|credential|snmp.*user|^username$")
_SITE_NAME = re.compile(r"(?:_sbps-(?:hsn|nmn)\._tcp|vcs\.cmn)\.([a-z0-9][a-z0-9.-]+)")
_OUR_ORG = "cray"


async def structure_of(site: Site, objects: Objects) -> JsonObject:
    """Read a site for its twin; nothing is written anywhere.

    Returns:
        `format`, `release` (a guess), `records` (lists, by kind, as the site sent them but for
        what was left out), `images` (with artifacts and sizes), `repositories`,
        `product_catalog` (or why it could not be read: it lies in Kubernetes).

    Raises:
        PoyaError: A service does not answer, or not as its API promises.
    """
    features = await site.features()
    records = await _records(site)
    return {
        "format": FORMAT,
        "release": features.release_guess,
        "domain": _domain(records),
        "cfs_v3": features.cfs_v3,
        "records": {kind: list(listed) for kind, listed in records.items()},
        "images": list(await _images(records["images"], objects)),
        "repositories": await _repositories(site, records["configurations"]),
        "product_catalog": await _catalog(site),
    }


async def _catalog(site: Site) -> JsonObject:
    """The ConfigMaps of the product catalog (`maps`), or `why_not`."""
    try:
        async with site.kubernetes() as kubernetes:
            maps = await kubernetes.config_maps("services", "type=cray-product-catalog")
    except PoyaError as error:
        return {"maps": list[Json](), "why_not": str(error)}
    return {"maps": [_config_map(found) for found in maps]}


def _config_map(found: JsonObject) -> JsonObject:
    metadata = found.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    kept = {"name": named.get("name"), "labels": named.get("labels"), "data": found.get("data")}
    return _without_secrets(kept)


def _domain(records: dict[str, list[JsonObject]]) -> str:
    """The site's own domain as its templates and layers name it; "" if none does."""
    texts = (encode([*records["templates"], *records["configurations"]])).decode()
    found = Counter(match[1].rstrip(".") for match in _SITE_NAME.finditer(texts))
    return found.most_common(1)[0][0] if found else ""


async def _records(site: Site) -> dict[str, list[JsonObject]]:
    readers: dict[str, Callable[[], Awaitable[Iterable[Record]]]] = {
        "components": lambda: site.hsm.components.list(type=None),
        "hardware": site.hsm.hardware.inventory,
        "groups": site.hsm.groups.list,
        "partitions": site.hsm.partitions.list,
        "images": site.ims.images.list,
        "configurations": site.cfs.configurations.list,
        "cfs_components": site.cfs.components.list,
        "sources": site.cfs.sources.list,
        "templates": site.bos.templates.list,
        "boot_parameters": site.bss.boot_parameters.list,
        "sls_hardware": site.sls.hardware.list,
        "sls_networks": site.sls.networks.list,
        "tenants": lambda: _tenants(site),
    }
    found = await together(_read(reader) for reader in readers.values())
    return dict(zip(readers, found, strict=True))


async def _read(reader: Callable[[], Awaitable[Iterable[Record]]]) -> list[JsonObject]:
    return [_without_secrets(record.document.editable()) for record in await reader()]


async def _tenants(site: Site) -> Iterable[Record]:
    return await site.tapms.list() if await site.tapms.api() else ()


def _without_secrets(record: JsonObject) -> JsonObject:
    """A record without cloud-init and credentials, and secret words told by name only."""
    kept: JsonObject = {}
    for name, value in record.items():
        if name == "cloud-init" or _SECRET_FIELD.search(name):
            continue
        kept[name] = _inner(value)
    return kept


def _inner(value: Json) -> Json:
    if isinstance(value, dict):
        return _without_secrets(value)
    if isinstance(value, list):
        return [_inner(item) for item in value]
    return _SECRET_WORD.sub(r"\1=left-out", value) if isinstance(value, str) else value


async def _images(records: Iterable[JsonObject], objects: Objects) -> list[JsonObject]:
    found: list[JsonObject] = []
    linked = [r for r in records if isinstance(r.get("link"), dict)]
    for start in range(0, len(linked), _AT_ONCE):
        batch = linked[start : start + _AT_ONCE]
        found += [i for i in await together(_image(r, objects) for r in batch) if i]
    return found


async def _image(record: JsonObject, objects: Objects) -> JsonObject | None:
    """An image's manifest and the sizes of its artifacts; None if there is nothing to read."""
    link = record["link"]
    manifest = S3Path.parse(str(link.get("path"))) if isinstance(link, dict) else None
    if manifest is None:
        return None
    try:
        content = parse(await objects.read_small(manifest, _MANIFEST_BYTES))
    except (NotFound, BadAnswer):
        return None
    listed = content.get("artifacts") if isinstance(content, dict) else None
    artifacts = [a for a in listed if isinstance(a, dict)] if isinstance(listed, list) else []
    sizes = await together(_size(artifact, objects) for artifact in artifacts)
    return {
        "id": record["id"],
        "path": str(manifest),
        "artifacts": [
            {**artifact, "size_bytes": size}
            for artifact, size in zip(artifacts, sizes, strict=True)
        ],
    }


async def _size(artifact: JsonObject, objects: Objects) -> int | None:
    link = artifact.get("link")
    path = S3Path.parse(str(link.get("path"))) if isinstance(link, dict) else None
    head = await objects.head(path) if path else None
    return None if head is None else head.size_bytes


async def _repositories(site: Site, configurations: Iterable[JsonObject]) -> JsonObject:
    """The site's own repositories that layers name: branches, and the commits that are there."""
    wanted: dict[str, set[str]] = {}
    for layer in _layers(configurations):
        name = _own_repository(str(layer.get("clone_url") or layer.get("cloneUrl") or ""))
        if name:
            wanted.setdefault(name, set()).add(str(layer.get("commit") or ""))
    found: JsonObject = {}
    for name, commits in sorted(wanted.items()):
        try:
            branches = await site.vcs.branches(_OUR_ORG, name)
        except NotFound:
            continue
        there = [c for c in sorted(commits) if c and await _is_there(site, name, c)]
        heads: JsonObject = {branch.name: branch.commit.id for branch in branches}
        found[name] = {"branches": heads, "commits": list[Json](there)}
    return found


async def _is_there(site: Site, name: str, commit: str) -> bool:
    return await site.vcs.commit_exists(_OUR_ORG, name, commit)


def _layers(configurations: Iterable[JsonObject]) -> Iterable[JsonObject]:
    for configuration in configurations:
        layers = configuration.get("layers")
        yield from (x for x in layers if isinstance(x, dict)) if isinstance(layers, list) else ()


def _own_repository(clone_url: str) -> str:
    """The name of a repository of the organisation `cray`, or ""."""
    parts = urlsplit(clone_url).path.removesuffix(".git").split("/")
    return parts[-1] if parts[-2:-1] == [_OUR_ORG] and "vcs" in parts else ""
