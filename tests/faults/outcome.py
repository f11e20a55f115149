"""What a target looks like after a run, and what must never be wrong with it."""

from __future__ import annotations

import base64
import copy
import json
import sqlite3
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from migration.snapshot import open_uploads, snapshot
from poya.journal import Journal, first_break
from poya.lab.pytest_plugin import TestSite
from poya.model.plan import Plan

_MANIFEST = "manifest.json"
_SHORTEST_SECRET = 8


def at_rest(site: TestSite) -> dict[str, Any]:
    """The snapshot in one spelling: members of groups are a set, BOS says no tenant in two ways."""
    state = copy.deepcopy(snapshot(site))
    for template in state["templates"].values():
        template["tenant"] = template.get("tenant") or ""
    for group in state["groups"].values():
        group["members"] = {**group["members"], "ids": sorted(group["members"]["ids"])}
    return state


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Where two snapshots differ, record by record."""
    found = []
    for kind, was in one.items():
        now = other[kind]
        if isinstance(was, list):
            found += [f"{kind}: {was} | {now}"] if was != now else []
            continue
        for key in sorted({*was, *now}, key=str):
            before, after = was.get(key), now.get(key)
            found += [f"{kind} {key}: {before} | {after}"] if before != after else []
    return found


def settled(site: TestSite, before: dict[str, Any]) -> str:
    """The snapshot as text, with the ids and etags that differ from run to run named instead."""
    state = at_rest(site)
    names: dict[str, str] = {}
    new = sorted(
        (record["name"], image_id)
        for image_id, record in state["images"].items()
        if image_id not in before["images"]
    )
    for number, (name, image_id) in enumerate(new):
        names[image_id] = f"<image {name} {number}>"
        etag = state["objects"].get(("boot-images", f"{image_id}/{_MANIFEST}"))
        names[etag or f"no etag {image_id}"] = f"<manifest {name} {number}>"
        state["images"][image_id].pop("created", None)
    state["manifests"] = {image_id: _manifest(site, image_id) for _, image_id in new}
    state["objects"] = {f"{b}/{key}": etag for (b, key), etag in state["objects"].items()}
    text = json.dumps(state, indent=1)
    for here, there in names.items():
        text = text.replace(here, there)
    return json.dumps(_without_order(json.loads(text)), indent=1, sort_keys=True)


def _without_order(value: Any) -> Any:
    """Members of groups are a set; they arrive in any order."""
    if isinstance(value, dict):
        return {key: _without_order(item) for key, item in value.items()}
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return sorted(value)
    return [_without_order(item) for item in value] if isinstance(value, list) else value


def violations(site: TestSite, plan: Plan) -> list[str]:
    """What a finished run left wrong at its target."""
    return [
        *(f"open upload {key}" for key in open_uploads(site)),
        *_duplicates(site, plan),
        *dangling(site),
        *_unlinked(site),
        *_unlike_the_source(site, plan),
    ]


def _duplicates(site: TestSite, plan: Plan) -> Iterator[str]:
    names = [r["name"] for r in site.site.state.images.values()]
    for image in plan.images:
        if names.count(image.name) != 1:
            yield f"{names.count(image.name)} images are called {image.name}"


def dangling(site: TestSite) -> Iterator[str]:
    """References to what is not there; nothing visible may have one at any moment."""
    stored = {f"s3://{row.bucket}/{row.key}": row.etag for row in site.ground.objects.rows()}
    for image in site.site.state.images.values():
        if image.get("link") is not None:
            yield from _dangling_image(site, image, stored)
    for template in site.site.state.templates.values():
        yield from _dangling_template(site, template, stored)


def _dangling_image(
    site: TestSite, image: dict[str, Any], stored: dict[str, str]
) -> Iterator[str]:
    link, manifest = image["link"], _manifest(site, image["id"])
    if stored.get(link["path"]) != link["etag"] or manifest is None:
        yield f"image {image['name']} has the link {link}"
        return
    for artifact in manifest["artifacts"]:
        if stored.get(artifact["link"]["path"]) != artifact["link"]["etag"]:
            yield f"the manifest of {image['name']} names {artifact['link']['path']}"


def _dangling_template(
    site: TestSite, template: dict[str, Any], stored: dict[str, str]
) -> Iterator[str]:
    for boot_set in template["boot_sets"].values():
        if stored.get(boot_set["path"]) != boot_set["etag"]:
            yield f"template {template['name']} names {boot_set['path']}"
    configuration = template.get("cfs", {}).get("configuration")
    if configuration and configuration not in site.site.state.configurations:
        yield f"template {template['name']} names configuration {configuration}"


def _unlinked(site: TestSite) -> Iterator[str]:
    for image in site.site.state.images.values():
        if image.get("link") is None:
            yield f"image {image['name']} has no link"


def _unlike_the_source(site: TestSite, plan: Plan) -> Iterator[str]:
    ids = {record["name"]: image_id for image_id, record in site.site.state.images.items()}
    stored = {(row.bucket, row.key): row.etag for row in site.ground.objects.rows()}
    for image in plan.images:
        for artifact in image.artifacts if image.action == "create" else ():
            key = f"{ids.get(image.name)}/{artifact.name}"
            if stored.get(("boot-images", key)) != artifact.etag:
                yield f"{key} has the etag {stored.get(('boot-images', key))}"


def _manifest(site: TestSite, image_id: str) -> Any:
    try:
        return json.loads(site.ground.objects.read_now("boot-images", f"{image_id}/{_MANIFEST}"))
    except (KeyError, ValueError):
        return None


def journal_faults(path: Path) -> list[str]:
    """What SQLite finds wrong with a journal, and where its log's chain breaks."""
    database = sqlite3.connect(path)
    try:
        rows = [row[0] for row in database.execute("PRAGMA integrity_check")]
    finally:
        database.close()
    journal = Journal.open(path)
    try:
        broken = first_break(journal.log())
    finally:
        journal.close()
    faults = [row for row in rows if row != "ok"]
    return faults if broken is None else [*faults, f"the log's chain breaks at entry {broken}"]


def leaks(secrets: Iterable[str], directory: Path, *texts: str) -> list[str]:
    """Where a secret shows, as it is or encoded; never says the secret itself."""
    places = {path.name: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    places |= {f"text {n}": text.encode() for n, text in enumerate(texts)}
    found = []
    for number, secret in enumerate(s for s in secrets if len(s) >= _SHORTEST_SECRET):
        forms = _forms(secret)
        found += [
            f"secret {number} in {p}" for p, c in places.items() if any(f in c for f in forms)
        ]
    return found


def _forms(secret: str) -> list[bytes]:
    raw = secret.encode()
    encoded = [urllib.parse.quote(secret, safe=""), raw.hex()]
    return [raw, base64.b64encode(raw).rstrip(b"="), *(text.encode() for text in encoded)]
