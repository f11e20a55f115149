# SPDX-License-Identifier: Apache-2.0
"""The official specifications of a CSM release, and whether a request is what they describe.

`POYA_CSM_SPECS` names a directory with `by-version/csm-<release>-<service>.yaml` and, for what a
release pins no file of, `<service>.yaml` of the services' heads (Cray-HPE repositories).
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx2
import yaml
from jsonschema import Draft4Validator

VERBS = ("get", "put", "post", "patch", "delete")
# Where each service is behind the gateway, and what its specification's paths begin with there.
BASES = {
    "bos": ("/apis/bos", ""),
    "cfs": ("/apis/cfs", ""),
    "ims": ("/apis/ims", ""),
    "smd": ("/apis/smd/hsm/v2", ""),
    "bss": ("/apis/bss", ""),
    "sls": ("/apis/sls/v1", ""),
    "pcs": ("/apis/power-control/v1", ""),
    "tapms": ("/apis/tapms", ""),
    "sts": ("/apis/sts", ""),
}
# The validators of these services refuse a request that holds a read-only property.
STRICT = ("bos", "cfs")
# Patterns that are not what the service checks: labels and tags of groups are any of [-a-z0-9:._]
# (hms-smd pkg/sm/groups.go), where the specification has hexadecimal digits.
WRONG_PATTERNS = {r"^[0-9a-f_\-.]{1,}$", r"^[0-9a-f_\-\.]{1,}$"}
# Queries that the services take and the specifications leave out, or give other values.
UNWRITTEN_QUERIES = {
    # hms-sls searches extra properties by name, and its types are those of its records.
    ("sls", "/search/hardware"): r"extra_properties\.\w+|type=comptype_\w+",
    # An address, where the specification has a range (hms-sls, search by containment).
    ("sls", "/search/networks"): r"ip_address=[\d.]+",
    # hms-xname knows this type, which the list of the specification leaves out.
    ("smd", "/Inventory/Hardware"): "type=NodeHsnNic",
}
# Bodies that are not what the specification says: TAPMS takes a list (tenant_server.go).
UNWRITTEN_BODIES = {("tapms", "/v1alpha3/tenants")}


def directory() -> Path | None:
    named = os.environ.get("POYA_CSM_SPECS")
    return Path(named) if named else None


@dataclass(frozen=True)
class Operation:
    """One operation: its path as a pattern, what it takes in queries and bodies."""

    service: str
    method: str
    template: str
    pattern: re.Pattern[str]
    queries: dict[str, dict[str, Any]]
    body: dict[str, Any] | None
    content_types: tuple[str, ...]
    root: dict[str, Any]
    library: dict[str, Any]


def complaint(release: str, request: httpx2.Request) -> str:
    """What the release's specification says against a request; empty if nothing."""
    path = request.url.raw_path.decode().partition("?")[0]
    service = next((s for s, (base, _) in BASES.items() if _is_below(path, base)), None)
    if service is None:
        return f"no specification covers {path}"
    operation = _find(release, service, request.method, path.removeprefix(BASES[service][0]))
    if operation is None:
        return f"{request.method} {path} is no operation of {service}"
    return "; ".join([*_query_faults(operation, request), *_body_faults(operation, request)])


def _is_below(path: str, base: str) -> bool:
    return path == base or path.startswith(f"{base}/")


def _find(release: str, service: str, method: str, path: str) -> Operation | None:
    found = [
        one
        for one in operations(release, service)
        if one.method == method and one.pattern.fullmatch(path or "/")
    ]
    # `/components/ByNID/7` also looks like `/components/{xname}/NID`: the longest word wins.
    return max(found, key=lambda one: len(re.sub(r"\{[^}]*\}", "", one.template)), default=None)


@functools.cache
def operations(release: str, service: str) -> tuple[Operation, ...]:
    root = _load(release, service)
    library = {
        key: _json_schema(root.get(key, {}), service) for key in ("definitions", "components")
    }
    return tuple(
        replace(_operation(service, root, verb, template, path_item), library=library)
        for template, path_item in root["paths"].items()
        if isinstance(path_item, dict)
        for verb in VERBS
        if verb in path_item
    )


def _load(release: str, service: str) -> dict[str, Any]:
    home = directory()
    assert home is not None
    # SMD, BSS and SLS did not change their paths; what a release has no file of, its neighbour has.
    names = [f"by-version/csm-{release}{more}-{service}.yaml" for more in ("", "approx")]
    later = f"by-version/csm-1.4-{service}.yaml" if release == "1.3" else f"{service}.yaml"
    path = next(home / name for name in (*names, later) if (home / name).exists())
    document = _text_keys(yaml.safe_load(path.read_text()))
    assert isinstance(document, dict)
    return document


