"""Two small sites, and runs between them that can be killed at any point and started again."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import logging
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from faults.fuse import Crash, Fuse, FusedJournal
from faults.network import Template, templates_of
from faults.outcome import at_rest, differences, settled, violations
from faults.situations import Situation, shrink
from faults.wiring import Ends, Wiring
from leaks import collected
from migration.console import NODES
from poya.csm import SiteConfig
from poya.errors import PoyaError
from poya.lab.pytest_plugin import LabPair
from poya.migration.carrying import Run
from poya.migration.events import silent
from poya.migration.prepare import prepare
from poya.model.intent import Intent, parse_node_choice
from poya.model.plan import Plan
from poya.model.vcluster import Selector
from poya.settings import load_settings
from poya.site_config import site_config

RUN = "gele-20240101-000000-cafe"
_A_DAY_S = 86_400


@dataclass(frozen=True)
class Scene:
    """A situation with its plan and its outcome without mishap.

    Attributes:
        before: The target before the run.
        outcome: The target after a run that nothing happened to, settled.
        points: What a clean `apply` passes, and what a clean `undo` passes.
        templates: What each of them asks of the two sites.
    """

    situation: Situation
    plan: Plan
    before: dict[str, Any]
    outcome: str = ""
    points: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    templates: Mapping[str, tuple[Template, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """How an attempt ended."""

    error: PoyaError | None = None
    is_crashed: bool = False
    report: Any = None

    @property
    def is_success(self) -> bool:
        return self.error is None and not self.is_crashed


class World:
    """A pair of sites, and what was learned about its scenes."""

    def __init__(self, pair: LabPair, directory: Path) -> None:
        self.pair = pair
        self._directory = directory
        self._numbers = itertools.count(1)
        self._scenes: dict[str, Scene] = {}
        shrink(pair.alps)
        self._source_before = at_rest(pair.alps)
        self.cycles = 0

    def scene(self, situation: Situation) -> Scene:
        """The scene, played once without mishap."""
        if situation.name not in self._scenes:
            self._scenes[situation.name] = self._play(situation)
        return self._scenes[situation.name]

    def start(self, scene: Scene, wiring: Wiring | None = None) -> Attempt:
        """A new run on a target as it was before."""
        self.cycles += 1
        self._lay(scene.situation)
        directory = self._directory / f"{next(self._numbers)}" / RUN
        directory.mkdir(parents=True)
        (directory / "plan.json").write_bytes(scene.plan.encode())
        facts = {"run": RUN, "state": "planned", "target_label": "prealps"}
        FusedJournal.create(directory / "journal.db", facts).close()
        return Attempt(self, scene, directory, wiring or Wiring())

    def ends(self, wiring: Wiring, secrets: set[str]) -> Ends:
        """The two sites as a process of its own sees them."""
        return Ends((self.config("alps"), self.config("prealps")), wiring, secrets)

    def config(self, name: str) -> SiteConfig:
        """What the client must know of a site."""
        return site_config(load_settings(str(self.pair.config_path)).site(name))

    def source_faults(self) -> list[str]:
        """What was written at the source, or asked to be."""
        asked = [f"the source was asked {r}" for r in self.pair.alps.requests(mutating=True)]
        is_same = at_rest(self.pair.alps) == self._source_before
        return asked if is_same else [*asked, "the source changed"]

    def clear_faults(self) -> None:
        """Let everything go well again."""
        for site in (self.pair.alps, self.pair.prealps):
            site.clear_faults()

    def clear_requests(self) -> None:
        """Forget what was asked."""
        for site in (self.pair.alps, self.pair.prealps):
            site.site.requests.clear()

    def expire_everything(self) -> None:
        """Let all tokens and temporary credentials that were given out so far end now."""
        for one in (self.pair.alps, self.pair.prealps):
            one.ground.objects.mint._seed = secrets.token_bytes(32)
            lab = one.site
            ahead_s = lab.clock() + _A_DAY_S
            lab.clock = partial(float, ahead_s)
            lab.accounts.lifetime_s = _A_DAY_S // 2

    def _lay(self, situation: Situation) -> None:
        for one in (self.pair.alps, self.pair.prealps):
            one.site.clock = time.time
            one.ground.objects.mint.now_s = time.time
            one.site.accounts.lifetime_s = 365 * _A_DAY_S
        self.pair.prealps.running.reset()
        self.clear_faults()
        self.clear_requests()
        situation.lay(self.pair)

    def _play(self, situation: Situation) -> Scene:
        self._lay(situation)
        plan = asyncio.run(self._plan(situation))
        assert not plan.blocking(), plan.blocking()
        scene = Scene(situation, plan, at_rest(self.pair.prealps))
        attempt = self.start(scene)
        apply, back = Fuse(), Fuse()
        assert attempt.goes(apply).is_success, attempt.said
        asked = {"apply": templates_of(self.pair)}
        self.clear_requests()
        assert violations(self.pair.prealps, plan) == []
        outcome = settled(self.pair.prealps, scene.before)
        assert attempt.goes_back(back).is_success, attempt.said
        found = differences(scene.before, at_rest(self.pair.prealps))
        assert not found, "\n".join(found)
        asked["undo"] = templates_of(self.pair)
        points = {"apply": tuple(apply.passed), "undo": tuple(back.passed)}
        return replace(scene, outcome=outcome, points=points, templates=asked)

    async def _plan(self, situation: Situation) -> Plan:
        ends = self.ends(Wiring(), set())
        async with ends.source() as source, ends.target() as target:
            prepared, _ = await prepare(source, Selector(name="gele"), lambda _: target)
            intent = Intent(nodes=parse_node_choice(NODES), policies=situation.policies)
            return prepared.plan(intent)


@dataclass
class Attempt:
    """One run and its directory; each call of `goes` or `goes_back` is a process of its own.

    Attributes:
        said: Everything that was logged, and every error with its traceback.
        secrets: Every secret that went over a wire.
    """

    world: World
    scene: Scene
    directory: Path
    wiring: Wiring
    said: str = ""
    secrets: set[str] = field(default_factory=set)

    def goes(self, fuse: Fuse | None = None) -> End:
        """Apply, or go on with it."""
        return self._tidied(self._carry, fuse or Fuse())

    def goes_back(self, fuse: Fuse | None = None) -> End:
        """Undo, or go on with that."""
        return self._tidied(self._take_back, fuse or Fuse())

    def _tidied(self, work: Callable[[Run, FusedJournal], Awaitable[Any]], fuse: Fuse) -> End:
        """The dead close no connections; they are collected here and not in some other test."""
        with contextlib.ExitStack() as stack:
            if fuse.is_armed:
                stack.enter_context(collected())
            return self._process(work, fuse)

    @property
    def journal_path(self) -> Path:
        return self.directory / "journal.db"

    async def _carry(self, run: Run, journal: FusedJournal) -> Any:
        ends = self.world.ends(self.wiring, self.secrets)
        async with ends.source() as source, ends.target(journal) as target:
            return await self.wiring.carry(run, source, target, self.wiring.limits, silent)

    async def _take_back(self, run: Run, journal: FusedJournal) -> Any:
        async with self.world.ends(self.wiring, self.secrets).target(journal) as target:
            return await self.wiring.take_back(run, target, silent)

    def _process(self, work: Callable[[Run, FusedJournal], Awaitable[Any]], fuse: Fuse) -> End:
        with self._listening():
            try:
                journal = self.wiring.journal.on(self.journal_path, fuse)
            except PoyaError as error:
                self._note(error)
                return End(error=error)
            try:
                journal.take({"pid": "1", "host": "here", "user": "", "since": "", "purpose": ""})
                report = asyncio.run(_awaited(work(Run(RUN, self.scene.plan, journal), journal)))
            except Crash:
                return End(is_crashed=True)
            except PoyaError as error:
                self._note(error)
                return End(error=error)
            finally:
                journal.close()
        return End(report=report)

    def _note(self, error: PoyaError) -> None:
        self.said += "\n".join([*error.lines(), repr(error), *traceback.format_exception(error)])

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        heard = io.StringIO()
        handler = logging.StreamHandler(heard)
        logger = logging.getLogger("poya")
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            self.said += heard.getvalue()


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work
