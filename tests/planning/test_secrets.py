# SPDX-License-Identifier: Apache-2.0
"""What looks like a secret is found in documents, and is not told itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poya.model.secrets import find_secrets, has_login, masked, masked_text, without_login

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END"

SECRETS: list[tuple[Any, str]] = [
    ("https://crayvcs:s3cret@vcs.example.org/vcs/cray/x.git", "password in a URL"),
    ("git clone ssh://me:pass@host/x", "password in a URL"),
    ("https://user:123/abc@host/x.git", "password in a URL"),
    ("https://user:8443/a/b@c@git.example.org:8443/x.git", "password in a URL"),
    ("https://first.last:123/abc@git.example.org/x.git", "password in a URL"),
    ("https://first.last:1/2@git.example.org", "password in a URL"),
    ("https://0123456789abcdef0123456789abcdef01234567@git.example.org/x", "token in a URL"),
    (KEY, "private key"),
    ("-----BEGIN PRIVATE KEY-----", "private key"),
    ("AGE-SECRET-KEY-1QQQQ", "age identity"),
    ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.sig", "JSON web token"),
    ("AKIAIOSFODNN7EXAMPLE", "S3 access key"),
    ("glpat-0123456789abcdefghij", "access token"),
    ("#cloud-config\nchpasswd:\n  list: x\nusers:\n - name: a\n   passwd: abcdef", "password"),
    ("root:$6$salt$abcdefghijklmnop:19000", "password hash"),
    ("console=ttyS0 ldap_password=hunter22 quiet", "secret parameter"),
    ("quiet join_token=abcd1234", "secret parameter"),
]
HARMLESS = [
    "https://git@vcs.example.org/x.git",
    "https://vcs.example.org:8443/a/b@v2",
    "https://vcs.example.org:8443/a/b@v2.git",
    "https://vcs.example.org:8443/a/b@v2/c.d",
    "http://10.92.100.81:8000/a@b",
    "http://localhost:8000/a@b",
    "https://api-gw-service-nmn.local/vcs/cray/cos-config-management.git",
    "ssh://git@vcs.example.org/x.git",
    "git@github.com:cray/x.git",
    "ip=dhcp quiet spire_join_token=${SPIRE_JOIN_TOKEN}",
    "dvs:api-gw-service-nmn.local:300:nmn0",
    "s3://boot-images/3e0d418f-7757-4df0-b0f7-0b945495f7bf/manifest.json",
    "root=sbps-s3:s3://boot-images/x/rootfs:etag:sbps:v1:iqn.2023-06.csm.iscsi:_sbps-hsn._tcp.x",
    "43ecfa8236bed625b54325ebb70916f599b5b3a4",
]


@pytest.mark.parametrize(("text", "kind"), SECRETS)
def test_finds_secrets_and_does_not_tell_them(text: str, kind: str) -> None:
    found = list(find_secrets({"layers": [{"clone_url": text}]}))
    assert kind in {place.kind for place in found}
    assert {place.path for place in found} == {"layers/0/clone_url"}
    assert all(text[-8:] not in str(place) for place in found)


@pytest.mark.parametrize("text", HARMLESS)
def test_passes_over_what_documents_usually_hold(text: str) -> None:
    assert list(find_secrets({"x": [text]})) == []


@pytest.mark.parametrize(("text", "kind"), SECRETS)
def test_what_is_found_is_masked_and_masking_again_changes_nothing(text: str, kind: str) -> None:
    clean = masked_text(text)
    assert clean != text, kind
    assert masked_text(clean) == clean
    assert masked({text: [text]}) == {clean: [clean]}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert masked({"x": [text]}) == {"x": [text]}
    assert without_login(text) == text


@pytest.mark.parametrize(
    "login",
    [
        "me:pa55@",
        "0123456789abcdef@",
        "me:a/b@c@",
        "me:123/abc@",
        "a.b:1/2@",
        ":tok3n@",
        "oauth2:glpat-x@",
    ],
)
def test_a_clone_url_without_its_login_names_the_same_repository(login: str) -> None:
    url = f"https://{login}git.example.org/x.git"
    assert has_login(url)
    assert has_login(masked_text(url)), "a mask tells that there was one"
    assert without_login(url) == without_login(masked_text(url)) == "https://git.example.org/x.git"


def test_a_members_name_can_give_a_secret_away() -> None:
    found = find_secrets({"vcs_password": "x", "token": "y", "password": "", "tokens": "z"})
    assert [place.path for place in found] == ["vcs_password", "token"]


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_reads_any_document(value: Any) -> None:
    list(find_secrets(value))
    assert masked(masked(value)) == masked(value)


@pytest.mark.parametrize("text", ["a://b:" * 5000, "token" * 5000 + "=", "eyJaaaaaaaaaa." * 2000])
def test_hostile_text_is_masked_in_one_pass(text: str) -> None:
    clean = masked_text(text)
    assert masked_text(clean) == clean
