"""The desk at which every test of this room sits."""

from __future__ import annotations

from pathlib import Path

import pytest

from bad_input.desk import Desk
from poya.lab.pytest_plugin import LabPair


@pytest.fixture
def desk(lab_pair: LabPair, tmp_path: Path) -> Desk:
    return Desk(lab_pair, tmp_path)
