"""The matrix bites: each of the known bugs is caught, and poya has none of them."""

from __future__ import annotations

import pytest

from faults.bugs import BUGS, Bug
from faults.rows import How
from faults.scale import WHOLE
from faults.world import World

_TRIED = BUGS if WHOLE else BUGS[::6]
every_bug = pytest.mark.parametrize("bug", _TRIED, ids=[bug.name for bug in _TRIED])


def test_there_are_twenty_bugs_to_be_caught() -> None:
    assert len({bug.name for bug in BUGS}) >= 20


@every_bug
def test_the_bug_is_caught(world: World, bug: Bug) -> None:
    assert bug.caught(world, How(bug.wiring))


@every_bug
def test_poya_does_not_have_it(world: World, bug: Bug) -> None:
    assert not bug.caught(world, How())
