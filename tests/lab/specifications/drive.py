# SPDX-License-Identifier: Apache-2.0
"""Drive one service by its official specification with schemathesis; print every deviation.

A program of its own, run in an environment of its own: nothing here knows poya or its lab, only an
address, a CA and a token.

    LAB_TOKEN=... python drive.py SPECIFICATION ADDRESS CA EXAMPLES
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import hypothesis
import schemathesis
import yaml
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def main(path: str, address: str, ca: str, examples: str) -> int:
    """Drive every operation; one line of JSON a deviation."""
    raw = _with_text_keys(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    schema = schemathesis.openapi.from_dict(raw)
    schema.config.update(base_url=address)
    settings = hypothesis.settings(
        max_examples=int(examples),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    count = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        count += 1
        for deviation in _deviations(operation, settings, ca, os.environ["LAB_TOKEN"]):
            print(json.dumps(deviation), flush=True)
    print(json.dumps({"operations": count}), flush=True)
    return 0


def _deviations(operation: Any, settings: Any, ca: str, token: str) -> Iterator[dict[str, str]]:
    found: dict[tuple[str, str], str] = {}

    def one(case: Any) -> None:
        response = case.call(verify=ca, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                key = (type(failure).__name__, str(response.status_code))
                found.setdefault(key, f"{failure}"[:300])

    settings(hypothesis.given(case=operation.as_strategy())(one))()
    where = f"{operation.method.upper()} {operation.path}"
    for (kind, status), example in sorted(found.items()):
        yield {"operation": where, "deviation": kind, "status": status, "example": example}


def _with_text_keys(value: Any) -> Any:
    """YAML reads 200 as a number, on as a truth, 2020-01-01 as a day; JSON wants texts."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(k): _enumerated(k, _with_text_keys(v)) for k, v in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list) else value


def _enumerated(key: object, value: Any) -> Any:
    words = {True: "on", False: "off"}
    if key == "enum":
        return [words[v] if isinstance(v, bool) else v for v in value]
    return words[value] if key == "example" and isinstance(value, bool) else value


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
