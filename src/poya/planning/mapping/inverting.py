# SPDX-License-Identifier: Apache-2.0
"""The way back: what undoes a mapping, where such a mapping exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec.structs import replace

from poya.errors import UsageError
from poya.model import mapping as rules

_Inverter: TypeAlias = Callable[[Any], "rules.Rule"]


class _OneWay(ValueError):
    """Why a rule cannot be undone."""


def inverse(mapping: rules.Rules) -> rules.Rules:
    """The mapping that takes back what this one does, the last rule first.

    It is exact for a vCluster in which nothing was called by the new names before.

    Raises:
        UsageError: A rule forgets what was there; the error names each of them.
    """
    inverted: list[rules.Rule] = []
    reasons: list[str] = []
    for rule in reversed(mapping):
        try:
            inverted.append(_INVERTERS[type(rule)](rule))
        except _OneWay as error:
            reasons.append(f"{rule.__struct_config__.tag}: {error}")
    if reasons:
        raise UsageError(
            "The mapping has no inverse.",
            why="\n".join(reasons),
            todo="Say what is there before, too ('from', or a 'test' before the operation).",
        )
    return tuple(inverted)


def _swapped(names: Mapping[str, str]) -> dict[str, str]:
    swapped = {new: old for old, new in names.items()}
    if len(swapped) != len(names):
        raise _OneWay("two names become one")
    return swapped


def _kernel_parameter(rule: rules.KernelParameter) -> rules.KernelParameter:
    if rule.is_new:
        return replace(rule, is_new=False, before=rule.after or "", after=None)
    if rule.before is None:
        raise _OneWay(f"{rule.name}: its value before is not said")
    if rule.after is None:
        raise _OneWay(f"{rule.name}: where it stood is not kept when it is removed")
    return replace(rule, before=rule.after, after=rule.before)


def _rootfs_provider(rule: rules.RootfsProvider) -> rules.RootfsProvider:
    if (rule.passthrough_before is None) != (rule.passthrough_after is None):
        raise _OneWay(f"{rule.before}: its passthrough is not said on both sides")
    return rules.RootfsProvider(
        rule.after, rule.before, rule.passthrough_after, rule.passthrough_before
    )


def _patch(rule: rules.Patch) -> rules.Patch:
    operations: list[rules.Operation] = []
    tested: dict[str, Any] = {}
    for operation in rule.operations:
        operations[:0] = _undone(operation, tested)
    return rules.Patch(rule.kind, tuple(operations), rule.name)


def _undone(operation: rules.Operation, tested: dict[str, Any]) -> list[rules.Operation]:
    """What takes one operation back; `tested` holds what is known to stand where."""
    op, path = operation.op, operation.path
    if op == "test":
        tested[path] = operation.value
        return []
    if op == "move" and operation.path.rpartition("/")[2] != "-":
        return [rules.Operation("move", operation.source, source=path)]
    if op == "add" and path.rpartition("/")[2] != "-" and path not in tested:
        return [_test(path, operation.value), rules.Operation("remove", path)]
    if path not in tested or op not in ("replace", "remove"):
        raise _OneWay(f"{op} {path}: what was there is not said")
    before = tested.pop(path)
    if op == "remove":
        return [rules.Operation("add", path, before)]
    tested[path] = operation.value
    return [_test(path, operation.value), rules.Operation("replace", path, before)]


def _test(path: str, value: object) -> rules.Operation:
    return rules.Operation("test", path, value)


_INVERTERS: Mapping[type, _Inverter] = {
    rules.Rename: lambda rule: rules.Rename(rule.kind, _swapped(rule.names)),
    rules.GitHosts: lambda rule: rules.GitHosts(_swapped(rule.hosts)),
    rules.GitUrls: lambda rule: rules.GitUrls(_swapped(rule.urls)),
    rules.GitSources: lambda rule: rules.GitSources(_swapped(rule.sources)),
    rules.UrlToSource: lambda rule: rules.SourceToUrl(_swapped(rule.sources)),
    rules.SourceToUrl: lambda rule: rules.UrlToSource(_swapped(rule.urls)),
    rules.Words: lambda rule: rules.Words(_swapped(rule.words)),
    rules.KernelParameter: _kernel_parameter,
    rules.RootfsProvider: _rootfs_provider,
    rules.Tenants: lambda rule: rules.Tenants(_swapped(rule.tenants)),
    rules.Patch: _patch,
}
