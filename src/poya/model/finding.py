# SPDX-License-Identifier: Apache-2.0
"""What a check found: typed, graded, collected before the first write."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from poya.model.secrets import masked_text

Severity: TypeAlias = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")


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
    """The findings, the gravest first, each group in a stable order, without any secret."""
    clean = (finding.masked() for finding in findings)
    return tuple(sorted(clean, key=lambda f: (SEVERITIES.index(f.severity), f)))
