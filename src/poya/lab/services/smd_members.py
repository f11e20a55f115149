# SPDX-License-Identifier: Apache-2.0
"""HSM: what groups and partitions have in common: names, tags and members."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

import msgspec
from starlette.responses import Response

from poya.lab.services.answers import Problem, json_answer
from poya.lab.services.orders import scattered
from poya.lab.services.xnames import component_type, normalise
from poya.lab.state import JsonObject

_FIELD = re.compile(r"[-a-z0-9:._]+")
BAD_FIELD = "group or partition field has invalid characters"


class MembersIn(msgspec.Struct):
    """Members as they are posted."""

    ids: list[str] | None = None


class MemberIn(msgspec.Struct):
    """One member as it is posted."""

    id: str = ""


class PatchIn(msgspec.Struct):
    """All that PATCH understands."""

    description: str | None = None
    tags: list[str] | None = None


def shown_members(record: JsonObject) -> JsonObject:
    """A group or a partition, its members in no order."""
    return {**record, "members": {"ids": scattered(record["members"]["ids"])}}


def fold(name: str, refusal: str) -> str:
    """A label, tag or partition name in lower case.

    Raises:
        Problem: 400 with `refusal` if it has characters that HSM does not take.
    """
    lowered = name.lower()
    if not _FIELD.fullmatch(lowered):
        raise Problem(400, refusal)
    return lowered


def fold_tags(tags: list[str] | None, refusal: str) -> list[str]:
    """Tags in lower case."""
    return [fold(tag, refusal) for tag in tags or []]


def member_xname(given: str) -> str:
    """A member's normalised xname.

    Raises:
        Problem: 400 if it is none.
    """
    xname = normalise(given)
    if not component_type(xname):
        raise Problem(400, "invalid xname ID")
    return xname


def member_xnames(members: MembersIn | None, refusal: str) -> list[str]:
    """The normalised xnames of posted members.

    Raises:
        Problem: 400 if one is no xname.
    """
    xnames = [normalise(given) for given in (members.ids if members else None) or []]
    if not all(component_type(xname) for xname in xnames):
        raise Problem(400, f"{refusal}: got HMSTypeInvalid instead of valid type")
    return xnames


def require_components(components: Container[str], xnames: Iterable[str]) -> None:
    """Refuse members that HSM does not know.

    Raises:
        Problem: 400.
    """
    if not all(xname in components for xname in xnames):
        raise Problem(400, "linked component does not exist")


def apply_patch(record: JsonObject, asked: PatchIn) -> None:
    """Change a group's or a partition's description and tags as PATCH does."""
    if asked.description is not None:
        record["description"] = asked.description
    if asked.tags is not None:
        record["tags"] = fold_tags(asked.tags, "Invalid tag.")
        if not record["tags"]:
            del record["tags"]


def created(uri: str, collection: str) -> Response:
    """201 as HSM words it."""
    answer = json_answer([{"URI": uri}], 201)
    answer.headers["Location"] = collection
    return answer
