# SPDX-License-Identifier: Apache-2.0
"""Integer programs, and HiGHS to solve them (imported late: it brings NumPy)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from poya.errors import PoyaError

if TYPE_CHECKING:
    import highspy

Weights: TypeAlias = Mapping[int, int]
_LESS_THAN_ONE = 0.999  # objectives are whole numbers: a smaller gap is none
_NEAR = 1e-6
_TOLD = 0.5


@dataclass
class Program:
    """Columns of whole numbers and rows over them, built up step by step."""

    upper: list[int] = field(default_factory=list)
    rows: list[tuple[float, float, dict[int, int]]] = field(default_factory=list)

    def column(self, most: int) -> int:
        """Add a column from 0 to `most`; answers its index."""
        self.upper.append(most)
        return len(self.upper) - 1

    def row(self, weights: Weights, *, least: float = -math.inf, most: float = math.inf) -> None:
        """Add the row `least <= sum of weighted columns <= most`."""
        self.rows.append((least, most, {c: w for c, w in weights.items() if w}))


@dataclass(frozen=True, slots=True)
class Answer:
    """The best that was found for one objective.

    Attributes:
        values: One for each column; empty where nothing is feasible or nothing was found.
        value: The objective at these values.
        bound: No answer is better than this; equal to `value` where that is proven best.
        is_infeasible: It is proven that there is none.
        took_s: How long the solver worked.
    """

    values: tuple[int, ...]
    value: int
    bound: int
    is_infeasible: bool
    took_s: float = 0.0


class Solver:
    """One program, minimised for one objective after the other.

    Single-threaded and with a fixed seed: the same program, the same answer, unless the limit
    of time cuts it short. No answer is handed to it as a start: HiGHS 1.16 takes one for better
    than it is where presolve has removed its columns, and calls that optimal.
    """

    def __init__(self, program: Program) -> None:
        import highspy  # noqa: PLC0415 - 0.2 s, and only placements need it

        self._highspy = highspy
        self._program = program
        self._highs = _quiet()
        for name, value in (
            ("threads", 1),
            ("random_seed", 1),
            ("mip_rel_gap", 0.0),
            ("mip_abs_gap", _LESS_THAN_ONE),
            # What costs more here than it finds: tried on placements of 10,000 nodes.
            ("mip_detect_symmetry", False),
            ("mip_allow_restart", False),
            ("mip_heuristic_run_feasibility_jump", False),
            ("mip_heuristic_run_rens", False),
            ("mip_heuristic_run_root_reduced_cost", False),
            ("mip_pool_soft_limit", 100),
            ("mip_lp_age_limit", 3),
        ):
            self._highs.setOptionValue(name, value)
        if self._highs.passModel(self._model()) == highspy.HighsStatus.kError:
            raise PoyaError("The placement could not be computed: HiGHS refuses its program.")
        self._held: list[tuple[float, float, dict[int, int]]] = []

    def minimise(
        self,
        weights: Weights,
        *,
        limit_s: float,
        below: int | None = None,
        as_in: tuple[tuple[int, ...], tuple[int, ...]] = ((), ()),
    ) -> Answer:
        """Minimise one objective over what the rows permit.

        Args:
            below: Only answers better than this; that there is none proves the one at hand.
            as_in: An answer, and the columns that stay as they are in it.

        Raises:
            PoyaError: HiGHS failed.
        """
        highs = self._highs
        if not self._program.upper:
            fits = all(least <= 0 <= most for least, most, _ in self._program.rows)
            return Answer((), 0, 0, is_infeasible=not fits)
        self._aim(weights)
        with self._kept(*as_in), self._only_below(weights, below):
            before_s = highs.getRunTime()
            highs.setOptionValue("time_limit", before_s + max(0.0, limit_s))
            highs.run()
            return replace(self._answer(weights), took_s=highs.getRunTime() - before_s)

    @contextmanager
    def _kept(self, values: tuple[int, ...], columns: tuple[int, ...]) -> Iterator[None]:
        for column in columns:
            self._highs.changeColBounds(column, float(values[column]), float(values[column]))
        yield
        for column in columns:
            self._highs.changeColBounds(column, 0.0, float(self._program.upper[column]))

    @contextmanager
    def _only_below(self, weights: Weights, value: int | None) -> Iterator[None]:
        if value is None:
            yield
            return
        self._add_row(weights, value - 1)
        yield
        self._highs.deleteRows(1, [self._highs.getNumRow() - 1])

    def bound(self, weights: Weights) -> int:
        """No answer is better than this: what it would be if columns need not be whole.

        Only of a program that is feasible.
        """
        self._aim(weights)
        self._highs.setOptionValue("solve_relaxation", True)  # noqa: FBT003 - HiGHS's signature
        self._highs.run()
        self._highs.setOptionValue("solve_relaxation", False)  # noqa: FBT003
        if self._highs.getModelStatus() != self._highspy.HighsModelStatus.kOptimal:
            return 0
        return _rounded_up(self._highs.getInfo().objective_function_value)

    def _aim(self, weights: Weights) -> None:
        columns = range(len(self._program.upper))
        costs = [float(weights.get(column, 0)) for column in columns]
        self._highs.changeColsCost(len(costs), list(columns), costs)

    def hold(self, weights: Weights, most: int) -> None:
        """From now on the objective is at most this."""
        self._add_row(weights, most)
        self._held.append((-math.inf, most, dict(weights)))

    def _add_row(self, weights: Weights, most: int) -> None:
        columns = [c for c, w in weights.items() if w]
        values = [float(weights[c]) for c in columns]
        self._highs.addRow(-math.inf, float(most), len(columns), columns, values)

    def _answer(self, weights: Weights) -> Answer:
        status = self._highspy.HighsModelStatus
        reached = self._highs.getModelStatus()
        if reached in (status.kInfeasible, status.kUnboundedOrInfeasible):
            return Answer((), 0, 0, is_infeasible=True)
        info = self._highs.getInfo()
        has_answer = info.primal_solution_status == 2  # noqa: PLR2004 - HiGHS: feasible point
        if reached not in (status.kOptimal, status.kTimeLimit) and not has_answer:
            raise PoyaError(
                "The placement could not be computed.", why=f"HiGHS answered {reached.name}."
            )
        if not has_answer:
            return Answer((), 0, _rounded_up(info.mip_dual_bound), is_infeasible=False)
        values = tuple(round(v) for v in self._highs.getSolution().col_value)
        value = sum(weight * values[column] for column, weight in weights.items())
        bound = value if reached == status.kOptimal else _rounded_up(info.mip_dual_bound)
        self._check(values, value, info.objective_function_value)
        return Answer(values, value, min(bound, value), is_infeasible=False)

    def _check(self, values: tuple[int, ...], value: int, told: float) -> None:
        """Trust no solver with whose nodes are taken: look at every row ourselves."""
        is_told = abs(value - told) < _TOLD
        fits = all(
            least - _NEAR <= sum(w * values[c] for c, w in weights.items()) <= most + _NEAR
            for least, most, weights in self._program.rows + self._held
        )
        if not (is_told and fits):
            raise PoyaError(
                "The placement that HiGHS answered is not one.",
                why=f"It said {told:g} where its answer comes to {value}."
                if fits
                else "A requirement does not hold in its answer.",
            )

    def _model(self) -> highspy.HighsLp:
        program, highspy = self._program, self._highspy
        width, infinity = len(program.upper), highspy.kHighsInf
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = width, len(program.rows)
        model.col_cost_ = [0.0] * width
        model.col_lower_ = [0.0] * width
        model.col_upper_ = [float(most) for most in program.upper]
        model.row_lower_ = [max(row[0], -infinity) for row in program.rows]
        model.row_upper_ = [min(row[1], infinity) for row in program.rows]
        model.integrality_ = [highspy.HighsVarType.kInteger] * width
        starts, columns, values = [0], list[int](), list[float]()
        for _, _, weights in program.rows:
            columns.extend(weights)
            values.extend(float(weight) for weight in weights.values())
            starts.append(len(columns))
        matrix = model.a_matrix_
        matrix.format_ = highspy.MatrixFormat.kRowwise
        matrix.start_, matrix.index_, matrix.value_ = starts, columns, values
        return model  # type: ignore[no-any-return]  # made at run time


def _quiet() -> highspy.Highs:
    """HiGHS without a word: 1.16 prints its banner while it turns its callbacks on."""
    import highspy  # noqa: PLC0415

    class Quiet(highspy.Highs):
        def enableCallbacks(self) -> None:  # noqa: N802 - HiGHS's name
            self.setOptionValue("output_flag", False)  # noqa: FBT003 - HiGHS takes any type
            super().enableCallbacks()  # type: ignore[no-untyped-call]

    return Quiet()  # type: ignore[no-untyped-call]


def _rounded_up(bound: float) -> int:
    """The least whole number that is not below it; a little is forgiven, as HiGHS forgives it."""
    return math.ceil(bound - _NEAR * max(1.0, abs(bound))) if math.isfinite(bound) else 0
