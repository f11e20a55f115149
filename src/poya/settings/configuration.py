# SPDX-License-Identifier: Apache-2.0
"""The operator's configuration: `$XDG_CONFIG_HOME/poya/config.toml`, read strictly.

A key that poya does not know is refused: a misspelt `proxy` must not mean "no proxy".
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poya.errors import ConfigError, NotFound
from poya.settings.auth import (
    AuthSettings,
    KubernetesSettings,
    ServiceAccount,
    read_account,
    read_auth,
    read_kubernetes,
)
from poya.settings.bundles import (
    BundleSettings,
    StoreSettings,
    read_bundles,
    read_identities,
    read_stores,
)
from poya.settings.placement import PlacementSettings, read_placement
from poya.settings.tables import did_you_mean as _did_you_mean
from poya.settings.tables import path_of as _path
from poya.settings.tables import refuse_unknown as _refuse_unknown
from poya.settings.tables import text_of as _text
from poya.settings.tables import texts_of as _texts
from poya.settings.transfer import TransferSettings, read_transfer

_SITE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

_SITE_KEYS = frozenset(
    "kind url ca proxy tenant s3_endpoint allowed_s3_hosts auth vcs nexus kubernetes services "
    "bundles placement".split()
)


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """One `[sites.<name>]` table.

    Attributes:
        url: The gateway's base URL.
        ca: The file with the site's CA certificates; None for the system's own.
        proxy: `socks5h://host:port` or `http://host:port`.
        services: Base URLs of services that are not behind the gateway, by service name.
    """

    name: str
    url: str
    kind: str = "csm"
    ca: Path | None = None
    proxy: str | None = None
    tenant: str | None = None
    s3_endpoint: str | None = None
    allowed_s3_hosts: tuple[str, ...] = ()
    auth: AuthSettings = field(default_factory=AuthSettings)
    vcs: ServiceAccount | None = None
    nexus: ServiceAccount | None = None
    kubernetes: KubernetesSettings | None = None
    services: Mapping[str, str] = field(default_factory=dict)
    bundles: BundleSettings = field(default_factory=BundleSettings)
    placement: PlacementSettings = field(default_factory=PlacementSettings)


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration.

    Attributes:
        path: Where it was read from; the file may not exist.
        current: The site that commands use when none is named.
        transfer: How bytes move where no option says otherwise.
        identities: Files that encrypted bundles are opened with.
    """

    path: Path
    current: str | None
    sites: Mapping[str, SiteSettings]
    stores: Mapping[str, StoreSettings] = field(default_factory=dict)
    transfer: TransferSettings = field(default_factory=TransferSettings)
    identities: tuple[str, ...] = ()

    def site(self, name: str | None) -> SiteSettings:
        """The named site, or the current one.

        Raises:
            ConfigError: No site is named and none is current.
            NotFound: The configuration has no such site.
        """
        wanted = name or self.current
        if wanted is None:
            raise ConfigError(
                "No site is named.",
                todo="Name one with --site NAME, or choose one: poya config set site NAME.",
            )
        if wanted not in self.sites:
            raise NotFound(
                f"The configuration has no site '{wanted}'.",
                why=f"{self.path} has {', '.join(sorted(self.sites)) or 'no sites'}.",
                todo=_did_you_mean(wanted, self.sites) or f"Add [sites.{wanted}] to it.",
            )
        return self.sites[wanted]

    def store_at(self, place: str) -> tuple[StoreSettings, str] | None:
        """The store, and the prefix in it, that `NAME:PREFIX` means; None if it is a path.

        Raises:
            NotFound: It reads like a store that the configuration does not have. A mistyped one
                must not become a directory: a backup there would be taken for off-site.
        """
        name, colon, prefix = place.partition(":")
        if colon and name in self.stores:
            return self.stores[name], prefix
        if not colon or not name or "/" in name or os.path.lexists(place):
            return None
        raise NotFound(
            f"The configuration has no store '{name}'.",
            todo=_did_you_mean(name, self.stores)
            or f"Add [stores.{name}] to it; a directory of that name is ./{place}.",
        )


def configuration_path(explicit: str | None = None) -> Path:
    """Where the configuration is: as named, `POYA_CONFIG`, or the user's own."""
    named = explicit or os.environ.get("POYA_CONFIG")
    if named:
        return Path(named).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "poya" / "config.toml"


