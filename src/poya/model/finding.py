# SPDX-License-Identifier: Apache-2.0
"""What a check found: typed, graded, collected before the first write."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from poya.model.secrets import masked_text

Severity: TypeAlias = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")

# What ids begin with, by what they are about, in the order in which an operator cares: whether
# anything can be done at all, whether the source is whole, whose nodes, what they boot.
_AREAS: tuple[tuple[str, ...], ...] = (
    ("token-", "clock-", "bucket-", "certificate-", "uploads-"),
    ("secret-", "template-", "image-", "manifest-", "artifact-", "source-gone", "group-gone"),
    ("node-", "partition-", "boot-set-"),
    ("arch-", "rootfs-", "initrd-", "kernel-", "target-ca-", "site-"),
)


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing that the operator should know before anything is written.

    Attributes:
        id: Stable, names the kind of finding (`node-unknown`).
        severity: `critical` refuses the plan, `warning` must be accepted, `info` is told.
        subject: The entity concerned (`HSM group gele`).
        message: What is the matter, one sentence.
        evidence: What was read that shows it.
        remedy: What the operator can do.
    """

    id: str
    severity: Severity
    subject: str
    message: str
    evidence: str = ""
    remedy: str = ""

    @property
    def page(self) -> str:
        """Where the documentation explains it."""
        return f"docs/findings.md#{self.id}"

    def masked(self) -> Finding:
        """The finding without any secret that stands in what was read."""
        texts = (self.subject, self.message, self.evidence, self.remedy)
        clean = tuple(masked_text(text) for text in texts)
        return self if clean == texts else Finding(self.id, self.severity, *clean)


def by_severity(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, the gravest first, then by what they are about; without any secret."""
    clean = (finding.masked() for finding in findings)
    return tuple(sorted(clean, key=lambda f: (SEVERITIES.index(f.severity), _area(f), f)))


def _area(finding: Finding) -> int:
    found = (n for n, prefixes in enumerate(_AREAS) if finding.id.startswith(prefixes))
    return next(found, len(_AREAS))
