"""The rows of the matrix: what is done to a run, and what must hold of it ever after.

Each row answers what it found wrong; nothing is what it should answer.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from faults.fuse import Fuse
from faults.network import Template
from faults.outcome import at_rest, dangling, differences, journal_faults, leaks, violations
from faults.outcome import settled as settle
from faults.situations import Situation
from faults.wiring import Wiring
from faults.world import Attempt, End, Scene, World
from poya.errors import Locked, StalePlan, StoppedPartWay
from poya.journal import Journal
from poya.lab.site import LoggedRequest

# Stopped part-way, refused, not authenticated, not reached, read back otherwise: never 0 or 70.
_PARTS, _TOKENS = 2, 2
_PRAGMAS, _FULL = ("journal_mode", "synchronous"), ["wal", 2]
_RESUMABLE = (11, 12, 13, 16, 17)
_NEVER = 1_000_000


def killed_then_resumed(world: World, scene: Scene, at: Deaths, how: How) -> list[str]:
    """Die at these points of applying, one attempt after the other; then go on to the end."""
    attempt = how.start(world, scene)
    for point in at:
        how.dies(attempt, "apply", point)
        if found := list(dangling(world.pair.prealps)):
            return [f"right after the crash: {text}" for text in found]
    return [*goes_to_the_end(attempt), *at_the_end(attempt)]


def killed_then_undone(world: World, scene: Scene, at: Deaths, how: How) -> list[str]:
    """Die at the first point of applying, and at the others of undoing; then undo to the end."""
    attempt = how.start(world, scene)
    how.dies(attempt, "apply", at[0])
    for point in at[1:]:
        how.dies(attempt, "undo", point)
    return goes_back_to_the_beginning(attempt)


def undone_with_kills(world: World, scene: Scene, at: Deaths, how: How) -> list[str]:
    """Apply all of it, die at these points of undoing, then undo to the end."""
    attempt = how.start(world, scene)
    if not (end := attempt.goes()).is_success:
        return [f"applying ended with {end.error}"]
    for point in at:
        how.dies(attempt, "undo", point)
    return goes_back_to_the_beginning(attempt)


def struck_by(
    world: World, scene: Scene, template: Template, fault: str, how: How | None = None
) -> list[str]:
    """One request goes wrong while applying: that ends right, or stops where it can go on."""
    attempt = (how or HASTY).start(world, scene)
    template.set_fault(world.pair, fault)
    end = attempt.goes()
    world.clear_faults()
    attempt.wiring = replace(attempt.wiring, stall_s=Wiring.stall_s)
    if end.is_success:
        return at_the_end(attempt)
    found = ended_badly(end)
    return found or [*goes_to_the_end(attempt), *at_the_end(attempt)]


def struck_while_undoing(world: World, scene: Scene, template: Template, fault: str) -> list[str]:
    """One request goes wrong while undoing: that ends right, or stops where it can go on."""
    attempt = HASTY.start(world, scene)
    if not (end := attempt.goes()).is_success:
        return [f"applying ended with {end.error}"]
    template.set_fault(world.pair, fault)
    end = attempt.goes_back()
    world.clear_faults()
    attempt.wiring = replace(attempt.wiring, stall_s=Wiring.stall_s)
    return ([] if end.is_success else ended_badly(end)) or goes_back_to_the_beginning(attempt)


def killed_resumed_then_undone(world: World, scene: Scene, at: Deaths, how: How) -> list[str]:
    """Die at these points of applying, go on to the end, then undo all of it."""
    attempt = how.start(world, scene)
    for point in at:
        how.dies(attempt, "apply", point)
    return goes_to_the_end(attempt) or goes_back_to_the_beginning(attempt)


def resends_little(world: World, scene: Scene, at: Deaths, how: How) -> list[str]:
    """Die at these points of applying, go on: a part that arrived is sent once more at most."""
    attempt = how.start(world, scene)
    for point in at:
        how.dies(attempt, "apply", point)
    found = goes_to_the_end(attempt)
    sent = Counter(
        r.path
        for r in world.pair.prealps.requests(mutating=True)
        if r.method == "PUT" and "partNumber" in r.query
    )
    # A part that was under way when it died may have to be sent again, a recorded one never.
    allowed = _PARTS + sum(str(label).startswith("after PUT") for label in at)
    return [*found, *(f"{n} parts of {path} sent" for path, n in sent.items() if n > allowed)]


def expired(world: World, scene: Scene, at: int | str, how: How) -> list[str]:
    """Token and temporary credentials expire at a point; each is renewed once, and it goes on."""
    attempt = how.start(world, scene)
    world.clear_requests()
    end = attempt.goes(Fuse(at, act=world.expire_everything))
    if not end.is_success:
        return [f"it ended with {_words(end)}"]
    found = [
        f"{count} times {path} at {site.name}"
        for site in (world.pair.alps, world.pair.prealps)
        for path, count in Counter(r.path for r in site.requests()).items()
        if path.endswith("/token") and count > _TOKENS
    ]
    return [*found, *at_the_end(attempt)]


def evicted(world: World, scene: Scene, at: int | str, how: How) -> list[str]:
    """Another process takes the run over at a point: this one stops, and asks nothing more."""
    attempt = how.start(world, scene)
    log = world.pair.prealps.site.requests
    taken: list[tuple[int, list[tuple[str, str]]]] = []

    def take_over() -> None:
        other = Journal.open(attempt.journal_path)
        allowed = on_their_way(other, fuse.passed[-1])
        other.take({"pid": "3"})
        other.close()
        taken.append((log.take_number(), allowed))

    fuse = Fuse(at, act=take_over)
    end = attempt.goes(fuse)
    number, allowed = taken[0]
    late = [r for r in log.entries(mutating=True) if r.number > number and r.service != "sts"]
    found = [
        f"{request.method} {request.path} after it was evicted"
        for request in late
        if not _was_on_its_way(request, allowed)
    ]
    if end.error is None or end.error.exit_code != Locked.exit_code:
        found.append(f"the evicted one ended with {_words(end)}")
    return found or [*goes_to_the_end(attempt), *at_the_end(attempt)]


def on_their_way(journal: Journal, point: str) -> list[tuple[str, str]]:
    """The requests that were about to be sent: recorded, and without an answer.

    They are sent whatever happens meanwhile: the race that is documented. Bytes of a file are not
    recorded beforehand, so there it is the one that the point lies before.
    """
    log = journal.log()
    answered = {entry.body["request"] for entry in log if entry.kind == "answer"}
    sent = [e for e in log if e.kind == "request" and "status" not in e.body]
    found = [(e.body["method"], e.body["where"]) for e in sent if e.seq not in answered]
    method, _, path = point.removeprefix("before ").partition(" ")
    is_bulk = point.startswith("before PUT /boot-images") and not found
    return [(method, path.rpartition("/")[2].partition("?")[0])] if is_bulk else found


def _was_on_its_way(request: LoggedRequest, allowed: list[tuple[str, str]]) -> bool:
    """Each of them is sent once."""
    asked = f"{request.path}?{request.query}" if request.query else request.path
    for method, where in allowed:
        if request.method == method and (where in asked or where in unquote(asked)):
            allowed.remove((method, where))
            return True
    return False


def changed_by_another(world: World, scene: Scene, at: Deaths, how: How) -> list[str]:
    """Somebody changes the group after the run: undoing says so, and leaves it alone."""
    attempt = how.start(world, scene)
    if not (end := attempt.goes()).is_success:
        return [f"applying ended with {end.error}"]
    groups = world.pair.prealps.site.state.groups
    theirs = {**(groups.get("gele") or {}), "description": "theirs"}
    groups.put("gele", theirs)
    end = attempt.goes_back()
    found = [] if groups.get("gele") == theirs else ["undoing took back what somebody else did"]
    if end.error is None or end.error.exit_code != StoppedPartWay.exit_code:
        found.append(f"undoing ended with {_words(end)}")
    return found


def gone_stale(world: World, scene: Scene, at: Deaths, how: How) -> list[str]:
    """Somebody takes a name before the run gets there: it is refused, and left alone."""
    attempt = how.start(world, scene)
    groups = world.pair.prealps.site.state.groups
    theirs = {"label": "gele", "description": "theirs", "members": {"ids": ["x3002c0s25b0n0"]}}
    groups.put("gele", theirs)
    end = attempt.goes()
    found = [] if groups.get("gele") == theirs else ["applying overwrote what nobody had seen"]
    if end.error is None or end.error.exit_code != StalePlan.exit_code:
        found.append(f"applying ended with {_words(end)}")
    return found


def synced(world: World, scene: Scene, at: Deaths, how: How) -> list[str]:
    """A committed row is there after a power cut: SQLite is told to sync every commit."""
    attempt = how.start(world, scene)
    journal = attempt.wiring.journal.on(attempt.journal_path, Fuse())
    try:
        told = [journal._db.execute(f"PRAGMA {name}").fetchone()[0] for name in _PRAGMAS]
    finally:
        journal.close()
    return [] if told == _FULL else [f"the journal's {_PRAGMAS} are {told}"]


Deaths = tuple[int | str, ...]


class How:
    """How a run is wired, and how it is killed."""

    def __init__(self, wiring: Wiring | None = None) -> None:
        self._wiring = wiring or Wiring()

    def start(self, world: World, scene: Scene) -> Attempt:
        """A new run."""
        return world.start(scene, self._wiring)

    def dies(self, attempt: Attempt, verb: str, at: int | str) -> None:
        """Go until a point and no further; a run that ends before it has nothing to die of."""
        go = attempt.goes if verb == "apply" else attempt.goes_back
        go(Fuse(at))


# For the network's faults: whoever is silent is given up soon.
HASTY = How(Wiring(stall_s=0.5))


class ForReal(How):
    """Each attempt is a real process, killed by a real SIGKILL."""

    def dies(self, attempt: Attempt, verb: str, at: int | str) -> None:
        subprocess.run(_child(attempt, verb, at), check=False, env=_environment(), timeout=120)


class AtAnyMoment(How):
    """Each attempt is a real process, killed by a real SIGKILL so many milliseconds after it began."""

    def dies(self, attempt: Attempt, verb: str, at: int | str) -> None:
        words = _child(attempt, verb, _NEVER)
        with subprocess.Popen(words, env=_environment(), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(int(at) / 1000)
            process.kill()


def _child(attempt: Attempt, verb: str, at: int | str) -> tuple[str, ...]:
    config = str(attempt.world.pair.config_path)
    return (sys.executable, "-m", "faults.child", config, str(attempt.directory), verb, str(at))


def _environment() -> dict[str, str]:
    tests = Path(__file__).parents[1]
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(tests.parent / "src"), str(tests)))}


def goes_to_the_end(attempt: Attempt) -> list[str]:
    end = attempt.goes()
    return [] if end.is_success else [f"resuming ended with {_words(end)}"]


def at_the_end(attempt: Attempt) -> list[str]:
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


def goes_back_to_the_beginning(attempt: Attempt) -> list[str]:
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


def ended_badly(end: End) -> list[str]:
    if end.error is None:
        return ["it ended with a crash"]
    told = " ".join(end.error.lines())
    if end.error.exit_code not in _RESUMABLE:
        return [f"exit status {end.error.exit_code}: {told}"]
    return [] if "migrate" in told else [f"it does not say what to type next: {told}"]


def _words(end: End) -> str:
    return " ".join(end.error.lines()) if end.error else "a crash"


def points(world: World, situation: Situation, verb: str) -> range:
    """The numbers of all points that a clean run passes."""
    return range(len(world.scene(situation).points[verb]))
