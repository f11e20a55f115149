# SPDX-License-Identifier: Apache-2.0
"""Reading the tables of a TOML file strictly: what is misspelt is refused, not ignored."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poya.errors import ConfigError


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """Where a secret is read from, when it is needed: a file or an environment variable."""

    file: Path | None = None
    variable: str | None = None


def refuse_unknown(table: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    """Raise ConfigError where a table has a key that is not known."""
    for key in table:
        if key not in known:
            raise ConfigError(
                f"{where} has an unknown key '{key[:60]}'.",
                why=f"Known are {', '.join(sorted(known))}.",
                todo=did_you_mean(key, known),
            )


def did_you_mean(word: str, known: Mapping[str, object] | frozenset[str]) -> str:
    """A hint at the known word that is closest; empty if none is close."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean '{close[0]}'?" if close else ""


def text_of(table: Mapping[str, Any], key: str, where: str) -> str | None:
    """The text under a key, None if absent or empty; raises ConfigError if it is no text."""
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{where}: {key} is not a text.")
    return value or None


def texts_of(value: object, where: str) -> tuple[str, ...]:
    """A list of texts; raises ConfigError if it is anything else."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{where} is not a list of texts.")
    return tuple(str(item) for item in value)


def path_of(table: Mapping[str, Any], key: str, where: str, base: Path) -> Path | None:
    """The path under a key, relative to `base`; None if absent. Raises ConfigError."""
    text = text_of(table, key, where)
    try:
        return base / Path(text).expanduser() if text else None
    except RuntimeError as error:
        raise ConfigError(f"{where}: {key} names no home directory.", why=str(error)) from error


def secret_of(
    table: Mapping[str, Any], key: str, where: str, base: Path, default: str | None
) -> SecretPlace:
    """Where a secret is: `<key>_file`, `<key>_env`, or the default variable."""
    file = path_of(table, f"{key}_file", where, base)
    variable = text_of(table, f"{key}_env", where)
    return SecretPlace(file, variable or (default if file is None else None))
