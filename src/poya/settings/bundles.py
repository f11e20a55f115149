# SPDX-License-Identifier: Apache-2.0
"""The tables of the configuration that are about bundles: what a site demands, where they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from poya.errors import ConfigError
from poya.settings.tables import SecretPlace, path_of, refuse_unknown, secret_of, text_of, texts_of

_STORE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_STORE_KEYS = frozenset(
    "url endpoint ca proxy region access_key_file access_key_env secret_key_file "
    "secret_key_env".split()
)
_BUNDLES_KEYS = frozenset("keys unsigned".split())


@dataclass(frozen=True, slots=True)
class BundleSettings:
    """What a site demands of the bundles that are restored to it.

    Attributes:
        keys: Minisign public keys of those who may vouch for a bundle: files, or the keys.
        refuses_unsigned: Whether a bundle that none of them signed is refused.
    """

    keys: tuple[str, ...] = ()
    refuses_unsigned: bool = False


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """One `[stores.<name>]` table: an S3 prefix that bundles are kept below.

    Attributes:
        bucket: As in the url.
        prefix: Without slashes at its ends; may be empty.
        access_key: Where it is read from; AWS_ACCESS_KEY_ID if not said.
        secret_key: Likewise; AWS_SECRET_ACCESS_KEY.
    """

    name: str
    bucket: str
    prefix: str
    endpoint: str
    ca: Path | None = None
    proxy: str | None = None
    region: str = ""
    access_key: SecretPlace = field(default_factory=SecretPlace)
    secret_key: SecretPlace = field(default_factory=SecretPlace)


def read_stores(tables: object, base: Path) -> dict[str, StoreSettings]:
    """The `[stores]` tables, by name; paths are relative to `base`. Raises ConfigError."""
    if not isinstance(tables, dict):
        raise ConfigError("'stores' is not a table of stores.")
    return {name: _store(name, table, base) for name, table in tables.items()}


def _store(name: str, table: object, base: Path) -> StoreSettings:
    where = f"[stores.{name}]"
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is not a table.")
    if not _STORE_NAME.fullmatch(name):
        raise ConfigError(f"'{name[:40]}' cannot be the name of a store.")
    refuse_unknown(table, _STORE_KEYS, where)
    url = re.fullmatch(r"s3://([a-z0-9.-]{3,63})(?:/(.*))?", text_of(table, "url", where) or "")
    endpoint = text_of(table, "endpoint", where)
    if url is None or not endpoint:
        raise ConfigError(
            f"{where} needs a url and an endpoint.",
            todo='url = "s3://bucket/prefix", endpoint = "https://…"',
        )
    return StoreSettings(
        name=name,
        bucket=url.group(1),
        prefix=(url.group(2) or "").strip("/"),
        endpoint=endpoint,
        ca=path_of(table, "ca", where, base),
        proxy=text_of(table, "proxy", where),
        region=text_of(table, "region", where) or "",
        access_key=secret_of(table, "access_key", where, base, "AWS_ACCESS_KEY_ID"),
        secret_key=secret_of(table, "secret_key", where, base, "AWS_SECRET_ACCESS_KEY"),
    )


def read_identities(configuration: Mapping[str, object], base: Path) -> tuple[str, ...]:
    """The `identities` of `[bundles]`: files that encrypted bundles are opened with.

    Raises:
        ConfigError: The table has something else.
    """
    table = configuration.get("bundles", {})
    if not isinstance(table, dict):
        raise ConfigError("[bundles] is not a table.")
    refuse_unknown(table, frozenset({"identities"}), "[bundles]")
    names = texts_of(table.get("identities", []), "[bundles] identities")
    return tuple(str(base / Path(name).expanduser()) for name in names)


def read_bundles(table: object, site: str, base: Path) -> BundleSettings:
    """A site's `bundles` table; paths are relative to `base`. Raises ConfigError."""
    where = f"[sites.{site}.bundles]"
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is not a table.")
    refuse_unknown(table, _BUNDLES_KEYS, where)
    keys = texts_of(table.get("keys", []), f"{where} keys")
    unsigned = text_of(table, "unsigned", where) or "allow"
    if unsigned not in ("allow", "refuse"):
        raise ConfigError(f"{where}: unsigned is '{unsigned}'.", todo="Use allow or refuse.")
    if unsigned == "refuse" and not keys:
        raise ConfigError(
            f"{where} refuses unsigned bundles and trusts no key.",
            todo='Name who may sign: keys = ["alps.pub"]',
        )
    # A key is written out (it begins with RW, and is no path), or is a file.
    files = (key if _is_key(key) else str(base / Path(key).expanduser()) for key in keys)
    return BundleSettings(tuple(files), unsigned == "refuse")


def _is_key(text: str) -> bool:
    return text.startswith("RW") and len(text) == 56  # noqa: PLR2004 - 42 bytes in base64
