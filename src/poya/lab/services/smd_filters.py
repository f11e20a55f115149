# SPDX-License-Identifier: Apache-2.0
"""HSM's filters of components, shared by State/Components, memberships and locks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from starlette.datastructures import QueryParams

from poya.lab.services.answers import Problem
from poya.lab.services.orders import scattered_records
from poya.lab.services.xnames import is_type, normalise
from poya.lab.state import JsonObject, SiteState

Test: TypeAlias = Callable[[JsonObject], bool]

_FIELDS = {
    "id": "ID",
    "type": "Type",
    "state": "State",
    "flag": "Flag",
    "role": "Role",
    "subrole": "SubRole",
    "enabled": "Enabled",
    "softwarestatus": "SoftwareStatus",
    "subtype": "Subtype",
    "arch": "Arch",
    "class": "Class",
    "nid": "NID",
    "locked": "Locked",
    "reservationdisabled": "ReservationDisabled",
}


def select(state: SiteState, query: QueryParams) -> Iterator[JsonObject]:
    """The components that a query asks for, in no order.

    A parameter given several times means any of its values; `!value` means any other.

    Raises:
        Problem: 400 for a type that HSM does not know.
    """
    tests = [*_field_tests(query), *_nid_tests(query), *_membership_tests(state, query)]
    for component in scattered_records(state.components):
        if all(test(component) for test in tests):
            yield component


def _field_tests(query: QueryParams) -> Iterator[Test]:
    for name in dict.fromkeys(query.keys()):
        field = _FIELDS.get(name.lower())
        if field is None:
            continue
        values = query.getlist(name)
        if field == "Type" and not all(is_type(value.lstrip("!")) for value in values):
            raise Problem(400, "bad query param: Argument was not a valid HMS Type")
        yield _field_test(field, values)


def _field_test(field: str, values: list[str]) -> Test:
    if field == "ID":
        values = [normalise(value) for value in values]
    wanted = {v.lower() for v in values if not v.startswith("!")}
    unwanted = {v[1:].lower() for v in values if v.startswith("!")}

    def test(component: JsonObject) -> bool:
        value = str(component.get(field, "")).lower()
        return value not in unwanted and (not wanted or value in wanted)

    return test


def _nid_tests(query: QueryParams) -> Iterator[Test]:
    try:
        if "nid_start" in query:
            first = int(query["nid_start"])
            yield lambda component: component.get("NID", -1) >= first
        if "nid_end" in query:
            last = int(query["nid_end"])
            yield lambda component: -1 < component.get("NID", -1) <= last
    except ValueError:
        raise Problem(400, "bad query param: Argument was not a valid NID Range") from None


def _membership_tests(state: SiteState, query: QueryParams) -> Iterator[Test]:
    for name, records in (("group", state.groups), ("partition", state.partitions)):
        if name not in query:
            continue
        label = query[name]
        if label == "NULL":
            taken = {x for record in records.values() for x in record["members"]["ids"]}
            yield _outside(taken)
        else:
            record = records.get(label.lower()) or {"members": {"ids": []}}
            yield _inside(set(record["members"]["ids"]))


def _inside(xnames: set[str]) -> Test:
    return lambda component: component["ID"] in xnames


def _outside(xnames: set[str]) -> Test:
    return lambda component: component["ID"] not in xnames
