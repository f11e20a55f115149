# SPDX-License-Identifier: Apache-2.0
"""`vcluster.toml`: what a vCluster is made of and needs beyond what CSM knows."""

from __future__ import annotations

import tomllib

import msgspec

from poya.errors import UsageError


class _Table(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", omit_defaults=True
):
    """A table whose keys are all known."""


class Mount(_Table, frozen=True):
    """A file system that its nodes mount.

    Attributes:
        path: Where, on the nodes.
        source: What serves it now, as the nodes name it (`nfs.alps.example.org:/scratch`).
        at: What serves it elsewhere, by site.
    """

    path: str
    source: str
    at: dict[str, str] = {}


class Access(_Table, frozen=True):
    """Something that its nodes must reach.

    Attributes:
        to: `host:port`.
        why: What for.
    """

    to: str
    why: str = ""


class Declaration(_Table, frozen=True):
    """A vCluster in its owner's words.

    Attributes:
        group: Its HSM group; or
        templates: the session templates that it is made of.
        package_repositories: Repositories of the site's Nexus that its images or layers install
            from.
        mount: The file systems that it mounts.
        access: What its nodes must reach.
    """

    group: str = ""
    templates: tuple[str, ...] = ()
    package_repositories: tuple[str, ...] = ()
    mount: tuple[Mount, ...] = ()
    access: tuple[Access, ...] = ()


def parse_declaration(text: str) -> Declaration:
    """Read a `vcluster.toml`.

    Raises:
        UsageError: Not TOML, a key that it does not have, or neither a group nor templates.
    """
    try:
        declared = msgspec.convert(tomllib.loads(text), Declaration)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("The vCluster's file is not TOML.", why=str(error)) from error
    except msgspec.ValidationError as error:
        raise UsageError("The vCluster's file cannot be understood.", why=str(error)) from error
    if bool(declared.group) == bool(declared.templates):
        raise UsageError(
            "The vCluster's file names neither its group nor its templates, or both.",
            todo='Write group = "gele", or templates = ["…"].',
        )
    return declared
