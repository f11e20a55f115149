# SPDX-License-Identifier: Apache-2.0
"""Since when a service can do what: its own version decides, the CSM release is for people.

Fixes are backported, so a release's number says too little; a version of a service is what it
knows. Read from the services' changelogs, specifications and manifests.
"""

from __future__ import annotations

from dataclasses import dataclass

from poya.csm.versions import Version
from poya.errors import UsageError


@dataclass(frozen=True, slots=True)
class Since:
    """The first version of a service that can do something, and the CSM release it came with.

    Attributes:
        backport: The first version of an older line (same major and minor) that can, too.
    """

    version: Version
    release: str
    backport: Version | None = None

    def is_met_by(self, found: Version) -> bool:
        """Whether a service of this version can do it."""
        line = self.backport
        is_backported = line is not None and found[:2] == line[:2] and found >= line
        return found >= self.version or is_backported


CFS_DESCRIPTION = Since(Version(1, 12), "1.4")
CFS_V3 = Since(Version(1, 17), "1.5")
CFS_SOURCE_RESTORE = Since(Version(1, 23), "1.7", backport=Version(1, 18, 14))
CFS_TENANTS = Since(Version(1, 26), "1.7")
IMS_ARCH = Since(Version(3, 9), "1.5")
IMS_REMOTE_BUILD_NODES = Since(Version(3, 11), "1.5")
IMS_REMOTE_BUILD_STATUS = Since(Version(3, 16), "1.6")
IMS_METADATA = Since(Version(3, 16), "1.6")
BOS_TENANTS = Since(Version(2, 2), "1.5")
BOS_ARCH = Since(Version(2, 5), "1.5")
BOS_SBPS = Since(Version(2, 14), "1.6")
BOS_ARCH_CHECK = Since(Version(2, 29), "1.6")
BOS_PAGES = Since(Version(2, 32), "1.7")
BOS_WITHOUT_CPS = Since(Version(2, 45), "1.7")

# IMS's version at the start of each release.
_IMS_OF_RELEASE = (
    (Version(3, 24), "1.7"),
    (Version(3, 16), "1.6"),
    (Version(3, 9), "1.5"),
    (Version(3, 8), "1.4"),
    (Version(3, 0), "1.3"),
)


class NeedsRelease(UsageError):
    """The site's CSM cannot do what was asked; nothing was sent.

    Attributes:
        release: The CSM release that it needs, as `1.5`.
    """

    def __init__(self, what: str, site: str, release: str, found: str = "") -> None:
        super().__init__(
            f"{what} needs CSM {release}, which {site} does not have.",
            why=f"{site} has {found}." if found else "",
        )
        self.release = release


def require(found: Version, since: Since, what: str, site: str, service: str) -> None:
    """Return if a service is new enough.

    Raises:
        NeedsRelease: It is older.
    """
    if not since.is_met_by(found):
        raise NeedsRelease(what, site, since.release, f"{service} {found}")


def release_of(ims_version: Version) -> str:
    """The CSM release that an IMS of this version came with: a guess, for people only."""
    found = (release for since, release in _IMS_OF_RELEASE if ims_version >= since)
    return next(found, "unknown")