def _text_keys(value: Any) -> Any:
    """Without what YAML 1.1 makes of `200:` and `on`, and without wrong patterns."""
    if isinstance(value, dict):
        made = {str(key): _text_keys(item) for key, item in value.items()}
        if isinstance(made.get("enum"), list):
            words = {True: "on", False: "off"}
            made["enum"] = [words.get(x, x) if isinstance(x, bool) else x for x in made["enum"]]
        if made.get("pattern") in WRONG_PATTERNS:
            del made["pattern"]
        return made
    return [_text_keys(item) for item in value] if isinstance(value, list) else value


def _operation(
    service: str, root: dict[str, Any], verb: str, template: str, path_item: dict[str, Any]
) -> Operation:
    spec = path_item[verb]
    parameters = [
        _resolved(root, one)
        for one in [*path_item.get("parameters", []), *spec.get("parameters", [])]
    ]
    body = next((one["schema"] for one in parameters if one["in"] == "body"), None)
    content_types = tuple(spec.get("consumes", root.get("consumes", ("application/json",))))
    if "requestBody" in spec:
        content = _resolved(root, spec["requestBody"])["content"]
        content_types = tuple(content)
        body = content[content_types[0]]["schema"]
    # 1.4's TAPMS and BSS name their whole path, or a part of it that others leave to the base.
    below = template.removeprefix("/apis/tapms")
    pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(below))
    queries = {one["name"]: one for one in parameters if one["in"] == "query"}
    return Operation(
        service, verb.upper(), below, re.compile(pattern), queries, body, content_types, root, {}
    )


def _resolved(root: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        at: Any = root
        for part in value["$ref"].removeprefix("#/").split("/"):
            at = at[unquote(part).replace("~1", "/").replace("~0", "~")]
        value = at
    return value


def _query_faults(operation: Operation, request: httpx2.Request) -> Iterator[str]:
    unwritten = UNWRITTEN_QUERIES.get((operation.service, operation.template), "(?!)")
    for name, text in parse_qsl(request.url.query.decode(), keep_blank_values=True):
        spec = operation.queries.get(name)
        if re.fullmatch(unwritten, name) or re.fullmatch(unwritten, f"{name}={text}"):
            continue
        if spec is None:
            yield f"the query {name} is not described"
            continue
        schema = _resolved(operation.root, spec.get("schema") or spec)
        if schema.get("type") == "array":
            schema = _resolved(operation.root, schema["items"])
        yield from _faults(operation, _described(schema), _typed(text, schema), f"query {name}")


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """Without what Swagger 2 keeps beside a parameter's schema (`required: false`)."""
    return {key: item for key, item in schema.items() if key not in ("required", "in", "name")}


def _typed(text: str, schema: dict[str, Any]) -> Any:
    if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if schema.get("type") == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def _body_faults(operation: Operation, request: httpx2.Request) -> Iterator[str]:
    if not request.content or (operation.service, operation.template) in UNWRITTEN_BODIES:
        return
    if operation.body is None:
        yield "no body is described"
        return
    content_type = request.headers["Content-Type"]
    if content_type not in operation.content_types and "*/*" not in operation.content_types:
        yield f"the body is {content_type}"
    yield from _faults(operation, operation.body, json.loads(request.content), "body")


def _faults(operation: Operation, schema: Any, value: Any, what: str) -> Iterator[str]:
    whole = {**operation.library, "allOf": [_json_schema(schema, operation.service)]}
    for error in Draft4Validator(whole).iter_errors(value):
        yield f"{what}{error.json_path.removeprefix('$')}: {error.message[:200]}"


def _json_schema(schema: Any, service: str) -> Any:
    """OpenAPI's dialect in JSON Schema's: nullable, and read-only properties for requests."""
    if isinstance(schema, list):
        return [_json_schema(item, service) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _json_schema(item, service) for key, item in schema.items()}
    if service in STRICT and isinstance(made.get("properties"), dict):
        properties = made["properties"].items()
        made["properties"] = {
            key: {"not": {}} if isinstance(item, dict) and item.get("readOnly") is True else item
            for key, item in properties
        }
    if made.pop("nullable", False) is True:
        return {"anyOf": [{"type": "null"}, made]}
    return made
