"""The engine's step beside the floor: one pass over its bytes, in the same run."""

from __future__ import annotations

import itertools
import json
import pathlib
import subprocess
import tempfile
from dataclasses import dataclass

import machine

REPETITIONS = 5
MINIMUM_S = 0.05
RULES = ("immediate", "trace", "rflo", "snap1")
OPTIMIZERS = ("sgd", "rmsprop", "adam")
UNITS = (32, 64, 128, 256)


@dataclass
class Result:
    table: str
    figures: dict


def measure(program: pathlib.Path) -> dict[str, float]:
    """Medians in microseconds of processor time a step, by the benchmark's name."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        out = pathlib.Path(folder) / "out.json"
        subprocess.run([*machine.pin(0), program, f"--benchmark_repetitions={REPETITIONS}",
                        f"--benchmark_min_time={MINIMUM_S}",
                        "--benchmark_enable_random_interleaving=true",
                        "--benchmark_report_aggregates_only=true", f"--benchmark_out={out}",
                        "--benchmark_out_format=json"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        rows = json.loads(out.read_text(encoding="utf-8"))["benchmarks"]
    failed = [row["name"] for row in rows if row.get("error_occurred")]
    if failed:
        raise RuntimeError(f"benchmarks that failed: {', '.join(failed)}")
    return {row["run_name"]: round(1e6 * row["step"], 3) for row in rows
            if row.get("aggregate_name") == "median"}


def run(programs: pathlib.Path) -> Result:
    medians = measure(programs.parent / "tests" / "bin" / "step_bench")
    lines = ["microseconds a step (and times the floor); 40 inputs, 4 outputs, float32, one core",
             "",
             "| rule | optimizer | " + " | ".join(f"n = {n}" for n in UNITS) + " |",
             "|---|---|" + "---|" * len(UNITS)]
    for rule, optimizer in itertools.product(RULES, OPTIMIZERS):
        cells = []
        for n in UNITS:
            step, floor = (medians[f"{kind}/{rule}/{optimizer}/{n}"] for kind in ("step", "floor"))
            cells.append(f"{step:.1f} ({step / floor:.1f})")
        lines.append(f"| {rule} | {optimizer} | " + " | ".join(cells) + " |")
    lines += ["", "one step a message, immediate, RMSprop, n = 64: "
              f"{medians['single_step/immediate/rmsprop/64']:.1f}",
              "bytes, next byte, immediate, RMSprop, n = 128: "
              f"{medians['bytes/immediate/rmsprop/128']:.1f}"]
    return Result("\n".join(lines), {"unit": "microseconds of processor time a step",
                                     "repetitions": REPETITIONS, "medians": medians})
