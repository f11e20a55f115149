# SPDX-License-Identifier: Apache-2.0
"""Requests are signed as the reference implementation signs them."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import quote

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poya.transfer.credentials import Credentials
from poya.transfer.signing import Unsigned, sign

_KEYS = Credentials("AKEXAMPLE", "secret/with+signs", "a-session-token==")
_HOST = "s3.example.org:8443"
_TEXT = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20)
_KEY = st.text(max_size=30).map(lambda key: quote(key.encode("utf-8", "replace"), safe="/-_.~"))
_PAIRS = st.dictionaries(
    st.sampled_from(["uploads", "uploadId", "partNumber", "prefix", "list-type", "max-keys"]),
    _TEXT,
)


def _by_botocore(request: Unsigned, keys: Credentials, region: str) -> tuple[str, datetime]:
    outgoing = botocore.awsrequest.AWSRequest(
        method=request.method, url=request.url, headers=dict(request.headers), data=request.body
    )
    settings = {"payload_signing_enabled": request.signs_body}
    outgoing.context["client_config"] = SimpleNamespace(s3=settings)
    theirs = botocore.credentials.Credentials(
        keys.access_key_id, keys.secret_access_key, keys.session_token
    )
    botocore.auth.S3SigV4Auth(theirs, "s3", region).add_auth(outgoing)
    at = datetime.strptime(outgoing.context["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return str(outgoing.headers["Authorization"]), at


def _url(key: str, pairs: dict[str, str]) -> str:
    encoded = [
        f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(pairs.items())
    ]
    return f"https://{_HOST}/bucket/{key}" + (f"?{'&'.join(encoded)}" if pairs else "")


@given(
    st.sampled_from(["GET", "PUT", "POST", "HEAD", "DELETE"]),
    _KEY,
    _PAIRS,
    st.dictionaries(st.sampled_from(["Range", "x-amz-meta-md5sum", "If-Match"]), _TEXT),
    st.binary(max_size=40),
    st.booleans(),
)
def test_signs_as_botocore_does(
    method: str,
    key: str,
    pairs: dict[str, str],
    headers: dict[str, str],
    body: bytes,
    signs_body: bool,
) -> None:
    request = Unsigned(method, _url(key, pairs), {"Host": _HOST, **headers}, body, signs_body)
    theirs, at = _by_botocore(request, _KEYS, "us-east-1")
    assert sign(request, _KEYS, "us-east-1", at)["Authorization"] == theirs


@pytest.mark.parametrize("token", ["", "token"])
def test_signs_for_any_region_and_with_or_without_a_session(token: str) -> None:
    keys = Credentials("AK", "secret", token)
    request = Unsigned("GET", f"https://{_HOST}/", {"Host": _HOST})
    theirs, at = _by_botocore(request, keys, "")
    signed = sign(request, keys, "", at)
    assert signed["Authorization"] == theirs
    assert signed.get("X-Amz-Security-Token", "") == token


def test_neither_the_secret_nor_the_token_is_in_the_authorization() -> None:
    signed = sign(Unsigned("GET", f"https://{_HOST}/", {"Host": _HOST}), _KEYS, "")
    assert _KEYS.secret_access_key not in str(signed)
    assert str(_KEYS.session_token) not in signed["Authorization"]
