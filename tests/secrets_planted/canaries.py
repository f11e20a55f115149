"""Forty secrets, planted wherever poya meets any, and a search for every form of them."""

from __future__ import annotations

import base64
import secrets
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poya.lab.pytest_plugin import LabPair, TestSite

# As they lie in an operator's environment; none of them is poya's to show.
ENVIRONMENT = (
    "POYA_TOKEN_ELSEWHERE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "VAULT_TOKEN", "GITEA_PASSWORD", "OS_PASSWORD", "CLIENT_SECRET", "KRB5_PASSWORD",
    "SSH_KEY_PASSPHRASE", "PGPASSWORD", "NETRC_PASSWORD",
)  # fmt: skip
_SHORTEST = 8


@dataclass
class Canaries:
    """Secrets by where they were planted.

    Attributes:
        planted: What must appear nowhere.
        held: What is part of a document that has to be written to the target, or written back; it
            must appear nowhere but in the run's own secrets.
    """

    planted: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)

    def plant(self, where: str) -> str:
        """A new secret."""
        self.planted[where] = f"cnry{secrets.token_hex(12)}"
        return self.planted[where]

    def hold(self, where: str) -> str:
        """A new secret inside a document that is written back one day."""
        self.held[where] = f"cnry{secrets.token_hex(12)}"
        return self.held[where]

    def given_out(self, kind: str, secret: str) -> None:
        """A secret that a site made itself."""
        self.planted[f"{kind} number {len(self.planted)}"] = secret

    def found_in(self, texts: Mapping[str, bytes], *, held: bool) -> list[str]:
        """Where any of them shows, in whatever form; never says the secret itself."""
        wanted = {**self.planted, **(self.held if held else {})}
        return [
            f"{where} shows in {name}"
            for where, secret in wanted.items()
            if len(secret) >= _SHORTEST
            for name, text in texts.items()
            if any(form in text for form in _forms(secret))
        ]


def _forms(secret: str) -> set[bytes]:
    """As it is, in URLs, in hex, and in base64 wherever it begins within three bytes."""
    raw = secret.encode()
    forms = {raw, urllib.parse.quote(secret, safe="").encode(), raw.hex().encode()}
    for lead in range(3):
        encoded = base64.b64encode(bytes(lead) + raw)
        forms.add(encoded[4 if lead else 0 : len(encoded) // 4 * 4 - 4])
    return forms


def environment(canaries: Canaries) -> dict[str, str]:
    """An environment that is full of secrets."""
    return {name: canaries.plant(f"${name}") for name in ENVIRONMENT}


def plant_at(canaries: Canaries, pair: LabPair) -> None:
    """The sites' own accounts, and what their records hold."""
    for site in (pair.alps, pair.prealps):
        accounts = site.site.accounts
        canaries.planted |= {
            **{f"{site.name}: secret of {name}": s for name, s in accounts.clients.items()},
            **{f"{site.name}: password of {n}": u.password for n, u in accounts.users.items()},
            f"{site.name}: cluster token": accounts.cluster_token,
            f"{site.name}: Nexus password": accounts.nexus_password,
            f"{site.name}: DNS key": accounts.dns_key,
            f"{site.name}: git password": site.files.vcs_password.read_text().strip(),
        }
        _plant_boot_parameters(canaries, site)


def _plant_boot_parameters(canaries: Canaries, site: TestSite) -> None:
    """Cloud-init that gives passwords and keys away, and kernel parameters with tokens."""
    key = canaries.plant(f"{site.name}: private key in cloud-init")
    user_data = {
        "chpasswd": f"root:{canaries.plant(f'{site.name}: password in cloud-init')}",
        "ssh_keys": {"ed25519_private": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{key}\n-----END"},
    }
    parameters = site.site.state.boot_parameters
    for name, record in list(parameters.items()):
        token = canaries.plant(f"{site.name}: kernel parameter of {name}")
        changed = {
            **record,
            "params": f"{record.get('params', '')} ldap_password={token}",
            "cloud-init": {"meta-data": None, "user-data": user_data, "phone-home": {}},
        }
        parameters.put(name, changed)
        break


def documents(canaries: Canaries) -> list[tuple[str, str]]:
    """Clone URLs with logins in them, by where they lie in a configuration."""
    password = canaries.plant("password in a layer's clone URL")
    token = canaries.plant("token in a layer's clone URL")
    inventory = canaries.plant("password in the inventory's clone URL")
    return [
        ("layer", f"https://crayvcs:{password}@vcs.example.org/vcs/cray/x.git"),
        ("layer", f"https://oauth2:{token}@git.example.org/y.git"),
        ("inventory", f"https://me:{inventory}@git.example.org/inventory.git"),
    ]


def files_below(directories: Iterable[Path]) -> dict[str, bytes]:
    """Every file, by its path."""
    return {
        str(path): path.read_bytes()
        for directory in directories
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def record_of(state: Any, name: str) -> tuple[str, dict[str, Any]]:
    """A record of a lab site by the name that it has, and its key."""
    return next((key, record) for key, record in state.items() if record["name"] == name)
