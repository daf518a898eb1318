"""The engine beside what a user would write: JAX and PyTorch on the same task, in the same run."""

from __future__ import annotations

import pathlib
import statistics
import tempfile
from dataclasses import dataclass

import google_benchmark
from rival_process import rivals, write_start

ROUNDS = 5
SECONDS = 0.12  # of a turn
FURTHEST = 1e-4  # from the engine, of the change of the weights
ENGINE = "engine"
SCRIPTS = {"JAX": "jax_rivals.py", "PyTorch": "torch_rivals.py"}
# Of the scan that is compiled and of the check against the engine.
STEPS = {("immediate", 64): 1000, ("immediate", 128): 500, ("immediate", 256): 200,
         ("trace", 64): 500, ("trace", 256): 100, ("snap1", 64): 500, ("snap1", 256): 100,
         ("block4", 64): 200, ("block4", 256): 16, ("ring4", 64): 100, ("ring4", 128): 16,
         ("rtrl", 64): 48, ("rtrl", 128): 8, ("rtrl", 256): 2}
# Columns: title, script, case; {} is the rule.
COLUMNS = (
    ("JAX scan", "JAX", "{}"),
    ("JAX scan, seeded root", "JAX", "{}, seeded"),
    ("torch.compile", "PyTorch", "{}, compiled"),
    ("PyTorch by hand", "PyTorch", "{}, by hand"),
    ("plain", "PyTorch", "{}, by hand, plain"),
    ("masked", "PyTorch", "{}, by hand, masked"),
    ("autograd, torch.optim", "PyTorch", "{}, autograd"),
)
CASES = {
    "immediate": ("{}", "{}, seeded", "{}, compiled", "{}, by hand", "{}, by hand, plain",
                  "{}, autograd"),
    "trace": ("{}", "{}, by hand"),
    "snap1": ("{}", "{}, by hand"),
    "block4": ("{}",),
    "ring4": ("{}", "{}, compiled", "{}, by hand", "{}, by hand, masked"),
    "rtrl": ("{}", "{}, compiled", "{}, by hand"),
}


@dataclass
class Result:
    table: str
    figures: dict


def wanted(rule: str, units: int) -> list[tuple[str, str, str]]:
    """Columns of a row; what takes minutes to compile or to play is left out of the widest."""
    large = rule != "immediate" and units > 64
    return [column for column in COLUMNS if column[2] in CASES[rule]
            and not (large and column[2] == "{}, compiled")
            and not (units > 128 and rule == "rtrl" and column[1] != "JAX")]


def prepare(programs: pathlib.Path, script: dict, starts: pathlib.Path) -> dict[str, float]:
    """Starts every rival; how far each ends from the engine. One that is far off is none."""
    distances = {}
    for (rule, units), steps in STEPS.items():
        for _, name, pattern in wanted(rule, units):
            case = pattern.format(rule)
            corrected = "autograd" not in case
            file = starts / f"{rule}-{units}-{corrected}"
            if not file.exists():
                write_start(programs, file, rule, units, steps, corrected)
            distance = script[name].prepare(case, units, file, steps)
            distances[f"{name}/{case}/{units}"] = distance
            if not distance < FURTHEST:
                raise RuntimeError(f"{name}'s '{case}' at n = {units} ends {distance:.1e} of the "
                                   f"change away from the engine; expected at most {FURTHEST}")
    return distances


def engine_turn(program: pathlib.Path, rule: str, units: int) -> float:
    name = f"step/vanilla/{rule}/rmsprop/{units}"
    rows = google_benchmark.run(program, chosen=f"^{name}$", seconds=SECONDS)
    return 1e6 * rows[name][0]["step"]


def measure(programs: pathlib.Path, script: dict) -> dict[str, dict[str, list[float]]]:
    """By row and column, microseconds of processor time a step, one a round."""
    times: dict[str, dict[str, list[float]]] = {}
    for _ in range(ROUNDS):
        for rule, units in STEPS:
            row = times.setdefault(f"{rule}/{units}", {})
            row.setdefault(ENGINE, []).append(
                engine_turn(programs / "step_bench", rule, units))
            for title, name, pattern in wanted(rule, units):
                turn = script[name].turn(pattern.format(rule), units, SECONDS)
                row.setdefault(title, []).append(turn["cpu_us"])
    return times


def shown(us: float) -> str:
    return f"{us:,.1f}" if us < 100 else f"{us:,.0f}"


def lines(medians: dict[str, dict[str, float]]) -> list[str]:
    titles = [column[0] for column in COLUMNS]
    table = ["| rule | n | engine | " + " | ".join(titles) + " |",
             "|---|---|---|" + "---|" * len(titles)]
    for rule, units in STEPS:
        row = medians[f"{rule}/{units}"]
        cells = [f"{shown(row[title])} ({row[title] / row[ENGINE]:.1f})" if title in row else "-"
                 for title in titles]
        table.append(f"| {rule} | {units} | {shown(row[ENGINE])} | " + " | ".join(cells) + " |")
    return table


def run(programs: pathlib.Path) -> Result:
    built = programs.parent / "tests" / "bin"
    with rivals(SCRIPTS) as script, tempfile.TemporaryDirectory(prefix="millrace-") as starts:
        distances = prepare(built, script, pathlib.Path(starts))
        times = measure(built, script)
    medians = {row: {title: statistics.median(each) for title, each in columns.items()}
               for row, columns in times.items()}
    head = ["vanilla, 40 inputs, 4 outputs, RMSprop, float32, one core; microseconds of processor "
            "time a step", f"(and times the engine's), medians of {ROUNDS} interleaved rounds; the "
            f"farthest rival ends {max(distances.values()):.0e} of the weights' change from the "
            "engine", ""]
    return Result("\n".join(head + lines(medians)),
                  {"unit": "microseconds of processor time a step", "rounds": ROUNDS,
                   "medians": medians, "least": {row: {title: min(each)
                                                       for title, each in columns.items()}
                                                 for row, columns in times.items()},
                   "distances": distances})
