# SPDX-License-Identifier: Apache-2.0
"""Mappings as people write them: TOML tables.

The tables of one file are applied in the order of `Tables`; where another order is wanted, or the
same table twice, the file is a list of `[[step]]`, each with tables of its own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from poya.errors import UsageError
from poya.model import mapping as rules
from poya.model.names import is_node_xname, normalise_xname
from poya.model.secrets import find_secrets

_OPTION_TABLES: Mapping[str, tuple[str, ...]] = {
    "templates": ("rename", "templates"),
    "groups": ("rename", "groups"),
    "configurations": ("rename", "configurations"),
    "images": ("rename", "images"),
    "tenants": ("tenants",),
    "hosts": ("git", "hosts"),
    "urls": ("git", "urls"),
    "sources": ("git", "sources"),
    "domains": ("site", "domains"),
    "words": ("site", "words"),
    "nodes": ("nodes",),
}


@dataclass(frozen=True, slots=True)
class SiteMapping:
    """What a mapping file says.

    Attributes:
        nodes: Source xname → target xname.
    """

    rules: rules.Rules = ()
    nodes: Mapping[str, str] = field(default_factory=dict)


class _Table(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", omit_defaults=True
):
    """A table whose keys are all known."""


class _Renames(_Table, frozen=True):
    templates: dict[str, str] = {}
    groups: dict[str, str] = {}
    configurations: dict[str, str] = {}
    images: dict[str, str] = {}


class _Git(_Table, frozen=True):
    hosts: dict[str, str] = {}
    urls: dict[str, str] = {}
    sources: dict[str, str] = {}
    url_to_source: dict[str, str] = {}
    source_to_url: dict[str, str] = {}


class _Site(_Table, frozen=True):
    domains: dict[str, str] = {}
    iqns: dict[str, str] = {}
    words: dict[str, str] = {}


class Provider(_Table, frozen=True):
    """`[[rootfs-provider]]`."""

    before: str = msgspec.field(name="from")
    after: str = msgspec.field(name="to")
    from_passthrough: str | None = None
    to_passthrough: str | None = None


class Parameter(_Table, frozen=True):
    """`[[kernel-parameter]]`."""

    name: str
    before: str | None = msgspec.field(default=None, name="from")
    after: str | None = msgspec.field(default=None, name="to")
    add: str | None = None
    template: str = rules.EVERYTHING
    boot_set: str = rules.EVERYTHING


class PatchTable(_Table, frozen=True):
    """`[[patch]]`."""

    kind: rules.PatchedKind
    operations: tuple[rules.Operation, ...]
    name: str = rules.EVERYTHING


class Tables(_Table, frozen=True):
    """A mapping file, or one step of it."""

    rename: _Renames = _Renames()
    tenants: dict[str, str] = {}
    git: _Git = _Git()
    site: _Site = _Site()
    rootfs_provider: tuple[Provider, ...] = ()
    kernel_parameter: tuple[Parameter, ...] = ()
    patch: tuple[PatchTable, ...] = ()
    nodes: dict[str, str] = {}
    step: tuple[Tables, ...] = ()


def parse_mapping(text: str) -> SiteMapping:
    """Read a mapping file's text.

    Raises:
        UsageError: Not TOML, or a table or key that a mapping does not have.
    """
    try:
        tables = msgspec.convert(tomllib.loads(text), Tables)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("The mapping is not TOML.", why=str(error)) from error
    except msgspec.ValidationError as error:
        raise UsageError("The mapping cannot be understood.", why=str(error)) from error
    return _read(tables)


def parse_mapping_options(options: Iterable[str]) -> SiteMapping:
    """Read `--map TABLE:OLD=NEW`, any number of them, as one mapping.

    Raises:
        UsageError: Another form, or an unknown table.
    """
    document: dict[str, Any] = {}
    for option in options:
        table, found, pair = option.partition(":")
        old, equals, new = pair.partition("=")
        if not found or not equals or table not in _OPTION_TABLES:
            raise UsageError(
                f"--map {option}: not understood.",
                todo=f"Write TABLE:OLD=NEW with a TABLE of {', '.join(_OPTION_TABLES)}.",
            )
        place = document
        for key in _OPTION_TABLES[table]:
            place = place.setdefault(key, {})
        place[old] = new
    return _read(msgspec.convert(document, Tables))


def joined(mappings: Iterable[SiteMapping]) -> SiteMapping:
    """Several mappings as one: the first one's rules first; of two pairs the later one counts."""
    every = tuple(mappings)
    nodes = {source: target for mapping in every for source, target in mapping.nodes.items()}
    return SiteMapping(tuple(rule for mapping in every for rule in mapping.rules), nodes)


