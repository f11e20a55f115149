# SPDX-License-Identifier: Apache-2.0
"""Which bundles are kept, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from poya.sites.bundle.catalog import Listed


@dataclass(frozen=True, slots=True)
class Retention:
    """How many are kept: of each of the last days, weeks, months that have any, the newest.

    Attributes:
        last: The newest ones, whenever they are from.
    """

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    def keeps_anything(self) -> bool:
        """Whether any rule is given."""
        return bool(self.last or self.daily or self.weekly or self.monthly)


def reasons_to_keep(bundles: Iterable[Listed], retention: Retention) -> Mapping[str, str]:
    """Why each bundle is kept, by its place; what is not in the answer may go.

    Each vCluster of each site is judged by itself, and its newest finished bundle is always kept.
    What is unfinished, damaged or without a date is kept: nobody knows what would be lost.
    Days, weeks (from Monday) and months are those of UTC.
    """
    series: dict[tuple[str, str], list[Listed]] = {}
    kept: dict[str, str] = {}
    for bundle in bundles:
        if bundle.state != "complete" or bundle.created is None:
            kept[bundle.where] = bundle.state if bundle.state != "complete" else "no date"
        else:
            series.setdefault((bundle.vcluster, bundle.site), []).append(bundle)
    for members in series.values():
        newest = sorted(members, key=lambda b: (_utc(b), b.where), reverse=True)
        for bundle, why in _kept(newest, retention):
            kept[bundle.where] = f"{kept[bundle.where]}, {why}" if bundle.where in kept else why
    return kept


def _kept(newest: list[Listed], retention: Retention) -> Iterable[tuple[Listed, str]]:
    """The bundles of one series that a rule keeps; they come with the newest first."""
    for bundle in newest[: max(1, retention.last)]:
        yield bundle, "newest" if bundle is newest[0] else "last"
    rules: tuple[tuple[str, int, Callable[[datetime], str]], ...] = (
        ("daily", retention.daily, lambda moment: moment.strftime("%Y-%m-%d")),
        ("weekly", retention.weekly, lambda moment: moment.strftime("%G-W%V")),
        ("monthly", retention.monthly, lambda moment: moment.strftime("%Y-%m")),
    )
    for name, most, period_of in rules:
        seen: set[str] = set()
        for bundle in newest:
            period = period_of(_utc(bundle))
            if period not in seen and len(seen) < most:
                seen.add(period)
                yield bundle, f"{name} {period}"


def _utc(bundle: Listed) -> datetime:
    return (bundle.created or datetime.min.replace(tzinfo=UTC)).astimezone(UTC)
