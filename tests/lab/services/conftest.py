# SPDX-License-Identifier: Apache-2.0
"""Sites of each release, logged in as the administrator."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lab.services.fakes import Lab, logged_in, make_lab


async def _site(release: str) -> AsyncIterator[Lab]:
    lab = await logged_in(make_lab(release))
    yield lab
    await lab.client.aclose()
    lab.site.state.close()


@pytest.fixture
async def csm13() -> AsyncIterator[Lab]:
    async for lab in _site("1.3"):
        yield lab


@pytest.fixture
async def csm14() -> AsyncIterator[Lab]:
    async for lab in _site("1.4"):
        yield lab


@pytest.fixture
async def csm15() -> AsyncIterator[Lab]:
    async for lab in _site("1.5"):
        yield lab


@pytest.fixture
async def csm16() -> AsyncIterator[Lab]:
    async for lab in _site("1.6"):
        yield lab


@pytest.fixture
async def csm17() -> AsyncIterator[Lab]:
    async for lab in _site("1.7"):
        yield lab
