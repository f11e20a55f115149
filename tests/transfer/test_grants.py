# SPDX-License-Identifier: Apache-2.0
"""Who may write to a bucket, as its access control list says."""

from __future__ import annotations

import pytest

from poya.transfer.s3xml import parse_grants, parse_xml

BUCKETS = b"<ListAllMyBucketsResult><Owner><ID>STS</ID></Owner></ListAllMyBucketsResult>"
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


def may_write(*grants: tuple[str, str, str]) -> bool:
    every = "".join(
        f"<Grant><Grantee><{key}>{who}</{key}></Grantee><Permission>{what}</Permission></Grant>"
        for key, who, what in grants
    )
    acl = (
        '<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>ims</ID>'
        f"</Owner><AccessControlList>{every}</AccessControlList></AccessControlPolicy>"
    )
    return parse_grants(parse_xml(acl.encode()), parse_xml(BUCKETS)).may_write


@pytest.mark.parametrize(
    ("grants", "may"),
    [
        ([("ID", "STS", "FULL_CONTROL")], True),
        ([("ID", "ims", "FULL_CONTROL"), ("ID", "STS", "WRITE")], True),
        ([("URI", EVERYBODY, "WRITE")], True),
        ([("ID", "ims", "FULL_CONTROL"), ("ID", "STS", "READ")], False),
        ([("URI", EVERYBODY, "READ")], False),
        ([], False),
    ],
)
def test_only_a_grant_to_us_or_to_everybody_lets_us_write(
    grants: list[tuple[str, str, str]], may: bool
) -> None:
    assert may_write(*grants) is may
