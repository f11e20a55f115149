"""Everything that a site holds and that a migration could touch, as one comparable value."""

from __future__ import annotations

from typing import Any

from poya.lab.pytest_plugin import TestSite

_KINDS = (
    "components", "groups", "images", "deleted_images", "configurations", "cfs_components",
    "sources", "templates", "boot_parameters", "bos_sessions",
)  # fmt: skip
_MOVING = ("last_updated",)


def snapshot(site: TestSite) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for kind in _KINDS:
        records = site.site.state.kind(kind).items()
        state[kind] = {
            key: {k: v for k, v in record.items() if k not in _MOVING} for key, record in records
        }
    state["objects"] = {(row.bucket, row.key): row.etag for row in site.ground.objects.rows()}
    state["uploads"] = open_uploads(site)
    return state


def open_uploads(site: TestSite) -> list[str]:
    buckets = site.ground.objects.backend.buckets.values()
    return sorted(
        upload.key_name for bucket in buckets for upload in dict(bucket.multiparts).values()
    )
