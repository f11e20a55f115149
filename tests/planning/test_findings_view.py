# SPDX-License-Identifier: Apache-2.0
"""What an operator reads of findings: the gravest first, the same thing once, no secrets."""

from __future__ import annotations

import re

from poya.cli.views.findings import told_once
from poya.model.finding import Finding, by_severity


def finding(subject: str, kind: str = "rootfs-provider", evidence: str = "CSM 1.7") -> Finding:
    return Finding(kind, "warning", subject, "It will not boot.", evidence, "Map it.")


def told(*findings: Finding) -> list[str]:
    text = "\n".join("\n".join(lines) for lines in told_once(findings))
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


def test_what_fifty_boot_sets_have_in_common_is_told_once() -> None:
    lines = told(*(finding(f"boot set b{n} of gele") for n in range(50)))
    title = "  warning rootfs-provider: boot sets b0, b1, b2, b3 and 46 more of gele"
    assert lines[0] == title
    assert lines[1:] == ["      It will not boot.", "      CSM 1.7", "      Map it."]


def test_of_fifty_templates_a_few_are_named() -> None:
    lines = told(*(finding(f"BOS session template t{n}") for n in range(50)))
    assert lines[3:5] == [
        "      and BOS session template t3",
        "      and 46 more (--output json has all)",
    ]


def test_each_piece_of_evidence_is_shown_while_there_are_few() -> None:
    lines = told(finding("a", evidence="one"), finding("b", evidence="two"))
    assert [line.strip() for line in lines[1:]] == [
        *("and b", "It will not boot.", "one", "two", "Map it."),
    ]


def test_findings_that_say_something_else_stay_apart() -> None:
    lines = told(finding("a"), finding("a", "arch-nodes"))
    assert [line for line in lines if "warning" in line] == [
        "  warning rootfs-provider: a",
        "  warning arch-nodes: a",
    ]


def test_what_matters_most_comes_first() -> None:
    kinds = ("clone-url-of-site", "arch-nodes", "node-busy", "token-expires")
    findings = [finding("x", kind) for kind in kinds]
    grave = Finding("zebra", "critical", "x", "Grave.")
    found = [f.id for f in by_severity((*findings, grave))]
    assert found == ["zebra", *reversed(kinds)]


def test_a_secret_in_what_was_read_is_masked() -> None:
    (clean,) = by_severity((finding("x", evidence="https://me:c4nary@git.example.org/x.git"),))
    assert clean.evidence == "https://***@git.example.org/x.git"
