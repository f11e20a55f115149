# SPDX-License-Identifier: Apache-2.0
"""Debian packages fetched and unpacked without root: apt with lists of its own, and dpkg-deb."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poya.errors import PoyaError

_UPDATE_TIMEOUT_S = 120
_FETCH_TIMEOUT_S = 240
_SHOWN_CHARS = 400


class PackagesUnavailable(PoyaError):
    """The packages or the tools that an image is made with cannot be had on this machine."""


@dataclass(frozen=True, slots=True)
class Apt:
    """Apt as an ordinary user may run it: the machine's sources and keys, lists of our own.

    Attributes:
        directory: Where lists and packages are kept; made when absent.
    """

    directory: Path

    def update(self) -> str:
        """Read the package lists anew; answers what apt complained about, on one line.

        One source that fails matters only to the packages that it alone has.

        Raises:
            PackagesUnavailable: This machine has no apt-get, or it does not end.
        """
        (self.directory / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        update = ("apt-get", "update", "-q")
        return _words(self._apt(*update, timeout_s=_UPDATE_TIMEOUT_S, check=False).stderr)

    def dependency(self, package: str, pattern: str) -> str | None:
        """The first dependency of `package` that matches `pattern`; None if there is none."""
        depends = self._apt("apt-cache", "depends", "--important", package, check=False).stdout
        names = re.findall(r"^[ |]*Depends: (\S+)$", depends, re.MULTILINE)
        return next((name for name in names if re.fullmatch(pattern, name)), None)

    def unpack(self, package: str) -> Path:
        """Download a package and unpack it; answers the directory that holds its files.

        Raises:
            PackagesUnavailable: The sources do not have it or cannot be reached.
        """
        downloads = self.directory / "downloads" / package
        downloads.mkdir(parents=True)
        self._apt("apt-get", "download", "-q", package, cwd=downloads, timeout_s=_FETCH_TIMEOUT_S)
        archive = next(downloads.glob("*.deb"), None)
        if archive is None:
            raise PackagesUnavailable(f"apt-get said that it fetched {package}, and left no file.")
        files = self.directory / "files" / package
        files.mkdir(parents=True)
        run(["dpkg-deb", "-x", str(archive), str(files)])
        return files

    def _apt(
        self,
        *command: str,
        cwd: Path | None = None,
        timeout_s: int = 60,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        options = {
            "Dir::State::lists": str(self.directory / "lists"),
            "Dir::Cache": str(self.directory),
            # Root's apt would drop to a user that cannot write here.
            "APT::Sandbox::User": "root",
            "Acquire::Retries": "1",
            "Acquire::http::Timeout": "20",
            "Acquire::https::Timeout": "20",
        }
        tool, *words = command
        flags = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        return run([tool, *flags, *words], cwd=cwd, timeout_s=timeout_s, check=check)


def run(
    command: Sequence[str], *, cwd: Path | None = None, timeout_s: float = 120, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a tool in the C locale and answer what it printed.

    Raises:
        PackagesUnavailable: The tool is missing, does not end, or (with `check`) fails.
    """
    tool = command[0]
    environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise PackagesUnavailable(
            f"{tool} is not installed.", todo=f"Install the Debian package that holds {tool}."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise PackagesUnavailable(f"{tool} did not end within {timeout_s} s.") from error
    if check and done.returncode:
        raise PackagesUnavailable(f"{tool} {command[-1]} failed.", why=_words(done.stderr))
    return done


def _words(complaint: str) -> str:
    return " ".join(complaint.split())[-_SHOWN_CHARS:]
