# SPDX-License-Identifier: Apache-2.0
"""Which requirements cannot hold together, and which to lift: pure set logic over an oracle.

The oracle says whether a set of requirements can be fulfilled. It must be monotone: what fits
with more requirements fits with fewer.

The smallest conflict is found by implicit hitting sets (Ignatiev, Previti, Liffiton,
Marques-Silva: "Smallest MUS extraction with minimal hitting set dualization", 2015): a smallest
set that hits every correction known so far either is a conflict, and then none is smaller, or
grows to a maximal set that fits, whose complement is a correction not known yet. What to lift is
found by Reiter's tree (1987): every correction lifts something of every conflict.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeAlias

from poya.placement.causes import Cause

_MOST_COMPARED = 500
_A_PAIR = 2
_RANKS = {"amount": 0, "where": 0, "excluded": 2}
Causes: TypeAlias = frozenset[Cause]
Oracle: TypeAlias = Callable[[Causes], bool]


class OutOfQuestions(Exception):
    """The oracle was asked as often as it may be."""


class Counted:
    """An oracle that remembers its answers, and answers only so many questions."""

    def __init__(self, fits: Oracle, most: int) -> None:
        self._fits = fits
        self._left = most
        self._known: dict[Causes, bool] = {}

    def __call__(self, causes: Causes) -> bool:
        """Ask; raises OutOfQuestions."""
        if causes not in self._known:
            if self._left <= 0:
                raise OutOfQuestions
            self._left -= 1
            self._known[causes] = self._fits(causes)
        return self._known[causes]


def minimal_conflict(fits: Oracle, causes: Sequence[Cause], kept: Causes = frozenset()) -> Causes:
    """A conflict none of whose causes can be left out, given that `kept` holds (QuickXplain).

    The later a cause stands, the rather it is left out.
    """
    if not causes or not fits(kept):
        return frozenset()
    return _explain(fits, kept, list(causes), is_known_to_fit=True)


def _explain(fits: Oracle, kept: Causes, causes: list[Cause], *, is_known_to_fit: bool) -> Causes:
    if not is_known_to_fit and not fits(kept):
        return frozenset()
    if len(causes) == 1:
        return frozenset(causes)
    half = len(causes) // 2
    first, second = causes[:half], causes[half:]
    of_second = _explain(fits, kept | frozenset(first), second, is_known_to_fit=False)
    of_first = _explain(fits, kept | of_second, first, is_known_to_fit=not of_second)
    return of_first | of_second


def smallest_conflict(fits: Oracle, causes: Sequence[Cause]) -> Causes:
    """A conflict of the fewest causes; of those the plainest one, see `plainness`.

    Raises:
        OutOfQuestions: The oracle is a `Counted` one and was asked too often.
    """
    found = minimal_conflict(fits, causes)
    if len(found) == 1 or (len(found) == _A_PAIR and not _alone(fits, causes)):
        return _plainer(fits, causes, found)  # what most often is so, in a few questions
    corrections: list[Causes] = []
    while True:
        candidate = _smallest_hitting_set(corrections)
        if not fits(candidate):
            break
        corrections.append(frozenset(causes) - _grown(fits, candidate, causes))
    # Every conflict hits every correction, so others as small are among these.
    alike = islice(_hitting_sets(corrections, frozenset(), len(candidate)), _MOST_COMPARED)
    plainer = sorted({c for c in alike if plainness(c) < plainness(candidate)}, key=plainness)
    return next((c for c in plainer if not fits(c)), candidate)


def _alone(fits: Oracle, causes: Sequence[Cause]) -> bool:
    """Say whether one cause cannot hold all by itself; only what wants nodes can be one."""
    wanting = (cause for cause in causes if cause.sort in ("amount", "keep-members"))
    return any(not fits(frozenset({cause})) for cause in wanting)


def _plainer(fits: Oracle, causes: Sequence[Cause], found: Causes) -> Causes:
    """Of two causes of two classes, rather two of one class if those conflict as well."""
    if len({cause.subject for cause in found if cause.sort != "excluded"}) < _A_PAIR:
        return found
    amounts = [cause for cause in causes if cause.sort == "amount"]
    pairs = (
        frozenset({amount, other})
        for amount in amounts
        for other in causes
        if other.subject == amount.subject and other != amount
    )
    return next((pair for pair in pairs if not fits(pair)), found)


def plainness(conflict: Causes) -> tuple[int, tuple[int, ...], tuple[Cause, ...]]:
    """The lower, the sooner people see it: few classes, and rather what nodes must be."""
    classes = {cause.subject for cause in conflict if cause.sort != "excluded"}
    ranks = sorted(_RANKS.get(cause.sort, 1) for cause in conflict)
    return len(classes), tuple(ranks), tuple(sorted(conflict))


def _grown(fits: Oracle, seed: Causes, causes: Sequence[Cause]) -> Causes:
    """A maximal set of causes around the seed that fits."""
    rest = [cause for cause in causes if cause not in seed]
    pending = [rest] if rest else []
    while pending:
        chunk = pending.pop()
        if fits(seed | frozenset(chunk)):
            seed |= frozenset(chunk)
        elif len(chunk) > 1:
            half = len(chunk) // 2
            pending += [chunk[half:], chunk[:half]]
    return seed


def _smallest_hitting_set(sets: Sequence[Causes]) -> Causes:
    """A smallest set that shares something with each of the sets."""
    for size in range(len(sets) + 1):
        found = next(_hitting_sets(sets, frozenset(), size), None)
        if found is not None:
            return found
    raise AssertionError("a set of one element each hits all")


def _hitting_sets(sets: Sequence[Causes], chosen: Causes, size: int) -> Iterator[Causes]:
    """Sets around `chosen` with at most `size` more that hit all; some come more than once."""
    missed = next((s for s in sets if not s & chosen), None)
    if missed is None:
        yield chosen
    elif size:
        for cause in sorted(missed):
            yield from _hitting_sets(sets, chosen | {cause}, size - 1)


def corrections(
    fits: Oracle, causes: Sequence[Cause], *, liftable: Causes, deepest: int
) -> Iterator[Causes]:
    """Minimal sets of liftable causes without which the rest fits, the smallest first.

    Args:
        deepest: Sets with more causes are not looked for.
    """
    queue: deque[Causes] = deque([frozenset()])
    seen: set[Causes] = {frozenset()}
    found: list[Causes] = []
    everything = frozenset(causes)
    while queue:
        lifted = queue.popleft()
        if any(smaller <= lifted for smaller in found):
            continue
        if fits(everything - lifted):
            found.append(lifted)
            yield lifted
            continue
        if len(lifted) == deepest:
            continue
        standing = [cause for cause in causes if cause not in lifted]
        for cause in sorted(minimal_conflict(fits, standing) & liftable):
            larger = lifted | {cause}
            if larger not in seen:
                seen.add(larger)
                queue.append(larger)
