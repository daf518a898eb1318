"""Round trips through millraced beside an echo of the same messages, on one core and on two."""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import machine
from server import Server  # of deploy/demo

import millrace

INPUTS, OUTPUTS, UNITS, STREAMS = 40, 4, 64, 64
FIGURES = ("p50_us", "p99_us", "bulk_steps_per_s", "streams_steps_per_s")
ROUNDS = 5
SECONDS = 0.6  # of each measurement in a round
MODEL = f"""
input {{ name: "vector" settings {{ name: "size" integer: {INPUTS} }} }}
cell {{ name: "vanilla" settings {{ name: "units" integer: {UNITS} }} }}
head {{ name: "linear" settings {{ name: "outputs" integer: {OUTPUTS} }} }}
loss {{ name: "mean_squared_error" }}
rule {{ name: "immediate" }}
optimizer {{ name: "rmsprop" settings {{ name: "rate" number: 1e-4 }} }}
durability: DURABILITY_PROCESS
"""


@dataclass
class Result:
    table: str
    figures: dict


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Programs started within stay on one core; None: on any."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def echo(program: pathlib.Path) -> Iterator[str]:
    process = subprocess.Popen([program, str(OUTPUTS)], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def measure(client: pathlib.Path, address: str, core: int | None) -> dict[str, float]:
    with on_core(core):
        done = subprocess.run([client, address, "bench", str(INPUTS), str(OUTPUTS), str(SECONDS)],
                              check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def placed(programs: pathlib.Path, tests: pathlib.Path, server_core: int, client_core: int
           ) -> dict[str, dict[str, float]]:
    """Medians over rounds in which the echo and the server take turns."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        server = Server(programs, pathlib.Path(folder))
        with on_core(server_core), echo(tests / "echo_server") as echoing:
            server.start()
            try:
                with millrace.connect(server.address) as client:
                    client.create_model("bench", MODEL)
                    for number in range(STREAMS):
                        client.open_stream(f"bench-{number}", "bench", seed=number)
                addresses = {"echo": echoing, "millrace": server.address}
                rounds = [{name: measure(tests / "round_trip_bench", address, client_core)
                           for name, address in addresses.items()} for _ in range(ROUNDS)]
            finally:
                server.stop()
    return {name: {figure: statistics.median(r[name][figure] for r in rounds)
                   for figure in rounds[0][name]} for name in rounds[0]}


def run(programs: pathlib.Path) -> Result:
    tests = programs.parent / "tests" / "bin"
    cores = sorted(os.sched_getaffinity(0))
    placements = {"one core": (cores[0], cores[0])}
    if len(cores) > 1:
        placements["two cores"] = (cores[0], cores[1])
    figures = {name: placed(programs, tests, *pair) for name, pair in placements.items()}
    lines = [f"vanilla, n = {UNITS}, {INPUTS} inputs, {OUTPUTS} outputs, immediate, RMSprop; every "
             "step is learned from; durability PROCESS", "",
             "| server and client on | | p50, us | p99, us | 64-step messages, steps/s | "
             "64 streams, steps/s |",
             "|---|---|---|---|---|---|"]
    for placement, rows in figures.items():
        for name, row in rows.items():
            lines.append(f"| {placement} | {name} | "
                         + " | ".join(f"{row[figure]:,.0f}" for figure in FIGURES) + " |")
        lines.append(f"| {placement} | millrace / echo | " + " | ".join(
            f"{rows['millrace'][figure] / rows['echo'][figure]:.2f}" for figure in FIGURES) + " |")
    return Result("\n".join(lines), {"rounds": ROUNDS, "seconds": SECONDS, "medians": figures})
