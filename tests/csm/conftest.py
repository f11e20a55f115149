# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the CSM client's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from csm.fakes import FakeSite
from poya.csm import Site


@pytest.fixture
def fake() -> FakeSite:
    made = FakeSite()
    made.release()
    return made


@pytest.fixture
async def site(fake: FakeSite) -> AsyncIterator[Site]:
    async with fake.open() as opened:
        yield opened
