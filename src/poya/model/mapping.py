# SPDX-License-Identifier: Apache-2.0
"""What a vCluster's parts are called, and what they point at, at another site.

A mapping is a sequence of rules, applied one after the other; two mappings compose by standing one
after the other. Rules are data: they are kept in plans. `poya.planning.mapping` applies and
inverts them, `poya.model.mapping_file` reads and writes them as TOML.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

RenamedKind: TypeAlias = Literal["template", "group", "configuration", "image"]
PatchedKind: TypeAlias = Literal["template", "group", "configuration"]
PATCH_OPERATIONS = ("test", "add", "remove", "replace", "move", "copy")

EVERYTHING = "*"


class Rename(msgspec.Struct, frozen=True, tag_field="rule", tag="rename"):
    """Entities of one kind get other names, and what refers to them follows."""

    kind: RenamedKind
    names: dict[str, str]


class GitHosts(msgspec.Struct, frozen=True, tag_field="rule", tag="git-hosts"):
    """Clone URLs of one host go to another; the host may carry a port (`host:3000`)."""

    hosts: dict[str, str]


class GitUrls(msgspec.Struct, frozen=True, tag_field="rule", tag="git-urls"):
    """Whole clone URLs are replaced."""

    urls: dict[str, str]


class GitSources(msgspec.Struct, frozen=True, tag_field="rule", tag="git-sources"):
    """Layers that name a CFS source name another one."""

    sources: dict[str, str]


class UrlToSource(msgspec.Struct, frozen=True, tag_field="rule", tag="url-to-source"):
    """Layers with a clone URL name a CFS source instead."""

    sources: dict[str, str]


class SourceToUrl(msgspec.Struct, frozen=True, tag_field="rule", tag="source-to-url"):
    """Layers that name a CFS source get its clone URL instead."""

    urls: dict[str, str]


class Words(msgspec.Struct, frozen=True, tag_field="rule", tag="words"):
    """Names of the site in kernel parameters and passthroughs: domains, IQNs, interfaces.

    A word is replaced where it stands alone: `alps.example.org` in
    `_sbps-hsn._tcp.alps.example.org:300`, not in `pre-alps.example.org`.
    """

    words: dict[str, str]


class KernelParameter(msgspec.Struct, frozen=True, tag_field="rule", tag="kernel-parameter"):
    """One kernel parameter is changed, added or removed.

    Attributes:
        before: Its value now; None stands for any value, or none.
        after: Its value then; None removes it. An empty text is a parameter without a value.
        is_new: It is added where it is not there yet; `before` does not count.
        template: Pattern of the templates concerned.
        boot_set: Pattern of their boot sets concerned.
    """

    name: str
    before: str | None = None
    after: str | None = None
    is_new: bool = False
    template: str = EVERYTHING
    boot_set: str = EVERYTHING


class RootfsProvider(msgspec.Struct, frozen=True, tag_field="rule", tag="rootfs-provider"):
    """Boot sets with one provider of the root file system get another.

    Attributes:
        passthrough_before: Only where the passthrough is this; None where that does not matter.
        passthrough_after: None leaves the passthrough as it is.
    """

    before: str
    after: str
    passthrough_before: str | None = None
    passthrough_after: str | None = None


class Tenants(msgspec.Struct, frozen=True, tag_field="rule", tag="tenants"):
    """Templates and configurations of one tenant become another's; `""` is no tenant."""

    tenants: dict[str, str]


class Operation(msgspec.Struct, frozen=True, rename={"source": "from"}, omit_defaults=True):
    """One operation of a JSON patch (RFC 6902).

    Attributes:
        path: JSON pointer.
        source: The pointer that `move` and `copy` take from.
    """

    op: Literal["test", "add", "remove", "replace", "move", "copy"]
    path: str
    value: Any = None
    source: str = ""


class Patch(msgspec.Struct, frozen=True, tag_field="rule", tag="patch"):
    """A JSON patch of the documents that a kind and a pattern of names select.

    It is applied whole or, where a `test` fails, not at all.
    """

    kind: PatchedKind
    operations: tuple[Operation, ...]
    name: str = EVERYTHING


Rule: TypeAlias = (
    Rename
    | GitHosts
    | GitUrls
    | GitSources
    | UrlToSource
    | SourceToUrl
    | Words
    | KernelParameter
    | RootfsProvider
    | Tenants
    | Patch
)
Rules: TypeAlias = tuple[Rule, ...]
