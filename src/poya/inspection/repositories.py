# SPDX-License-Identifier: Apache-2.0
"""Package repositories, as the configuration files of zypper, yum, dnf and apt name them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from poya.model.image_contents import PackageRepository

# Directory, ending of the file names concerned.
DIRECTORIES = (
    ("/etc/zypp/repos.d", ".repo"),
    ("/etc/zypp/services.d", ".service"),
    ("/etc/yum.repos.d", ".repo"),
    ("/etc/apt/sources.list.d", ".list"),
    ("/etc/apt/sources.list.d", ".sources"),
)
FILES = ("/etc/apt/sources.list",)
MOST_FILE_BYTES = 1024 * 1024
MOST_FILES = 500
MOST_REPOSITORIES = 1000

_URL_KEYS = ("baseurl", "mirrorlist", "metalink", "url")
_OFF = ("0", "false", "False", "no")
_ACCOUNT = re.compile(r"^[^/]*@")
_ONE_LINE = re.compile(r"deb(?:-src)?\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)")


def repositories_in(data: bytes, place: str) -> tuple[PackageRepository, ...]:
    """The repositories that a configuration file names; none if it is something else.

    Args:
        data: The file's content.
        place: Its path, whose ending says what kind of file it is.
    """
    text = data.decode("utf-8", "replace")
    if place.endswith(".sources"):
        found = _of_stanzas(text, place)
    elif place.endswith(".list"):
        found = _of_lines(text, place)
    else:
        found = _of_sections(text, place)
    return tuple(found)[:MOST_REPOSITORIES]


def _of_sections(text: str, place: str) -> Iterator[PackageRepository]:
    """The ini files of zypper, yum and dnf; several URLs may follow one key, one a line."""
    for section in re.split(r"(?m)^(?=\[)", text):
        head, _, body = section.partition("]")
        if not head.startswith("["):
            continue
        values = _values(body)
        is_enabled = values.get("enabled", ["1"])[-1] not in _OFF
        for key in _URL_KEYS:
            for url in " ".join(values.get(key, ())).replace(",", " ").split():
                alias = without_account(head[1:].strip())
                yield PackageRepository(alias, without_account(url), place, is_enabled)


def _values(section: str) -> dict[str, list[str]]:
    """The values of each key; lines that begin with a space go on with the key before."""
    values: dict[str, list[str]] = {}
    key = ""
    for line in section.splitlines():
        if line.lstrip().startswith(("#", ";")):
            continue
        if not line[:1].isspace():
            name, has_value, line = line.partition("=")
            if not has_value:
                continue
            key = name.strip().lower()
        values.setdefault(key, []).append(line.strip())
    return values


def _of_lines(text: str, place: str) -> Iterator[PackageRepository]:
    """Apt's one-line style."""
    for line in text.splitlines():
        found = _ONE_LINE.match(line.strip())
        if found:
            yield PackageRepository(found[2], without_account(found[1]), place)


def _of_stanzas(text: str, place: str) -> Iterator[PackageRepository]:
    """Apt's deb822 style."""
    for stanza in re.split(r"\n\s*\n", text):
        lines = (line for line in stanza.splitlines() if not line.startswith("#"))
        folded = re.sub(r"\n[ \t]+", " ", "\n".join(lines))
        pairs = (line.partition(":") for line in folded.splitlines())
        values = {key.strip().lower(): value.strip() for key, _, value in pairs}
        is_enabled = values.get("enabled", "yes").lower() != "no"
        for url in values.get("uris", "").split():
            suites = values.get("suites", "")
            yield PackageRepository(suites, without_account(url), place, is_enabled)


def without_account(url: str) -> str:
    """The URL without account, password, query and fragment: tokens stand in all of them."""
    plain = re.split("[?#]", url, maxsplit=1)[0]
    scheme, separator, rest = plain.rpartition("://")
    return f"{scheme}{separator}{_ACCOUNT.sub('', rest)}"
