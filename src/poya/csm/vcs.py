# SPDX-License-Identifier: Apache-2.0
"""The site's Gitea (VCS, `/vcs/api/v1`): do repositories, branches and commits exist?"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from poya.csm.http.calls import params_of, path_of
from poya.csm.http.channel import Channel
from poya.csm.records import R, Record, record_of, records_of
from poya.csm.versions import Version
from poya.documents import JsonObject
from poya.errors import BadAnswer, NotFound, UsageError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_API = "/api/v1"
_PER_PAGE = 50
_MOST_PAGES = 10_000


class Repository(Record, frozen=True):
    """A repository."""

    full_name: str
    clone_url: str = ""
    default_branch: str = ""
    private: bool = False
    empty: bool = False


class BranchCommit(msgspec.Struct, frozen=True):
    """The commit at the head of a branch."""

    id: str


class TagCommit(msgspec.Struct, frozen=True):
    """The commit that a tag names."""

    sha: str


class Branch(Record, frozen=True):
    """A branch and the commit at its head.

    Attributes:
        protected: Whether Gitea lets nobody push to it, as product branches are.
    """

    name: str
    commit: BranchCommit
    protected: bool = False


class Tag(Record, frozen=True):
    """A tag and the commit that it names."""

    name: str
    commit: TagCommit


class Vcs:
    """The Gitea of one site, by its own account: it does not take the bearer token."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def repository(self, owner: str, name: str) -> Repository:
        """One repository.

        Raises:
            NotFound: There is none, or the account may not see it.
        """
        return record_of(Repository, await self._channel.get(_repository(owner, name)))

    async def repositories(self, owner: str) -> tuple[Repository, ...]:
        """The repositories of an organisation that the account may see, all pages.

        Raises:
            NotFound: There is no such organisation.
        """
        return await self._pages(Repository, f"{_API}/orgs{path_of(owner)}/repos")

    async def branches(self, owner: str, name: str) -> tuple[Branch, ...]:
        """The branches of a repository, all pages.

        Raises:
            NotFound: There is no such repository.
        """
        return await self._pages(Branch, f"{_repository(owner, name)}/branches")

    async def tags(self, owner: str, name: str) -> tuple[Tag, ...]:
        """The tags of a repository, all pages.

        Raises:
            NotFound: There is no such repository.
        """
        return await self._pages(Tag, f"{_repository(owner, name)}/tags")

    async def file(self, owner: str, name: str, path: str, *, ref: str) -> bytes:
        """The content of one file at a branch, tag or commit.

        Raises:
            NotFound: There is no such file, reference or repository.
        """
        where = f"{_repository(owner, name)}/raw{_branch(path)}"
        return (await self._channel.get(where, params_of({"ref": ref}))).body

    async def delete_repository(self, owner: str, name: str) -> None:
        """Delete a repository with everything in it.

        Raises:
            NotFound: There is none, or the account may not see it.
        """
        await self._channel.delete(_repository(owner, name))

    async def _pages(self, kind: type[R], path: str) -> tuple[R, ...]:
        """Every page of a list: the first empty one ends it, however short Gitea keeps them."""
        found: list[R] = []
        for page in range(1, _MOST_PAGES + 1):
            params = params_of({"page": page, "limit": _PER_PAGE})
            answer = await self._channel.get(path, params)
            rows = answer.rows()
            if not rows:
                return tuple(found)
            found += records_of(kind, rows, answer)
            if answer.total is not None and len(found) >= answer.total:
                return tuple(found)
        raise BadAnswer(f"Gitea of {self._channel.site} has no last page of {path}.")

    async def create_repository(self, owner: str, name: str) -> Repository:
        """Create an empty, private repository of an organisation.

        Raises:
            RequestRefused: With status 409 if there is one.
        """
        path = f"{_API}/orgs{path_of(owner)}/repos"
        body: JsonObject = {"name": name, "private": True, "auto_init": False}
        return record_of(Repository, await self._channel.post(path, body))

    async def commit_exists(self, owner: str, name: str, commit: str) -> bool:
        """Whether a repository holds a commit.

        Args:
            owner: The organisation, as `cray`.
            name: The repository, without `.git`.
            commit: 40 hex digits.

        Raises:
            NotFound: The repository itself is not there.
            UsageError: `commit` is no full commit id.
        """
        if not _COMMIT.fullmatch(commit):
            raise UsageError(f"{commit!r} is no commit id of 40 hex digits.")
        try:
            await self._channel.get(f"{_repository(owner, name)}/git/commits/{commit}")
        except NotFound:
            await self.repository(owner, name)  # or it is the repository that is missing
            return False
        return True

    async def branch_head(self, owner: str, name: str, branch: str) -> str | None:
        """The commit at the head of a branch; None if the repository has no such branch.

        Raises:
            NotFound: The repository itself is not there.
        """
        path = f"{_repository(owner, name)}/branches{_branch(branch)}"
        try:
            answer = await self._channel.get(path)
        except NotFound:
            await self.repository(owner, name)
            return None
        return record_of(Branch, answer).commit.id

    async def version(self) -> Version:
        """Gitea's version (`GET /version`).

        Raises:
            BadAnswer: It does not say one.
        """
        answer = await self._channel.get(f"{_API}/version")
        version = Version.parse(f"{answer.document().value.get('version')}")
        if version is None:
            raise answer.bad("It holds no version.")
        return version


def repository_of(clone_url: str) -> tuple[str, str]:
    """Owner and name of the repository that a URL clones: `…/vcs/cray/x.git` is (cray, x).

    Raises:
        UsageError: The URL does not end in an owner and a name.
    """
    parts = [part for part in urlsplit(clone_url).path.split("/") if part]
    if len(parts) < 2:  # noqa: PLR2004
        raise UsageError("A repository's URL must end in an owner and a name.")
    return parts[-2], parts[-1].removesuffix(".git")


def _repository(owner: str, name: str) -> str:
    return f"{_API}/repos{path_of(owner, name)}"


def _branch(branch: str) -> str:
    """Branch names hold slashes, and Gitea takes them as they are."""
    return path_of(*branch.split("/"))
