# SPDX-License-Identifier: Apache-2.0
"""Secrets in the documents that a bundle would keep, readable by whoever gets hold of it."""

from __future__ import annotations

from collections.abc import Iterator

from poya.documents import JsonObject
from poya.model.finding import Finding
from poya.model.records import KIND_TITLES
from poya.model.secrets import find_secrets
from poya.planning.checks import Case

_MOST_SHOWN = 4


def check(case: Case) -> Iterator[Finding]:
    """One finding for each document with secrets, where the target keeps it as it is: a bundle."""
    if not case.inventory.capabilities.is_verbatim:
        return
    for subject, value in _documents(case):
        places = [str(place) for place in find_secrets(value)]
        if places:
            more = f" and {len(places) - _MOST_SHOWN} more" if len(places) > _MOST_SHOWN else ""
            yield Finding(
                "secret-in-document",
                "warning",
                subject,
                "The document holds what looks like a secret, and the bundle is not encrypted.",
                "; ".join(places[:_MOST_SHOWN]) + more,
                "Keep the bundle where only you can read it, or carry it encrypted: "
                "poya bundle export DIR FILE.tar.age --encrypt-to RECIPIENT",
            )


def _documents(case: Case) -> Iterator[tuple[str, JsonObject]]:
    """What will be written, which need not be all that the source has."""
    for entity in case.entities:
        yield f"{KIND_TITLES[entity.kind]} {entity.name}", entity.body
    for image in case.vcluster.images:
        yield f"{KIND_TITLES['image']} {image.name}", image.document.value