def _read(tables: Tables) -> SiteMapping:
    own = SiteMapping(_checked(tuple(rules_of(tables))), _nodes(tables.nodes))
    return joined([own, *(_read(step) for step in tables.step)])


def rules_of(tables: Tables) -> Iterator[rules.Rule]:
    """The rules that tables stand for, in the order in which they are applied."""
    renames = tables.rename
    groups = {old.lower(): new.lower() for old, new in renames.groups.items()}
    maps: tuple[tuple[dict[str, str], rules.Rule], ...] = (
        (renames.images, rules.Rename("image", renames.images)),
        (groups, rules.Rename("group", groups)),
        (renames.configurations, rules.Rename("configuration", renames.configurations)),
        (renames.templates, rules.Rename("template", renames.templates)),
        (tables.tenants, rules.Tenants(tables.tenants)),
        (tables.git.hosts, rules.GitHosts(_lower_keys(tables.git.hosts))),
        (tables.git.urls, rules.GitUrls(tables.git.urls)),
        (tables.git.sources, rules.GitSources(tables.git.sources)),
        (tables.git.url_to_source, rules.UrlToSource(tables.git.url_to_source)),
        (tables.git.source_to_url, rules.SourceToUrl(tables.git.source_to_url)),
    )
    yield from (rule for names, rule in maps if names)
    words = {**tables.site.domains, **tables.site.iqns, **tables.site.words}
    if words:
        yield rules.Words(words)
    for provider in tables.rootfs_provider:
        yield rules.RootfsProvider(
            provider.before, provider.after, provider.from_passthrough, provider.to_passthrough
        )
    yield from (_parameter(parameter) for parameter in tables.kernel_parameter)
    for patch in tables.patch:
        yield rules.Patch(patch.kind, patch.operations, patch.name)


def _parameter(table: Parameter) -> rules.KernelParameter:
    if table.add is not None and (table.before is not None or table.after is not None):
        raise UsageError(
            f"The kernel parameter {table.name} has 'add' beside 'from' or 'to'.",
            todo="'add' is for one that is not there yet; 'from' and 'to' change one that is.",
        )
    return rules.KernelParameter(
        table.name,
        before=table.before,
        after=table.after if table.add is None else table.add,
        is_new=table.add is not None,
        template=table.template,
        boot_set=table.boot_set,
    )


def _checked(read: rules.Rules) -> rules.Rules:
    """The same rules, if none of them gives an empty name."""
    for rule in read:
        if isinstance(rule, rules.Rename | rules.Words):
            names = rule.names if isinstance(rule, rules.Rename) else rule.words
            if not all(names) or (isinstance(rule, rules.Rename) and not all(names.values())):
                raise UsageError("The mapping has an empty name.")
        if next(find_secrets(msgspec.to_builtins(rule)), None):
            raise UsageError(
                "The mapping holds what looks like a password or a token; plans keep mappings.",
                todo="Give layers a CFS source, which keeps the login, instead of a clone URL "
                "with one.",
            )
    return read


def _nodes(pairs: Mapping[str, str]) -> dict[str, str]:
    read = {normalise_xname(old): normalise_xname(new) for old, new in pairs.items()}
    for name in (*read, *read.values()):
        if not is_node_xname(name):
            raise UsageError(f"'{name[:60]}' in the mapping's nodes is not the name of a node.")
    if len(set(read.values())) < len(pairs) or len(read) < len(pairs):
        raise UsageError("The mapping names a node more than once on one side.")
    return read


def _lower_keys(names: Mapping[str, str]) -> dict[str, str]:
    return {old.lower(): new for old, new in names.items()}
