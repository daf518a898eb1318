"""Runs a Google Benchmark program on one core and reads its JSON."""

from __future__ import annotations

import json
import pathlib
import re
import statistics
import subprocess
import tempfile
from collections import defaultdict

import machine

# What a benchmark's own settings add to its name.
SETTINGS = re.compile(r"(/(iterations|repeats):\d+|/process_time|/real_time)+$")


def run(program: pathlib.Path, *, chosen: str = "", repetitions: int = 1, seconds: float = 0.05,
        cores: tuple[int, ...] = (0,)) -> dict[str, list[dict]]:
    """Every repetition's row by the benchmark's name; repetitions of all are interleaved."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        out = pathlib.Path(folder) / "out.json"
        subprocess.run([*machine.pin(*cores), program, f"--benchmark_filter={chosen or '.'}",
                        f"--benchmark_repetitions={repetitions}",
                        f"--benchmark_min_time={seconds}",
                        "--benchmark_enable_random_interleaving=true", f"--benchmark_out={out}",
                        "--benchmark_out_format=json"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        rows = json.loads(out.read_text(encoding="utf-8"))["benchmarks"]
    failed = [row["name"] for row in rows if row.get("error_occurred")]
    if failed:
        raise RuntimeError(f"benchmarks of {program.name} that failed: {', '.join(failed)}")
    found = defaultdict(list)
    for row in rows:
        if row.get("run_type") == "iteration":
            found[SETTINGS.sub("", row["run_name"])].append(row)
    return dict(found)


def medians(rows: dict[str, list[dict]], counter: str, scale: float = 1.0) -> dict[str, float]:
    return {name: scale * statistics.median(row[counter] for row in each)
            for name, each in rows.items() if counter in each[0]}
