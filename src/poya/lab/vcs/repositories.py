# SPDX-License-Identifier: Apache-2.0
"""Bare repositories of a site and their seed, whose commits are the same wherever it is laid."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from poya.lab.vcs.running import git_now

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DECLARED = "poya-declared.json"
_PROTECTED = "cray/"
# run by git for every branch that a push changes: name, old and new commit
_UPDATE_HOOK = """#!/bin/sh
case "$1 $2" in
refs/heads/cray/*" "*[!0]*)
    echo "Gitea: Not allowed to push to protected branch ${1#refs/heads/}" >&2
    exit 1 ;;
esac
"""
_AUTHOR = "Site Operations <ops@example.org>"
_FIRST_COMMIT_S = 1_687_341_600
_BETWEEN_COMMITS_S = 5_400


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of a seed: it changes `files` on `branch`.

    Attributes:
        start: The branch that a new branch starts from; the first commit of all has none.
    """

    branch: str
    message: str
    files: Mapping[str, str]
    start: str | None = None


@dataclass(frozen=True, slots=True)
class SeedRepository:
    """A repository as the lab lays it: `<org>/<name>` and its commits in order."""

    org: str
    name: str
    commits: tuple[Commit, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """What is known by name only of a repository of a twin: git has nothing of it.

    Attributes:
        branches: The commit at the head of each.
        commits: Commits that are there.
    """

    branches: Mapping[str, str] = field(default_factory=dict)
    commits: frozenset[str] = frozenset()


class Repositories:
    """The bare repositories below one directory: `<org>/<name>.git`."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root

    def path(self, org: str, name: str) -> Path | None:
        """Where a repository lies; None if there is none or the name is not one."""
        if not (_NAME.fullmatch(org) and _NAME.fullmatch(name)):
            return None
        found = self.root / org / f"{name.removesuffix('.git')}.git"
        return found if found.is_dir() else None

    def names(self, org: str) -> list[str]:
        """The repositories of an organisation, sorted."""
        if not _NAME.fullmatch(org):
            return []
        return sorted(path.name.removesuffix(".git") for path in (self.root / org).glob("*.git"))

    def create(self, org: str, name: str) -> Path:
        """Make an empty repository that takes pushes.

        Raises:
            ValueError: The name is not one.
        """
        if not (_NAME.fullmatch(org) and _NAME.fullmatch(name)):
            raise ValueError(f"{org}/{name} is not a name of a repository")
        path = self.root / org / f"{name}.git"
        path.mkdir(parents=True)
        git_now("init", "--quiet", "--bare", "--initial-branch=main", directory=path)
        git_now("config", "http.receivepack", "true", directory=path)
        git_now("config", "uploadpack.allowAnySHA1InWant", "true", directory=path)
        shutil.rmtree(path / "hooks")
        (path / "hooks").mkdir()
        hook = path / "hooks" / "update"
        hook.write_text(_UPDATE_HOOK)
        hook.chmod(0o755)
        return path

    def create_organisation(self, name: str) -> bool:
        """Make room for repositories of an organisation; False if there is one of that name.

        Raises:
            ValueError: The name is not one.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name} is not a name of an organisation")
        try:
            (self.root / name).mkdir()
        except FileExistsError:
            return False
        return True

    def seed(self, repositories: Iterable[SeedRepository]) -> None:
        """Lay repositories that are not there yet."""
        for repository in repositories:
            if self.path(repository.org, repository.name) is None:
                path = self.create(repository.org, repository.name)
                stream = _stream(repository.commits)
                git_now("fast-import", "--quiet", directory=path, stdin=stream)

    def declare(
        self, org: str, name: str, branches: Mapping[str, str], commits: Iterable[str]
    ) -> None:
        """Make an empty repository of which some commits are known by name."""
        path = self.path(org, name) or self.create(org, name)
        known = {"branches": dict(branches), "commits": sorted({*commits, *branches.values()})}
        (path / _DECLARED).write_text(json.dumps(known))

    def declared(self, org: str, name: str) -> Declared:
        """What is known of a repository by name only; of most, nothing."""
        path = self.path(org, name)
        if path is None or not (path / _DECLARED).exists():
            return Declared()
        known = json.loads((path / _DECLARED).read_text())
        return Declared(known["branches"], frozenset(known["commits"]))

    def clear(self) -> None:
        """Remove every repository."""
        shutil.rmtree(self.root)
        self.root.mkdir()

    def commit(self, org: str, name: str, branch: str) -> str:
        """The commit at the head of a branch, 40 hex digits."""
        output = git_now(
            "rev-parse", f"refs/heads/{branch}", directory=self.root / org / f"{name}.git"
        )
        return output.decode().strip()


def is_protected(branch: str) -> bool:
    """Whether a branch is protected: cf-gitea-import protects those that it brings."""
    return branch.startswith(_PROTECTED)


def _stream(commits: Iterable[Commit]) -> bytes:
    """The commits in the language of git fast-import; nothing in it depends on when or where."""
    lines: list[str] = []
    for number, commit in enumerate(commits):
        when = _FIRST_COMMIT_S + number * _BETWEEN_COMMITS_S
        lines.append(f"commit refs/heads/{commit.branch}\n")
        lines.append(f"committer {_AUTHOR} {when} +0000\n")
        lines.append(_data(commit.message))
        if commit.start:
            lines.append(f"from refs/heads/{commit.start}\n")
        for path, text in commit.files.items():
            lines.append(f"M 100644 inline {path}\n{_data(text)}")
    return "".join(lines).encode()


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
