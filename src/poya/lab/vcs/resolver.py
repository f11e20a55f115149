# SPDX-License-Identifier: Apache-2.0
"""The git server as CFS uses it: what a branch means, asked over HTTPS as CFS clones."""

from __future__ import annotations

import base64
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from poya.lab.ports import GitFailed
from poya.lab.vcs.repositories import Declared, Repositories
from poya.lab.vcs.running import git


@dataclass(slots=True)
class SiteGit:
    """Resolves branches at one site (`LabGit`).

    Attributes:
        system: The system's name.
        domain: The site's domain (`alps.example.org`).
        ca: The CA of the site's gateway.
        password: Of the user `crayvcs`.
        repositories: For what is known of commits by name only, at a site that is a twin.
        url: The gateway's address, set as soon as its port is known.
    """

    system: str
    domain: str
    ca: Path
    password: str = field(repr=False)
    repositories: Repositories
    url: str = ""

    async def resolve_branch(self, clone_url: str, branch: str) -> str:
        """Return the commit that `git checkout` of `branch` comes to in a clone over HTTPS.

        CFS clones, checks out and asks for HEAD: tags and commits, abbreviated too, do as well.

        Raises:
            GitFailed: No such host at this site, no such repository, or no such branch.
        """
        url = self._reachable(clone_url)
        known = self._declared(url).branches.get(branch)
        if known:
            return known
        with tempfile.TemporaryDirectory(prefix="poya-lab-clone-") as directory:
            place = Path(directory)
            status, _, complaints = await git(
                *("clone", "--quiet", "--bare", "--end-of-options", url, "."),
                directory=place,
                extra=self._environment(),
            )
            if status:
                raise GitFailed(complaints.replace(self.url, "https://…"))
            wanted = f"{branch}^{{commit}}"
            status, output, _ = await git(
                *("rev-parse", "--quiet", "--verify", "--end-of-options", wanted),
                directory=place,
                extra=self._environment(),
            )
        if status:
            raise GitFailed(f"warning: Could not find remote branch {branch} to clone.")
        return output.decode().split()[-1]

    async def require_commit(self, clone_url: str, commit: str) -> None:
        """Fetch a commit over HTTPS, as shallow as can be.

        Raises:
            GitFailed: No such host at this site, no such repository, or no such commit.
        """
        url = self._reachable(clone_url)
        if commit in self._declared(url).commits:
            return
        with tempfile.TemporaryDirectory(prefix="poya-lab-clone-") as directory:
            place = Path(directory)
            await git("init", "--quiet", "--bare", ".", directory=place)
            status, _, complaints = await git(
                *("fetch", "--quiet", "--depth=1", "--end-of-options", url, commit),
                directory=place,
                extra=self._environment(),
            )
        if status:
            raise GitFailed(complaints.replace(self.url, "https://…") or f"no commit {commit}")

    def _declared(self, url: str) -> Declared:
        org, _, name = urlsplit(url).path.removeprefix("/vcs/").partition("/")
        return self.repositories.declared(org, name)

    def _reachable(self, clone_url: str) -> str:
        parts = urlsplit(clone_url)
        if parts.scheme != "https" or parts.netloc not in self._own_names():
            raise GitFailed(
                f"fatal: unable to access '{clone_url}': Could not resolve host: {parts.hostname}"
            )
        return f"{self.url}{parts.path}"

    def _own_names(self) -> set[str]:
        names = {f"vcs.cmn.{self.domain}", f"vcs.cmn.{self.system}.{self.domain}"}
        names |= {f"api.cmn.{self.domain}", f"api.nmnlb.{self.domain}", f"vcs.{self.domain}"}
        return names | {"api-gw-service-nmn.local", urlsplit(self.url).netloc}

    def _environment(self) -> dict[str, str]:
        # in the environment, not among the arguments, where every user could read it
        secret = base64.b64encode(f"crayvcs:{self.password}".encode()).decode()
        return {
            "GIT_SSL_CAINFO": str(self.ca),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {secret}",
        }
