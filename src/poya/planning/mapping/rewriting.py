# SPDX-License-Identifier: Apache-2.0
"""What one rule makes of one document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from poya.documents import Json, JsonObject
from poya.model import mapping as rules
from poya.model.records import Kind
from poya.model.secrets import without_login
from poya.planning.mapping.patching import patched

_Rewriter: TypeAlias = Callable[[Any, Kind, JsonObject], JsonObject]

# What may stand in a name: `.` too, if more of the name follows.
_BEFORE, _AFTER = r"(?<![A-Za-z0-9-])", r"(?![A-Za-z0-9-]|\.[A-Za-z0-9])"
_NAME_KEYS: Mapping[Kind, str] = {"group": "label", "configuration": "name", "template": "name"}
_TENANT_KEYS: Mapping[Kind, str] = {"configuration": "tenant_name", "template": "tenant"}


def rewritten(rule: rules.Rule, kind: Kind, document: JsonObject) -> JsonObject:
    """The document as the rule wants it; the one given is changed, too.

    Raises:
        PatchFailed: A patch that is meant for the document does not fit it.
    """
    return _REWRITERS[type(rule)](rule, kind, document)


def name_in(kind: Kind, document: JsonObject) -> str:
    """The name that a document says it has, as its service folds it."""
    name = str(document.get(_NAME_KEYS[kind]) or "")
    return name.lower() if kind == "group" else name


def substituted(text: str, words: Mapping[str, str]) -> str:
    """The text with these words replaced where they stand alone, all at once."""
    if not any(word in text for word in words):
        return text
    longest_first = sorted(filter(None, words), key=len, reverse=True)
    pattern = _BEFORE + "(" + "|".join(re.escape(word) for word in longest_first) + ")" + _AFTER
    return re.sub(pattern, lambda match: words[match[1]], text)


def _rename(rule: rules.Rename, kind: Kind, document: JsonObject) -> JsonObject:
    key = _NAME_KEYS[kind]
    if rule.kind == kind and key in document:
        document[key] = rule.names.get(name_in(kind, document), document[key])
    if kind == "template" and rule.kind == "configuration":
        for holder in (document, *_boot_sets(document)):
            cfs = holder.get("cfs")
            if isinstance(cfs, dict) and isinstance(cfs.get("configuration"), str):
                name = str(cfs["configuration"])
                cfs["configuration"] = rule.names.get(name, name)
    if kind == "template" and rule.kind == "group":
        for boot_set in _boot_sets(document):
            labels = boot_set.get("node_groups")
            if isinstance(labels, list):
                boot_set["node_groups"] = [rule.names.get(str(x).lower(), x) for x in labels]
    return document


def _git_hosts(rule: rules.GitHosts, _: Kind, document: JsonObject) -> JsonObject:
    for layer in _repositories(document):
        url = layer.get("clone_url")
        if isinstance(url, str):
            layer["clone_url"] = _at_host(url, rule.hosts)
    return document


def _at_host(url: str, hosts: Mapping[str, str]) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    login, at, host = parts.netloc.rpartition("@")
    if host.lower() not in hosts:
        return url
    return urlunsplit(parts._replace(netloc=f"{login}{at}{hosts[host.lower()]}"))


def _git_urls(rule: rules.GitUrls, _: Kind, document: JsonObject) -> JsonObject:
    for layer in _repositories(document):
        url = layer.get("clone_url")
        if isinstance(url, str):
            layer["clone_url"] = rule.urls.get(without_login(url), url)
    return document


def _git_sources(rule: rules.GitSources, _: Kind, document: JsonObject) -> JsonObject:
    for layer in _repositories(document):
        source = layer.get("source")
        if isinstance(source, str):
            layer["source"] = rule.sources.get(source, source)
    return document


def _url_to_source(rule: rules.UrlToSource, _: Kind, document: JsonObject) -> JsonObject:
    return _exchanged(document, ("clone_url", "source"), rule.sources)


def _source_to_url(rule: rules.SourceToUrl, _: Kind, document: JsonObject) -> JsonObject:
    return _exchanged(document, ("source", "clone_url"), rule.urls)


def _exchanged(
    document: JsonObject, keys: tuple[str, str], values: Mapping[str, str]
) -> JsonObject:
    """One key of each layer in the place of another; the order of keys stays."""
    old, new = keys
    for layer in _repositories(document):
        named = layer.get(old)
        found = without_login(named) if isinstance(named, str) else ""
        if found in values:
            items = [(k, v) for k, v in layer.items() if k != new]
            layer.clear()
            layer.update({new if k == old else k: values[found] if k == old else v
                          for k, v in items})  # fmt: skip
    return document


def _words(rule: rules.Words, _: Kind, document: JsonObject) -> JsonObject:
    for boot_set in _boot_sets(document):
        for key in ("kernel_parameters", "rootfs_provider_passthrough"):
            text = boot_set.get(key)
            if isinstance(text, str):
                boot_set[key] = substituted(text, rule.words)
    for layer in _repositories(document):
        url = layer.get("clone_url")
        if isinstance(url, str):
            layer["clone_url"] = substituted(url, rule.words)
    return document


def _kernel_parameter(rule: rules.KernelParameter, kind: Kind, document: JsonObject) -> JsonObject:
    if kind != "template" or not fnmatchcase(name_in(kind, document), rule.template):
        return document
    for name, boot_set in _named_boot_sets(document):
        text = boot_set.get("kernel_parameters") or ""
        if isinstance(text, str) and fnmatchcase(name, rule.boot_set):
            changed = _with_parameter(text, rule)
            if changed and changed != text:
                boot_set["kernel_parameters"] = changed
            elif not changed:
                boot_set.pop("kernel_parameters", None)
    return document


def _with_parameter(text: str, rule: rules.KernelParameter) -> str:
    any_value = rf"(?<!\S){re.escape(rule.name)}(?:=\S*)?(?!\S)"
    if rule.is_new:
        word = _word(rule.name, rule.after or "")
        return text if re.search(any_value, text) else f"{text} {word}" if text else word
    now = any_value if rule.before is None else _exactly(_word(rule.name, rule.before))
    if rule.after is None:
        return re.sub(rf"\s?{now}", "", text).removeprefix(" " if text[:1] != " " else "")
    word = _word(rule.name, rule.after)
    return re.sub(now, lambda _: word, text)


def _exactly(word: str) -> str:
    return rf"(?<!\S){re.escape(word)}(?!\S)"


def _word(name: str, value: str) -> str:
    return f"{name}={value}" if value else name


def _rootfs_provider(rule: rules.RootfsProvider, _: Kind, document: JsonObject) -> JsonObject:
    for boot_set in _boot_sets(document):
        passthrough = boot_set.get("rootfs_provider_passthrough") or ""
        is_meant = rule.passthrough_before in (None, passthrough)
        if boot_set.get("rootfs_provider") == rule.before and is_meant:
            boot_set["rootfs_provider"] = rule.after
            if rule.passthrough_after is not None:
                boot_set["rootfs_provider_passthrough"] = rule.passthrough_after
    return document


def _tenants(rule: rules.Tenants, kind: Kind, document: JsonObject) -> JsonObject:
    key = _TENANT_KEYS.get(kind)
    if key is None:
        return document
    now = document.get(key) or ""
    then = rule.tenants.get(str(now))
    if then is None or then == now:
        return document
    if then or kind == "template":
        document[key] = then
    else:
        document.pop(key, None)
    return document


def _patch(rule: rules.Patch, kind: Kind, document: JsonObject) -> JsonObject:
    if rule.kind != kind or not fnmatchcase(name_in(kind, document), rule.name):
        return document
    return patched(document, rule.operations)


def _boot_sets(document: JsonObject) -> Iterator[JsonObject]:
    return (boot_set for _, boot_set in _named_boot_sets(document))


def _named_boot_sets(document: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    boot_sets = document.get("boot_sets")
    items = boot_sets.items() if isinstance(boot_sets, dict) else ()
    yield from ((name, value) for name, value in items if isinstance(value, dict))


def _repositories(document: JsonObject) -> Iterator[JsonObject]:
    """The layers of a configuration, and its additional inventory."""
    layers = document.get("layers")
    every: list[Json] = list(layers) if isinstance(layers, list) else []
    for layer in (*every, document.get("additional_inventory")):
        if isinstance(layer, dict):
            yield layer


_REWRITERS: Mapping[type, _Rewriter] = {
    rules.Rename: _rename,
    rules.GitHosts: _git_hosts,
    rules.GitUrls: _git_urls,
    rules.GitSources: _git_sources,
    rules.UrlToSource: _url_to_source,
    rules.SourceToUrl: _source_to_url,
    rules.Words: _words,
    rules.KernelParameter: _kernel_parameter,
    rules.RootfsProvider: _rootfs_provider,
    rules.Tenants: _tenants,
    rules.Patch: _patch,
}
