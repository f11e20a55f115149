# SPDX-License-Identifier: Apache-2.0
"""One lab site, running in threads of this process: its gateway and its object store."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import unquote

from starlette.types import Receive, Scope, Send

from poya.lab.certificates import Certificates, certificates_in
from poya.lab.checkpoint import Checkpoint
from poya.lab.clock import SiteClock
from poya.lab.directory import SiteFiles, SiteSpec, kubeconfig, write_private
from poya.lab.faults import Fault
from poya.lab.gateway import build_gateway
from poya.lab.life.pace import Pace
from poya.lab.profiles import profile_of
from poya.lab.seed.bulk import Bulk, add_bulk
from poya.lab.seed.plant import Ground, is_planted, plant
from poya.lab.seed.sites import site_seed
from poya.lab.seed.twin import TwinPlan, plant_twin
from poya.lab.services.identity import Accounts, UserAccount
from poya.lab.site import LabSite, LoggedRequest
from poya.lab.state import SiteState
from poya.lab.storage.credentials import CredentialMint
from poya.lab.storage.front import S3Front
from poya.lab.storage.mishaps import PREFIX
from poya.lab.storage.objects import SiteObjects
from poya.lab.storage.server import Attendance, S3Server
from poya.lab.storage.signature import SignatureCheck
from poya.lab.vcs.gitea import vcs_app
from poya.lab.vcs.repositories import Repositories
from poya.lab.vcs.resolver import SiteGit
from poya.lab.web import GatewayServer, port_taken

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class RunningSite:
    """A site and its servers.

    Attributes:
        files: Where its content lies.
        ground: What its seed was laid into.
        spec: With the ports that it serves on.
        site: What its services work on; a reset replaces it.
        clock: The site's clocks.
    """

    ground: Ground
    site: LabSite

    def __init__(self, spec: SiteSpec, files: SiteFiles, *, in_memory: bool = False) -> None:
        """Assemble the site, laying its seed if it has none; nothing is served before `start`.

        Args:
            spec: What to run.
            files: Where its content lies.
            in_memory: Records end with the process, and `reset` works.

        Raises:
            UsageError: A port is taken, or the release is unknown.
        """
        self.files = files
        files.make()
        certificates = certificates_in(files.directory, spec.name)
        ground = _ground(spec, files, in_memory=in_memory)
        self.ground = replace(ground, authority=certificates.ca.read_bytes())
        self.clock = SiteClock()
        self.ground.objects.mint.now_s = self.clock.wall_s
        self._git = _git(spec, files, self.ground.repositories)
        _plant_once(spec, files, self.ground)
        self._checkpoint = (
            Checkpoint(self.ground, files.directory / "repositories-as-seeded")
            if in_memory
            else None
        )
        self._gateway = GatewayServer(self._serve, spec.gateway_port, certificates)
        self._store = self._store_server(spec.s3_port, certificates)
        self.spec = replace(spec, gateway_port=self._gateway.port, s3_port=self._store.port)
        self.ground.objects.endpoint_url = spec.sts_endpoint or self.spec.s3_endpoint
        self._git.url = self.spec.url
        write_private(files.kubeconfig, kubeconfig(self.spec, files))
        self._take(self.ground.state)

    def start(self) -> None:
        """Begin to serve."""
        self._store.start()
        self._gateway.start()

    def stop(self) -> None:
        """Stop serving and let go of the files."""
        self._gateway.stop()
        self._store.stop()
        self.site.state.close()
        self.ground.objects.close()

    def reset(self) -> None:
        """Go back to the seed: records, objects, repositories, no faults, an empty log."""
        if self._checkpoint is None:
            raise AssertionError("only a site whose records are in memory can be reset")
        self.site.state.close()
        self.clock.skew_s = self.clock.ahead_s = 0.0
        self.ground = replace(self.ground, state=self._checkpoint.restore())
        self._take(self.ground.state)

    def _store_server(self, port: int, certificates: Certificates) -> S3Server:
        objects = self.ground.objects
        front = S3Front(objects.backend, SignatureCheck(objects.mint))
        attendance = Attendance(self._observe, self._strike, self._number)
        try:
            return S3Server(front, port, certificates.server_context(), attendance)
        except OSError as error:
            raise port_taken(port, error) from error

    def _take(self, state: SiteState) -> None:
        files, git = self.files, self._git
        self.site = LabSite(
            name=self.spec.name,
            system=git.system,
            domain=git.domain,
            profile=self.ground.profile,
            state=state,
            objects=self.ground.objects,
            git=git,
            accounts=_accounts(files),
            clock=self.clock.now_s,
            wall_clock=self.clock.wall_s,
            clocks=self.clock,
            pace=Pace(self.spec.pace),
            vcs_app=vcs_app(
                self.ground.repositories, git.password, f"https://vcs.cmn.{git.domain}/vcs"
            ),
        )
        self._app = build_gateway(self.site)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def _strike(self, method: str, path: str) -> Fault | None:
        return self.site.faults.strike(method, path)

    def _number(self) -> int:
        return self.site.requests.take_number()

    def _observe(self, number: int, method: str, target: str, status: int, fault: str) -> None:
        path, _, query = target.partition("?")
        self.site.requests.add(
            LoggedRequest(
                number=number,
                method=method,
                path=PREFIX + unquote(path),
                query=query,
                status=status,
                service="s3",
                mutating=method not in _READING,
                fault=fault,
            )
        )


def _ground(spec: SiteSpec, files: SiteFiles, *, in_memory: bool) -> Ground:
    profile = profile_of(spec.release)
    files.make()
    state_path, objects_path, repositories_path = files.contents
    mint = CredentialMint(files.secret(files.s3_seed).encode())
    state = SiteState.in_memory() if in_memory else SiteState.open(state_path)
    objects = SiteObjects(objects_path, spec.name, mint)
    return Ground(state, objects, Repositories(repositories_path), profile)


def _accounts(files: SiteFiles) -> Accounts:
    return Accounts(
        clients={"admin-client": files.secret(files.client_secret)},
        users={"operator": UserAccount(files.secret(files.user_password))},
        cluster_token=files.secret(files.cluster_token),
        vcs_password=files.secret(files.vcs_password),
        nexus_password=files.secret(files.nexus_password),
        dns_key=files.secret(files.dns_key),
    )


def _git(spec: SiteSpec, files: SiteFiles, repositories: Repositories) -> SiteGit:
    password = files.secret(files.vcs_password)
    return SiteGit(spec.name, spec.domain_name, files.ca, password, repositories)


def _plant_once(spec: SiteSpec, files: SiteFiles, ground: Ground) -> None:
    if is_planted(ground.state):
        return
    # whatever is there was left by a start that did not come to its end
    ground.objects.restore([])
    ground.repositories.clear()
    if files.twin.exists():
        plan = json.loads(files.twin.read_text())
        plant_twin(TwinPlan(**plan), ground)
        return
    seed = site_seed(spec.name, spec.image_bytes)
    with ground.state.transaction():
        plant(seed, ground)
        add_bulk(ground, Bulk(**spec.bulk), seed.domain)
