# SPDX-License-Identifier: Apache-2.0
"""Every error that poya raises on purpose, split by who can act on it.

PoyaError
├── UsageError              2   the operator typed or configured something that cannot be
│   ├── ConfigError         2   the configuration file
│   └── NotFound            2   a named thing does not exist
├── FindingsRefuse         10   the plan has findings that refuse it
│   └── BundleUntrusted    10   nobody who is trusted vouches for a bundle
├── Conflict               11   the target holds something else under a name of ours
│   └── StalePlan          11   the target changed since the plan was made
├── StoppedPartWay         12   some steps are done, some are not; the run can be resumed
├── VerificationFailed     13   what was read back is not what was planned
├── Cancelled              14   the operator said no, or stopped it
├── Locked                 15   another run holds the lock
├── AuthenticationError    16   no token, an expired one, or one without the right
├── Unreachable            17   no usable answer came from the site
│   ├── CertificateError   17   the site's certificate is not signed by the configured CA
│   ├── ServiceFailure     17   the service answered 5xx
│   └── BadAnswer          17   the answer is not what the API promises
├── RequestRefused         11   the service answered 4xx to a request of ours
└── DataDamaged            13   bytes are not what their digest says
    ├── BundleDamaged      10   a bundle's file is missing, cut short or altered
    └── ImageUnreadable    13   a file of an image is not what its format says
        └── TooMuchToRead  13   looking into it would take more than the limits allow

Anything else that reaches the top is a bug of ours and exits with 70.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_BUG = 70


class PoyaError(Exception):
    """What happened, why (the evidence), and what the operator can do next.

    Attributes:
        what: One sentence with the names and values concerned.
        why: The evidence: what was answered, read or compared. May be empty.
        todo: The next action, with its precondition. May be empty.
        exit_code: The process's exit status when this error ends it.
    """

    exit_code: ClassVar[int] = EXIT_BUG

    def __init__(self, what: str, *, why: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.todo = todo

    def lines(self) -> list[str]:
        """The error as the operator reads it, one thought a line."""
        return [line for line in (self.what, self.why, self.todo) if line]


class UsageError(PoyaError):
    """The command line or the configuration asks for something that cannot be."""

    exit_code = 2


class ConfigError(UsageError):
    """The configuration file is missing something or says something impossible."""


class NotFound(UsageError):
    """A thing that was named does not exist where it was looked for."""


class FindingsRefuse(PoyaError):
    """At least one finding refuses the plan; nothing was written."""

    exit_code = 10


class BundleUntrusted(FindingsRefuse):
    """A bundle's signature is missing where it must be, or wrong, or by nobody who is trusted."""


class Conflict(PoyaError):
    """The target holds something else under a name that the plan wants."""

    exit_code = 11


class StalePlan(Conflict):
    """The target is no longer what the plan was made from."""


class StoppedPartWay(PoyaError):
    """Some steps are done and some are not; the run can be resumed or undone."""

    exit_code = 12


class VerificationFailed(PoyaError):
    """What was read back from the target is not what was planned."""

    exit_code = 13


class DataDamaged(PoyaError):
    """Bytes do not have the digest or size that they should have."""

    exit_code = 13


class BundleDamaged(DataDamaged):
    """A file of a bundle is missing, cut short or altered."""

    exit_code = 10


class ImageUnreadable(DataDamaged):
    """A file of a boot image cannot be understood, so nothing can be told of its contents."""


class TooMuchToRead(ImageUnreadable):
    """Looking into a file of a boot image would take more than the limits allow."""


class Cancelled(PoyaError):
    """The operator declined or interrupted."""

    exit_code = 14


class Locked(PoyaError):
    """Another run holds the lock."""

    exit_code = 15


class AuthenticationError(PoyaError):
    """The site did not accept who we are, or what we may do."""

    exit_code = 16


class Unreachable(PoyaError):
    """No usable answer came from the site."""

    exit_code = 17


class CertificateError(Unreachable):
    """The site's certificate is not signed by the CA configured for it."""


class ServiceFailure(Unreachable):
    """The service answered with a failure of its own (5xx)."""

    def __init__(self, what: str, *, status: int, why: str = "", todo: str = "") -> None:
        super().__init__(what, why=why, todo=todo)
        self.status = status


class BadAnswer(Unreachable):
    """The answer is not what the service's API promises (not JSON, wrong shape)."""


class RequestRefused(PoyaError):
    """The service refused a request (4xx other than 401, 403 and 404).

    Attributes:
        status: The HTTP status.
        detail: The service's own words.
    """

    exit_code = 11

    def __init__(
        self, what: str, *, status: int, detail: str = "", why: str = "", todo: str = ""
    ) -> None:
        super().__init__(what, why=why or detail, todo=todo)
        self.status = status
        self.detail = detail
