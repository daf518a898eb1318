"""The engine's step beside its floor: one pass over its bytes, or its products at sgemm's best."""

from __future__ import annotations

import math
import pathlib
from dataclasses import dataclass

import floors
import google_benchmark

REPETITIONS = 5
SECONDS = 0.02
INPUTS = 40
UNITS = (32, 64, 128, 256, 512, 1024)
RING, RECURRENT = 4, {"lstm": 2}  # components that a recurrent product reaches; else 1
GATES = {"lstm": 4, "gru": 3}
DENSE = ("vanilla", "ctrnn", "lstm", "gru")  # cells whose units see each other
ORDER = (*DENSE, "immediate", "trace", "rflo", "snap1", "rtrl", "ring4", "block4", "block16", "sgd",
         "rmsprop", "adam")


@dataclass
class Result:
    table: str
    figures: dict


def operations(cell: str, rule: str, n: int) -> float:
    """Of one sweep of the sensitivities; 0 for rules that are bound by bytes."""
    columns = GATES.get(cell, 1) * n * (n + INPUTS + 1)
    if cell not in DENSE:
        return 0
    rows = RECURRENT.get(cell, 1) * n
    if rule == "rtrl":
        return 2.0 * rows * n * columns
    if rule == "ring4":
        return 2.0 * rows * (RING + 1) * columns
    if rule.startswith("block"):
        c = int(rule.removeprefix("block"))
        return 2.0 * RECURRENT.get(cell, 1) * c * c * columns
    return 0


def shown(us: float) -> str:
    return f"{us:.2f}" if us < 10 else f"{us:.1f}" if us < 100 else f"{us:,.0f}"


def kinds_of(prefix: str, steps: dict[str, float]) -> list[tuple[str, ...]]:
    """Cell, rule and optimizer of the steps so named, in the order of the table."""
    kinds = {tuple(name.split("/")[1:4]) for name in steps if name.startswith(prefix + "/")}
    place = {word: number for number, word in enumerate(ORDER)}
    return sorted(kinds, key=lambda kind: [(place.get(word, len(ORDER)), word) for word in kind])


def step_rows(steps: dict[str, float], found: dict[str, floors.Floor]) -> list[str]:
    lines = ["| cell | rule | optimizer | " + " | ".join(f"n = {n}" for n in UNITS) + " |",
             "|---|---|---|" + "---|" * len(UNITS)]
    for kind in kinds_of("step", steps):
        cells = []
        for n in UNITS:
            name = "/".join(("step", *kind, str(n)))
            if name not in steps:
                cells.append("-")
                continue
            floor = found[name]
            cells.append(f"{shown(steps[name])} ({floor.us / steps[name]:.0%} {floor.binds})")
        lines.append(f"| {' | '.join(kind)} | " + " | ".join(cells) + " |")
    return lines


def cost_of(share: float) -> str:
    """What a byte's step takes of the same step with 256 dense inputs tells rows from one row."""
    return "O(n)" if share < 0.6 else "O(256 n)"


def byte_rows(steps: dict[str, float]) -> list[str]:
    """Bytes beside the same values as 256 dense inputs, and what 256 rows cost."""
    lines = ["| rule | optimizer | n = 32: byte, dense | n = 256: byte, dense | a byte costs |",
             "|---|---|---|---|---|"]
    for cell, rule, optimizer in kinds_of("bytes", steps):
        if cell != "vanilla":
            continue
        cells, shares = [], []
        for n in (32, 256):
            case = f"vanilla/{rule}/{optimizer}/{n}"
            if f"bytes/{case}" not in steps:
                cells.append("-")
                continue
            byte, dense = steps[f"bytes/{case}"], steps[f"onehot/{case}"]
            cells.append(f"{shown(byte)}, {shown(dense)}")
            shares.append(byte / dense)
        lines.append(f"| {rule} | {optimizer} | {' | '.join(cells)} | {cost_of(min(shares))} |")
    return lines


def byte_cells(steps: dict[str, float]) -> list[str]:
    """The cells under the immediate rule: whose input weights a byte costs O(n)."""
    lines = ["| cell, n = 64 | byte, dense | a byte costs |", "|---|---|---|"]
    for cell, rule, optimizer in kinds_of("bytes", steps):
        case = f"{cell}/{rule}/{optimizer}/64"
        if f"bytes/{case}" not in steps:
            continue
        byte, dense = steps[f"bytes/{case}"], steps[f"onehot/{case}"]
        lines.append(f"| {cell} | {shown(byte)}, {shown(dense)} | {cost_of(byte / dense)} |")
    return lines


def ratios(steps: dict[str, float]) -> str:
    def times(over: str, under: str, n: int) -> str:
        over, under = (f"step/vanilla/{rule}/rmsprop/{n}" for rule in (over, under))
        return f"{steps[over] / steps[under]:.1f}"

    return ("times as long as another rule (vanilla, RMSprop, n = 64, 128): ring of 4 over blocks "
            f"of 4 {times('ring4', 'block4', 64)}, {times('ring4', 'block4', 128)}; full over ring "
            f"{times('rtrl', 'ring4', 64)}, {times('rtrl', 'ring4', 128)}")


def growth(steps: dict[str, float]) -> str:
    """The power of n with which a step grows, from the two widest nets of each rule."""
    powers = []
    for rule in ("immediate", "snap1", "block4", "ring4", "rtrl"):
        widest = [n for n in UNITS if f"step/vanilla/{rule}/rmsprop/{n}" in steps][-2:]
        low, high = (steps[f"step/vanilla/{rule}/rmsprop/{n}"] for n in widest)
        powers.append(f"{rule} n^{math.log2(high / low):.1f} (n = {widest[0]} to {widest[1]})")
    return "a step of vanilla with RMSprop grows as " + ", ".join(powers)


def run(programs: pathlib.Path) -> Result:
    built = programs.parent / "tests" / "bin"
    best = floors.measure(built)
    rows = google_benchmark.run(built / "step_bench", repetitions=REPETITIONS, seconds=SECONDS)
    steps = google_benchmark.medians(rows, "step", 1e6)
    found = {}
    for name in steps:
        kind, cell, rule, _, n = name.split("/")
        if kind != "step":
            continue
        found[name] = best.of(int(rows[name][0]["touched"]), operations(cell, rule, int(n)))
    lines = ["microseconds a step (and the floor as a part of it, with what binds); 40 inputs, 4 "
             "outputs, float32, one core", "", *step_rows(steps, found), "", ratios(steps), "",
             growth(steps), "",
             *byte_rows(steps), "", *byte_cells(steps), "",
             "one step a message, immediate, RMSprop, n = 64: "
             f"{shown(steps['single_step/vanilla/immediate/rmsprop/64'])}",
             "next byte, immediate, RMSprop, n = 128: "
             f"{shown(steps['next_byte/vanilla/immediate/rmsprop/128'])}", "", best.table()]
    return Result("\n".join(lines), {
        "unit": "microseconds of processor time a step", "repetitions": REPETITIONS,
        "medians": {name: round(us, 3) for name, us in steps.items()},
        "floors": {name: [round(floor.us, 3), floor.binds] for name, floor in found.items()},
        "machine_floors": best.figures()})
