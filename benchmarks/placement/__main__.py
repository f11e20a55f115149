"""Placements of 1,000 to 10,000 nodes, beside manta's greedy method: `make bench-placement`.

Each row is a process of its own, so its peak of memory is its own. Times are the processor's,
of the choosing, after the facts are in memory; the import of the solver is part of them, and one
thread does it all. They are to be compared within one run; the nodes, cabinets, blades and
surplus are the same everywhere.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks.placement.greedy import greedy
from benchmarks.placement.machines import machine_of
from poya.placement.facts import Machine, NodeFacts
from poya.placement.holding import Asker
from poya.placement.parsing import parse_demand
from poya.placement.placing import placements
from poya.placement.syntax import Demand

SIZES = (2_000, 5_000, 10_000)
DEMANDS = (
    "a100:4:milan:10:instinct:8",
    "gh200:{gh200}:milan:{milan}:a100:{a100}",
)
CLASSES = (
    "gpu: {gh200_nodes} nodes where gh200 >= 4, whole blades, prefer same firmware; "
    "cpu: {rome_nodes} nodes where rome >= 2 and memory >= 256GiB, at most 4 per blade"
)
Figures = dict[str, float]


def main() -> None:
    if len(sys.argv) == 4:
        measure(sys.argv[1], int(sys.argv[2]), sys.argv[3])
        return
    print(
        f"{'nodes':>6} {'':8} {'first':>7} {'answer':>7} {'peak':>8}  picked cabs blades surplus"
    )
    for size in SIZES:
        fill = _part_of_what_is_free(machine_of(size))
        for demand in (*DEMANDS, CLASSES):
            text = demand.format(**fill)
            print(text[:78])
            show("poya", size, run("poya", size, text))
            if demand is not CLASSES:
                show("greedy", size, run("greedy", size, text))


def _part_of_what_is_free(machine: Machine) -> dict[str, int]:
    """About a third of what can be had, so that there is something to choose from."""
    free: Counter[str] = Counter()
    for node in _free(machine):
        free.update(dict(node.shape.parts))
    thirds = {name: free[name] // 3 for name in ("gh200", "milan", "a100")}
    return {**thirds, "gh200_nodes": free["gh200"] // 24 * 2, "rome_nodes": free["rome"] // 6}


def _free(machine: Machine) -> list[NodeFacts]:
    return [n for n in machine.nodes if not (n.is_locked or n.tenant or n.groups)]


def run(method: str, size: int, text: str) -> Figures:
    command = [sys.executable, "-m", "benchmarks.placement", method, str(size), text]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def show(method: str, size: int, found: Figures) -> None:
    proven = "  proven best" if found.get("proven") else ""
    print(
        f"{size:6,} {method:8} {found['first_s']:5.2f} s {found['answer_s']:5.2f} s "
        f"{found['peak_mib']:4.0f} MiB {found['nodes']:7.0f} {found['cabinets']:4.0f} "
        f"{found['blades']:6.0f} {found['surplus']:7.0f}{proven}"
    )


def measure(method: str, size: int, text: str) -> None:
    machine = machine_of(size)
    demand = parse_demand(text)
    choose = _poya if method == "poya" else _greedy
    figures = choose(machine, demand)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({**figures, "peak_mib": peak_kib / 1024}))


def _poya(machine: Machine, demand: Demand) -> Figures:
    started_s = time.process_time()
    found = placements(demand, machine, Asker())
    next(found)
    first_s = time.process_time() - started_s
    (last,) = found
    answer_s = time.process_time() - started_s
    nodes = [machine.by_xname[xname] for xname in last.nodes]
    surplus = last.cost("surplus")
    return {
        "first_s": first_s, "answer_s": answer_s, "proven": last.is_proven,
        **_spread(nodes), "surplus": surplus,
    }  # fmt: skip


def _greedy(machine: Machine, demand: Demand) -> Figures:
    wanted = {total.component: total.amount for total in demand.classes[0].totals}
    free = _free(machine)
    started_s = time.process_time()
    nodes = greedy(free, wanted)
    took_s = time.process_time() - started_s
    return {
        "first_s": took_s, "answer_s": took_s, **_spread(nodes), "surplus": _surplus(nodes, wanted)
    }  # fmt: skip


def _spread(nodes: Sequence[NodeFacts]) -> Figures:
    cabinets, blades = {n.cabinet for n in nodes}, {n.blade for n in nodes}
    return {"nodes": len(nodes), "cabinets": len(cabinets), "blades": len(blades)}


def _surplus(nodes: Sequence[NodeFacts], wanted: Mapping[str, int]) -> int:
    """As poya counts it: what exceeds the totals, and accelerators that nobody asked for."""
    have = [dict(node.shape.parts) for node in nodes]
    over = sum(sum(parts.get(c, 0) for parts in have) - n for c, n in wanted.items())
    idle = [n for n in nodes if not set(n.shape.accelerator_names) & set(wanted)]
    return over + sum(node.shape.accelerators for node in idle)


if __name__ == "__main__":
    main()
