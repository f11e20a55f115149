"""The rows of the matrix: what is done to a run, and what must hold of it ever after.

Each row answers what it found wrong; nothing is what it should answer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from faults.fuse import Fuse
from faults.outcome import at_rest, dangling, differences, journal_faults, leaks, violations
from faults.outcome import settled as settle
from faults.situations import Situation
from faults.wiring import Wiring
from faults.world import Attempt, End, Scene, World

_MOST_RERUNS = 3


def killed_then_resumed(world: World, scene: Scene, at: tuple[int, ...], how: How) -> list[str]:
    """Die at these points of applying, one attempt after the other; then go on to the end."""
    attempt = how.start(world, scene)
    for point in at:
        how.dies(attempt, "apply", point)
        if found := list(dangling(world.pair.prealps)):
            return [f"right after the crash: {text}" for text in found]
    return [*_goes_to_the_end(attempt), *_at_the_end(attempt)]


def killed_then_undone(world: World, scene: Scene, at: tuple[int, ...], how: How) -> list[str]:
    """Die at the first point of applying, and at the others of undoing; then undo to the end."""
    attempt = how.start(world, scene)
    how.dies(attempt, "apply", at[0])
    for point in at[1:]:
        how.dies(attempt, "undo", point)
    return _goes_back_to_the_beginning(attempt)


def undone_with_kills(world: World, scene: Scene, at: tuple[int, ...], how: How) -> list[str]:
    """Apply all of it, die at these points of undoing, then undo to the end."""
    attempt = how.start(world, scene)
    if not (end := attempt.goes()).is_success:
        return [f"applying ended with {end.error}"]
    for point in at:
        how.dies(attempt, "undo", point)
    return _goes_back_to_the_beginning(attempt)


class How:
    """How a run is wired, and how it is killed."""

    def __init__(self, wiring: Wiring | None = None) -> None:
        self._wiring = wiring or Wiring()

    def start(self, world: World, scene: Scene) -> Attempt:
        """A new run."""
        return world.start(scene, self._wiring)

    def dies(self, attempt: Attempt, verb: str, at: int) -> None:
        """Go until a point and no further; a run that ends before it has nothing to die of."""
        go = attempt.goes if verb == "apply" else attempt.goes_back
        go(Fuse(at))


class ForReal(How):
    """Each attempt is a real process, killed by a real SIGKILL."""

    def dies(self, attempt: Attempt, verb: str, at: int) -> None:
        words = (
            sys.executable, "-m", "faults.child", str(attempt.world.pair.config_path),
            str(attempt.directory), verb, str(at),
        )  # fmt: skip
        tests = Path(__file__).parents[1]
        path = os.pathsep.join((str(tests.parent / "src"), str(tests)))
        subprocess.run(words, check=False, env={**os.environ, "PYTHONPATH": path}, timeout=120)


def _goes_to_the_end(attempt: Attempt) -> list[str]:
    end = attempt.goes()
    return [] if end.is_success else [f"resuming ended with {_words(end)}"]


def _at_the_end(attempt: Attempt) -> list[str]:
    world, scene = attempt.world, attempt.scene
    site = world.pair.prealps
    found = violations(site, scene.plan)
    if settle(site, scene.before) != scene.outcome:
        found.append("the target is not what it is after a run that nothing happened to")
    return [*found, *_writes_nothing_again(attempt), *_whatever_happens(attempt)]


def _writes_nothing_again(attempt: Attempt) -> Iterator[str]:
    site = attempt.world.pair.prealps
    site.site.requests.clear()
    end = attempt.goes()
    if not end.is_success:
        yield f"running it again ended with {_words(end)}"
    for request in site.requests(mutating=True):
        yield f"running it again asked for {request.method} {request.path}"


def _goes_back_to_the_beginning(attempt: Attempt) -> list[str]:
    end = attempt.goes_back()
    if not end.is_success:
        return [f"undoing ended with {_words(end)}"]
    found = differences(attempt.scene.before, at_rest(attempt.world.pair.prealps))
    return [*(f"undone, but {text[:300]}" for text in found), *_whatever_happens(attempt)]


def _whatever_happens(attempt: Attempt) -> list[str]:
    return [
        *attempt.world.source_faults(),
        *journal_faults(attempt.journal_path),
        *leaks(attempt.secrets, attempt.directory, attempt.said),
    ]


def _words(end: End) -> str:
    return " ".join(end.error.lines()) if end.error else "a crash"


def points(world: World, situation: Situation, verb: str) -> range:
    """The numbers of all points that a clean run passes."""
    return range(len(world.scene(situation).points[verb]))