def state_directory() -> Path:
    """Where runs and locks live: `$XDG_STATE_HOME/poya`."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "poya"


def load_settings(explicit: str | None = None) -> Settings:
    """Read the configuration; a missing file at the usual place is an empty configuration.

    Raises:
        ConfigError: The file cannot be read or says something impossible.
    """
    path = configuration_path(explicit)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if explicit or os.environ.get("POYA_CONFIG"):
            raise ConfigError(f"There is no configuration at {path}.") from None
        return Settings(path, None, {})
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The configuration {path} cannot be read.", why=str(error)) from error
    try:
        return _settings(path, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML.", why=str(error)) from error


def set_current_site(settings: Settings, name: str | None) -> None:
    """Write `site = "name"` into the configuration, or take it out; comments stay.

    Raises:
        NotFound: The configuration has no such site.
        ConfigError: The file cannot be written.
    """
    if name is not None:
        settings.site(name)
    try:
        path = settings.path.resolve()  # what a link leads to is written, the link stays
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        changed = _with_current(text, name, path)
        temporary = path.with_name(f"{path.name}.new")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(changed, encoding="utf-8")
        temporary.chmod(0o600)
        temporary.replace(path)
    except OSError as error:
        raise ConfigError(f"{settings.path} cannot be written.", why=str(error)) from error


_CURRENT = re.compile(r"""^[ \t]*["']?site["']?[ \t]*=[ \t]*("[^"\n]*"|'[^'\n]*')""", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)


def _with_current(text: str, name: str | None, path: Path) -> str:
    table = _TABLE.search(text)
    current = _CURRENT.search(text, 0, table.start() if table else len(text))
    if current and name is not None:
        changed = f'{text[: current.start(1)]}"{name}"{text[current.end(1) :]}'
    elif current:
        line_end = text.find("\n", current.end()) + 1 or len(text)
        changed = text[: current.start()] + text[line_end:].removeprefix("\n")
    else:
        changed = text if name is None else f'site = "{name}"\n\n{text}'
    if tomllib.loads(changed).get("site") != name:
        raise ConfigError(
            f"{path} is written in a way that poya cannot change.",
            todo=f'Write site = "{name}" above its tables.' if name else "Take 'site' out of it.",
        )
    return changed


def _settings(path: Path, value: Mapping[str, Any]) -> Settings:
    _refuse_unknown(
        value, frozenset({"site", "sites", "stores", "transfer", "bundles"}), "the configuration"
    )
    sites = value.get("sites", {})
    if not isinstance(sites, dict):
        raise ConfigError("'sites' is not a table of sites.")
    base = path.parent
    read = {name: _site(name, table, base) for name, table in sites.items()}
    current = value.get("site")
    if current is not None and not isinstance(current, str):
        raise ConfigError("'site' is not the name of a site.")
    stores = read_stores(value.get("stores", {}), base)
    moving = read_transfer(value.get("transfer", {}))
    return Settings(path, current or None, read, stores, moving, read_identities(value, base))


def _site(name: str, table: object, base: Path) -> SiteSettings:
    where = f"[sites.{name}]"
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is not a table.")
    if not _SITE_NAME.fullmatch(name):
        raise ConfigError(f"'{name[:40]}' cannot be the name of a site.")
    _refuse_unknown(table, _SITE_KEYS, where)
    kind = _text(table, "kind", where) or "csm"
    if kind != "csm":
        raise ConfigError(f"{where}: poya knows no site of kind '{kind}'.", todo="Use 'csm'.")
    url = _text(table, "url", where)
    if not url or not re.match(r"https?://[^/]", url):
        raise ConfigError(
            f"{where} needs a url.", todo='url = "https://api.cmn.<system>.<domain>"'
        )
    return SiteSettings(
        name=name,
        url=url.rstrip("/"),
        kind=kind,
        ca=_path(table, "ca", where, base),
        proxy=_text(table, "proxy", where),
        tenant=_text(table, "tenant", where),
        s3_endpoint=_text(table, "s3_endpoint", where),
        allowed_s3_hosts=_texts(table.get("allowed_s3_hosts", []), f"{where} allowed_s3_hosts"),
        auth=read_auth(table.get("auth", {}), name, base),
        vcs=read_account(table.get("vcs"), f"[sites.{name}.vcs]", base, "crayvcs"),
        nexus=read_account(table.get("nexus"), f"[sites.{name}.nexus]", base, "admin"),
        kubernetes=read_kubernetes(table.get("kubernetes"), f"[sites.{name}.kubernetes]", base),
        services=_services(table.get("services", {}), where),
        bundles=read_bundles(table.get("bundles", {}), name, base),
        placement=read_placement(table.get("placement", {}), f"[sites.{name}.placement]"),
    )


def _services(table: object, where: str) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
        raise ConfigError(f"{where} services is not a table of URLs.")
    return {str(name): str(url).rstrip("/") for name, url in table.items()}
