"""What every test gets: the lab's sites, and an environment that is not the developer's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How fast a machine draws examples says nothing about poya.
settings.register_profile("poya", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("poya")

pytest_plugins = ["poya.lab.pytest_plugin"]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration, state or token of the developer's reaches a test."""
    for name in ("POYA_CONFIG", "POYA_DEBUG", "POYA_TOKEN_ALPS", "POYA_TOKEN_PREALPS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
