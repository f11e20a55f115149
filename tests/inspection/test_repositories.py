"""Package repositories, in the configuration of every package manager."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poya.inspection.repositories import repositories_in, without_account
from strategies import QUICK

REPO = """\
# made by CFS
[cos-sle-15.4]
name = COS
enabled=1
baseurl=https://packages.local/repository/cos-sle-15.4?ssl_verify=no
gpgcheck=0

[site]
baseurl = https://crayvcs:secret@nexus.cmn.alps.example.org/a
          https://mirror.example.org/b
enabled = 0
[mirrored]
mirrorlist=http://mirrors.example.org/list
"""
LIST = """\
# deb http://not.example.org/ off main
deb [arch=amd64 signed-by=/x.gpg] https://user:pw@deb.example.org/debian bookworm main contrib
deb-src http://src.example.org/debian bookworm main
nonsense
"""
SOURCES = """\
Types: deb deb-src
URIs: http://deb.example.org/debian
 https://token@second.example.org/debian
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://off.example.org/
Suites: sid
"""


def urls(text: str, place: str) -> list[tuple[str, str, bool]]:
    return [(r.alias, r.url, r.is_enabled) for r in repositories_in(text.encode(), place)]


def test_zypper_yum_and_dnf() -> None:
    assert urls(REPO, "/etc/zypp/repos.d/all.repo") == [
        ("cos-sle-15.4", "https://packages.local/repository/cos-sle-15.4", True),
        ("site", "https://nexus.cmn.alps.example.org/a", False),
        ("site", "https://mirror.example.org/b", False),
        ("mirrored", "http://mirrors.example.org/list", True),
    ]


def test_zypper_services() -> None:
    text = "[SMT]\nenabled=1\nurl=https://smt.example.org/service?credentials=SCC\ntype=ris\n"
    assert urls(text, "/etc/zypp/services.d/SMT.service") == [
        ("SMT", "https://smt.example.org/service", True)
    ]


def test_apt() -> None:
    assert urls(LIST, "/etc/apt/sources.list") == [
        ("bookworm", "https://deb.example.org/debian", True),
        ("bookworm", "http://src.example.org/debian", True),
    ]
    assert urls(SOURCES, "/etc/apt/sources.list.d/debian.sources") == [
        ("bookworm", "http://deb.example.org/debian", True),
        ("bookworm", "https://second.example.org/debian", True),
        ("sid", "http://off.example.org/", False),
    ]


@pytest.mark.parametrize("ending", [".repo", ".list", ".sources", ".service"])
def test_accounts_passwords_and_queries_are_never_kept(ending: str) -> None:
    url = "https://user:hunter2@host.example.org:8081/path?token=hunter2#hunter2"
    text = f"[a]\nbaseurl={url}\nurl={url}\n\ndeb {url} a b\n\nURIs: {url}\n"
    found = repositories_in(text.encode(), f"/x{ending}")
    assert found
    assert "hunter2" not in str(found)
    assert {r.url for r in found} == {"https://host.example.org:8081/path"}


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://user:p@ss@host.example.org/a", "https://host.example.org/a"),
        ("user:hunter2@host.example.org/a", "host.example.org/a"),
        ("ftp://user@[2001:db8::1]/a", "ftp://[2001:db8::1]/a"),
        ("https://[broken/a", "https://[broken/a"),
        ("dir:///mnt/a", "dir:///mnt/a"),
        ("cos-sle-15.4", "cos-sle-15.4"),
    ],
)
def test_what_is_kept_of_a_url(url: str, kept: str) -> None:
    assert without_account(url) == kept


def test_many_lines_that_go_on_take_no_time() -> None:
    text = "[a]\nbaseurl=\n" + " x\n" * 300_000
    assert len(repositories_in(text.encode(), "/a.repo")) == 1000


@QUICK
@given(st.text(st.sampled_from("[]=:#\n \tabURIsdeb/@?"), max_size=200))
def test_garbage_is_never_an_error(text: str) -> None:
    for ending in (".repo", ".list", ".sources"):
        repositories_in(text.encode(), ending)
