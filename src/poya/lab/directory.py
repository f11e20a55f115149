# SPDX-License-Identifier: Apache-2.0
"""Where a lab keeps what: the sites it has, their ports and secrets, the operator's configuration.

DIR/lab.json        the sites, their releases and ports
DIR/config.toml     a poya configuration that names them (0600)
DIR/<site>/         ca.pem, kubeconfig, client-secret, user-password, vcs-password,
                    nexus-password, log, and the site's records, objects and repositories
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from poya.errors import ConfigError, UsageError

LOOPBACK = "127.0.0.1"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """One site of a lab.

    Attributes:
        release: The CSM release that it emulates.
        gateway_port, s3_port: On loopback; 0 lets the system choose.
        image_bytes: About the size of the largest root file system of the seed.
        domain: `<system>.<site domain>`; empty: one of the lab's own.
        bulk: How many nodes, images, configurations and templates without meaning to add.
        pace: How many times faster things happen than at a real site.
        sts_endpoint: What STS names as the object store; empty: its reachable address. Real
            sites may name a host that only they can resolve.
    """

    name: str
    release: str
    gateway_port: int = 0
    s3_port: int = 0
    image_bytes: int = 24 * 1024 * 1024
    sts_endpoint: str = ""
    pace: float = 60.0
    domain: str = ""
    bulk: dict[str, int] = field(default_factory=dict)

    @property
    def domain_name(self) -> str:
        """The site's domain."""
        return self.domain or f"{self.name}.example.org"

    @property
    def url(self) -> str:
        """The gateway's address."""
        return f"https://{LOOPBACK}:{self.gateway_port}"

    @property
    def s3_endpoint(self) -> str:
        """The object store's address."""
        return f"https://{LOOPBACK}:{self.s3_port}"


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """The files of one site."""

    directory: Path

    @property
    def ca(self) -> Path:
        """The certificate that operators trust."""
        return self.directory / "ca.pem"

    @property
    def client_secret(self) -> Path:
        """The secret of the service account `admin-client`."""
        return self.directory / "client-secret"

    @property
    def user_password(self) -> Path:
        """The password of the administrator `operator`."""
        return self.directory / "user-password"

    @property
    def vcs_password(self) -> Path:
        """The password of `crayvcs`."""
        return self.directory / "vcs-password"

    @property
    def cluster_token(self) -> Path:
        """What the site's Kubernetes API takes."""
        return self.directory / "cluster-token"

    @property
    def nexus_password(self) -> Path:
        """The password of `admin` at the site's Nexus."""
        return self.directory / "nexus-password"

    @property
    def kubeconfig(self) -> Path:
        """For kubectl, and for whoever makes tenants."""
        return self.directory / "kubeconfig"

    @property
    def s3_seed(self) -> Path:
        """What the site's temporary credentials are made from."""
        return self.directory / "s3-seed"

    @property
    def log(self) -> Path:
        """What the site's process has to say."""
        return self.directory / "log"

    @property
    def twin(self) -> Path:
        """What a twin is made of; other sites have none."""
        return self.directory / "twin.json"

    @property
    def dns_key(self) -> Path:
        """The key of the site's PowerDNS."""
        return self.directory / "dns-key"

    @property
    def lock(self) -> Path:
        """Held by the site's process as long as it lives; holds its process id."""
        return self.directory / "lock"

    @property
    def outcome(self) -> Path:
        """How the start of the site's process ended."""
        return self.directory / "outcome.json"

    @property
    def contents(self) -> tuple[Path, Path, Path]:
        """Records, objects and repositories: what a reset starts anew."""
        root = self.directory / "content"
        return root / "state.sqlite", root / "objects", root / "repositories"

    def secret(self, path: Path) -> str:
        """Read a secret of the site, making it up at the first time."""
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24) + "\n")
        return path.read_text().strip()

    def make(self) -> None:
        """Make the directories.

        Raises:
            UsageError: They cannot be made.
        """
        try:
            self.contents[0].parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"The lab cannot keep its files in {self.directory.parent}.",
                why=f"{error}",
                todo="Give another directory with --dir.",
            ) from error


def is_lab(directory: Path) -> bool:
    """Whether a lab keeps its files in `directory`."""
    return (directory / "lab.json").exists()


def load(directory: Path) -> list[SiteSpec]:
    """The sites of the lab in `directory`; none if it has never been up.

    Raises:
        ConfigError: `lab.json` cannot be read.
    """
    path = directory / "lab.json"
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text())
        return [SiteSpec(**site) for site in content["sites"]]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ConfigError(
            f"{path} cannot be read.", why=f"{error}", todo="Remove the directory to start anew."
        ) from error


def save(directory: Path, sites: Iterable[SiteSpec]) -> None:
    """Write `lab.json` and, if the sites changed or it is missing, `config.toml`."""
    listed = list(sites)
    config = directory / "config.toml"
    if config.exists() and listed == load(directory):
        return  # the operator may have chosen another current site in it
    content = {"format": _FORMAT, "sites": [asdict(site) for site in listed]}
    write_private(directory / "lab.json", json.dumps(content, indent=2) + "\n")
    write_private(config, configuration(directory, listed))


def configuration(directory: Path, sites: Iterable[SiteSpec]) -> str:
    """A poya configuration that names these sites; the first is the one in use."""
    listed = list(sites)
    lines = [f"site = {_quoted(listed[0].name)}"] if listed else []
    for site in listed:
        files = SiteFiles(directory / site.name)
        lines += [
            "",
            f"[sites.{site.name}]",
            'kind = "csm"',
            f"url = {_quoted(site.url)}",
            f"ca = {_quoted(files.ca)}",
            f"s3_endpoint = {_quoted(site.s3_endpoint)}",
            f"[sites.{site.name}.auth]",
            'method = "client-credentials"',
            'client_id = "admin-client"',
            f"client_secret_file = {_quoted(files.client_secret)}",
            f"[sites.{site.name}.vcs]",
            'username = "crayvcs"',
            f"password_file = {_quoted(files.vcs_password)}",
            f"[sites.{site.name}.nexus]",
            'username = "admin"',
            f"password_file = {_quoted(files.nexus_password)}",
            f"[sites.{site.name}.kubernetes]",
            f"url = {_quoted(site.url + '/k8s')}",
            f"ca = {_quoted(files.ca)}",
            f"token_file = {_quoted(files.cluster_token)}",
            f"# PowerDNS: {site.url}/pdns, its key in {files.dns_key}",
        ]
    return "\n".join(lines) + "\n"


def kubeconfig(site: SiteSpec, files: SiteFiles) -> str:
    """A kubeconfig of the site's cluster (JSON is YAML)."""
    cluster = {"server": f"{site.url}/k8s", "certificate-authority": str(files.ca)}
    token = files.secret(files.cluster_token)
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": site.name, "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": site.name, "context": {"cluster": site.name, "user": "admin"}}],
        "current-context": site.name,
    }
    return json.dumps(content, indent=2) + "\n"


def _quoted(text: object) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    partial = path.with_name(path.name + ".part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as output:
        output.write(text)
    partial.replace(path)


def free_ports(count: int) -> list[int]:
    """Ports on loopback that are free now, all different."""
    held = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def ports_free(*ports: int) -> bool:
    """Whether nobody listens on any of these ports on loopback."""
    for port in ports:
        try:
            socket.create_server((LOOPBACK, port)).close()
        except OSError:
            return False
    return True
