"""Many streams of one model on one core and on two, beside JAX's vmap of the same step."""

from __future__ import annotations

import os
import pathlib
import statistics
import tempfile
from collections import defaultdict
from dataclasses import dataclass

import google_benchmark
from rival_process import environment_is_there, rivals, write_start

ROUNDS = 5
SECONDS = 0.3
UNITS, STEPS = 64, 64
COUNTS = {1: None, 64: 64, 1000: 1024}  # the engine's streams: JAX's beside them
ORDERS = ("lockstep", "in turn")
FURTHEST = 1e-4  # a rival's weights from the engine's, of their change


@dataclass
class Result:
    table: str
    figures: dict


def engine_turn(program: pathlib.Path, count: int, threads: int) -> dict[str, float]:
    """Stream-steps a second: on the wall, and of as many cores as there are threads."""
    name = f"streams/{count}/{threads}"
    row = google_benchmark.run(program, chosen=f"^{name}/", seconds=SECONDS,
                               cores=tuple(range(threads)))[name][0]
    return {"wall": row["steps_per_s"], "cores": threads * row["steps"] / (1e-9 * row["cpu_time"])}


def jax_turn(rival, count: int, order: str, threads: int) -> dict[str, float]:
    turn = rival.turn(f"immediate, {count} streams {order}", UNITS, SECONDS)
    return {"wall": 1e6 * count / turn["wall_us"], "cores": 1e6 * threads * count / turn["cpu_us"]}


def measure_engine(program: pathlib.Path, rates: dict, placements: list[int]) -> None:
    for count in COUNTS:
        for threads in placements if count > 1 else [1]:
            rates[f"engine/{count}/{threads}"].append(engine_turn(program, count, threads))


def measure(built: pathlib.Path, placements: list[int]) -> dict[str, list[dict[str, float]]]:
    rates: dict[str, list[dict[str, float]]] = defaultdict(list)
    program = built / "streams_bench"
    if not environment_is_there():
        for _ in range(ROUNDS):
            measure_engine(program, rates, placements)
        return rates
    with tempfile.TemporaryDirectory(prefix="millrace-") as folder:
        start = write_start(built, pathlib.Path(folder) / "start", "immediate", UNITS, STEPS)
        for threads in placements:
            cores = tuple(range(threads))
            with rivals({"JAX": "jax_rivals.py"}, cores) as script:
                for count in filter(None, COUNTS.values()):
                    for order in ORDERS:
                        case = f"immediate, {count} streams {order}"
                        distance = script["JAX"].prepare(case, UNITS, start, STEPS)
                        if not distance < FURTHEST:
                            raise RuntimeError(f"JAX's '{case}' ends {distance:.1e} of the change "
                                               f"away from the engine; expected {FURTHEST}")
                for _ in range(ROUNDS):
                    measure_engine(program, rates, [threads])
                    for count in filter(None, COUNTS.values()):
                        for order in ORDERS:
                            rates[f"JAX {order}/{count}/{threads}"].append(
                                jax_turn(script["JAX"], count, order, threads))
    return rates


def lines(rates: dict[str, float], placements: list[int]) -> list[str]:
    table = ["| streams | cores | engine | JAX vmap, in lockstep (engine / JAX) | JAX, one stream "
             "after the other |", "|---|---|---|---|---|"]
    for count, beside in COUNTS.items():
        for threads in placements if count > 1 else [1]:
            own = rates[f"engine/{count}/{threads}"]
            cells = []
            for order in ORDERS:
                rival = rates.get(f"JAX {order}/{beside}/{threads}")
                cells.append("-" if rival is None else f"{rival:,.0f} ({own / rival:.1f})")
            table.append(f"| {count} | {threads} | {own:,.0f} | {' | '.join(cells)} |")
    return table


def run(programs: pathlib.Path) -> Result:
    placements = [1, 2] if len(os.sched_getaffinity(0)) > 1 else [1]
    rows = measure(programs.parent / "tests" / "bin", placements)
    rates = {name: statistics.median(row["cores"] for row in each) for name, each in rows.items()}
    best = {name: max(row["wall"] for row in each) for name, each in rows.items()}
    text = [f"stream-steps a second, vanilla, n = {UNITS}, immediate, RMSprop, messages of {STEPS} "
            "steps;", "by processor time: what the cores would do if nothing else ran on them",
            "", *lines(rates, placements)]
    if len(placements) > 1:
        by_processor, by_wall = (found["engine/1000/2"] / found["engine/1000/1"]
                                 for found in (rates, best))
        text += ["", f"1000 streams, two cores over one: {by_processor:.2f} by processor time, "
                 f"{by_wall:.2f} by the best times on the wall"]
    if not environment_is_there():
        text += ["", "JAX is left out: ./dev bench rivals installs it"]
    return Result("\n".join(text), {"unit": "stream-steps a second", "rounds": ROUNDS,
                                    "medians_by_processor_time": rates, "best_on_the_wall": best})
