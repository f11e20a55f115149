# SPDX-License-Identifier: Apache-2.0
"""Each site has a CA of its own, kept across starts."""

from __future__ import annotations

import stat
from pathlib import Path

from poya.lab.certificates import certificates_in


def test_certificates_are_made_once_and_the_key_is_private(tmp_path: Path) -> None:
    made = certificates_in(tmp_path, "alps")
    ca, server = made.ca.read_bytes(), made.server.read_bytes()
    again = certificates_in(tmp_path, "alps")
    assert (again.ca.read_bytes(), again.server.read_bytes()) == (ca, server)
    assert stat.S_IMODE(made.server.stat().st_mode) == 0o600


def test_a_certificate_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    made = certificates_in(tmp_path, "alps")
    made.server.write_bytes(made.server.read_bytes()[:100])
    certificates_in(tmp_path, "alps").server_context()
