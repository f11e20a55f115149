# SPDX-License-Identifier: Apache-2.0
"""Mappings written as TOML, so that reading the text gives the same mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from poya.errors import UsageError
from poya.model import mapping as rules
from poya.model.mapping_file import Parameter, PatchTable, Provider, SiteMapping, Tables, rules_of

_TABLE_OF: Mapping[type, tuple[str, ...]] = {
    rules.Tenants: ("tenants",),
    rules.GitHosts: ("git", "hosts"),
    rules.GitUrls: ("git", "urls"),
    rules.GitSources: ("git", "sources"),
    rules.UrlToSource: ("git", "url-to-source"),
    rules.SourceToUrl: ("git", "source-to-url"),
    rules.Words: ("site", "words"),
}


def format_mapping(mapping: SiteMapping) -> str:
    """Write a mapping so that reading it gives the same one."""
    steps = [_tables_of(rule) for rule in mapping.rules]
    nodes = {"nodes": dict(mapping.nodes)} if mapping.nodes else {}
    plain = _merged(steps)
    if plain is not None:
        return "\n".join(_toml({**plain, **nodes})).strip() + "\n"
    lines = list(_toml(nodes))
    for step in steps:
        lines += ["", "[[step]]", *_toml(step, "step.")]
    return "\n".join(lines).strip() + "\n"


def _tables_of(rule: rules.Rule) -> dict[str, Any]:
    if isinstance(rule, rules.Rename):
        return {"rename": {f"{rule.kind}s": dict(rule.names)}}
    if isinstance(rule, rules.RootfsProvider):
        provider = Provider(
            rule.before, rule.after, rule.passthrough_before, rule.passthrough_after
        )
        return {"rootfs-provider": [msgspec.to_builtins(provider)]}
    if isinstance(rule, rules.KernelParameter):
        before = None if rule.is_new else rule.before
        after, new = (None, rule.after or "") if rule.is_new else (rule.after, None)
        table = Parameter(rule.name, before, after, new, rule.template, rule.boot_set)
        return {"kernel-parameter": [msgspec.to_builtins(table)]}
    if isinstance(rule, rules.Patch):
        patch = PatchTable(rule.kind, rule.operations, rule.name)
        return {"patch": [msgspec.to_builtins(patch)]}
    (names,) = (getattr(rule, name) for name in rule.__struct_fields__)
    tables: dict[str, Any] = dict(names)
    for key in reversed(_TABLE_OF[type(rule)]):
        tables = {key: tables}
    return tables


def _merged(steps: list[dict[str, Any]]) -> dict[str, Any] | None:
    """All steps as the tables of one file; None if that would not read as the same steps."""
    merged: dict[str, Any] = {}
    for step in steps:
        for key, value in step.items():
            if isinstance(value, list):
                merged.setdefault(key, []).extend(value)
            elif key not in merged or not merged[key].keys() & value.keys():
                merged[key] = {**merged.get(key, {}), **value}
            else:
                return None
    wanted = [rule for step in steps for rule in rules_of(msgspec.convert(step, Tables))]
    return merged if list(rules_of(msgspec.convert(merged, Tables))) == wanted else None


def _toml(tables: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in tables.items():
        if isinstance(value, list):
            for item in value:
                yield from ("", f"[[{prefix}{key}]]", *_pairs(item))
        elif any(isinstance(inner, dict) for inner in value.values()):
            yield from _toml(value, f"{prefix}{key}.")
        else:
            yield from ("", f"[{prefix}{key}]", *_pairs(value))


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        yield f"{_key(key)} = {_value(value)}"


def _key(key: str) -> str:
    is_bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if is_bare else _value(key)


def _value(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, str):
        # TOML's basic strings take JSON's escapes, but for DEL, which JSON leaves as it is.
        return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(_pairs(value))} }}"
    if value is None:
        raise UsageError("The mapping holds a null, which TOML cannot write.")
    return msgspec.json.encode(value).decode()
