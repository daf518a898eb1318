"""Round trips through millraced beside an echo of the same messages, on one core and on two."""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import google_benchmark
from server import Server  # of deploy/demo

import millrace

INPUTS, OUTPUTS, UNITS, STREAMS = 40, 4, 64, 64
ECHOES = ("callback", "queue")
LEVELS = ("applied", "process", "sync")
OPEN_LOOPS = ("open:1", "open:16", "open:64")
MEASUREMENTS = ("single", "pipelined", "bulk", "streams", *OPEN_LOOPS)
ENGINE = f"step/vanilla/immediate/rmsprop/{UNITS}"
ROUNDS = 5
SECONDS = 0.6  # of each measurement in a round
MODEL = f"""
input {{ name: "vector" settings {{ name: "size" integer: {INPUTS} }} }}
cell {{ name: "vanilla" settings {{ name: "units" integer: {UNITS} }} }}
head {{ name: "linear" settings {{ name: "outputs" integer: {OUTPUTS} }} }}
loss {{ name: "mean_squared_error" }}
rule {{ name: "immediate" }}
optimizer {{ name: "rmsprop" settings {{ name: "rate" number: 1e-4 }} }}
durability: DURABILITY_
"""


@dataclass
class Result:
    table: str
    figures: dict


@dataclass
class Served:
    """What the client is pointed at, and how the streams there begin."""

    address: str
    stream: str


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Programs started within stay on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def echo(program: pathlib.Path, api: str) -> Iterator[Served]:
    process = subprocess.Popen([program, str(OUTPUTS), api], stdout=subprocess.PIPE, text=True)
    try:
        yield Served(process.stdout.readline().strip(), "bench")
    finally:
        process.kill()
        process.wait()


@contextmanager
def server(programs: pathlib.Path) -> Iterator[dict[str, Served]]:
    """A server with the streams of every durability, by its name."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        running = Server(programs, pathlib.Path(folder))
        running.start()
        try:
            with millrace.connect(running.address) as client:
                for level in LEVELS:
                    client.create_model(level, MODEL.rstrip() + level.upper())
                    for number in range(STREAMS):
                        client.open_stream(f"{level}-{number}", level, seed=number)
            yield {level: Served(running.address, level) for level in LEVELS}
        finally:
            running.stop()


def measure(client: pathlib.Path, served: Served, core: int) -> dict[str, dict[str, float]]:
    with on_core(core):
        done = subprocess.run([client, served.address, served.stream, str(INPUTS), str(OUTPUTS),
                               str(SECONDS), *MEASUREMENTS],
                              check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def placed(programs: pathlib.Path, tests: pathlib.Path, server_core: int, client_core: int
           ) -> tuple[dict, float]:
    """Medians over rounds in which the echoes, the server's levels and the engine take turns."""
    rounds, engine = [], []
    with ExitStack() as stack:
        with on_core(server_core):
            subjects = {f"echo, {api}": stack.enter_context(echo(tests / "echo_server", api))
                        for api in ECHOES}
            subjects |= stack.enter_context(server(programs))
        for _ in range(ROUNDS):
            rounds.append({name: measure(tests / "round_trip_bench", served, client_core)
                           for name, served in subjects.items()})
            engine.append(google_benchmark.medians(
                google_benchmark.run(tests / "step_bench", chosen=f"^{ENGINE}$", seconds=SECONDS,
                                     cores=(server_core,)), "step")[ENGINE])
    medians = {name: {measurement: {figure: statistics.median(r[name][measurement][figure]
                                                              for r in rounds)
                                    for figure in rounds[0][name][measurement]}
                      for measurement in MEASUREMENTS} for name in subjects}
    return medians, statistics.median(engine)


def trips(placement: str, rows: dict) -> list[str]:
    floors = [rows[f"echo, {api}"]["single"] for api in ECHOES]
    lines = []
    for name, row in rows.items():
        single = row["single"]
        lines.append(
            f"| {placement} | {name} | "
            + " | ".join(f"{single[q]:,.0f}" for q in ("p50_us", "p99_us", "p99_9_us"))
            + "".join(f" | {single['p50_us'] / floor['p50_us']:.2f}" for floor in floors) + " |")
    return lines


def rates(placement: str, rows: dict, engine_s: float) -> list[str]:
    floor = rows[f"echo, {ECHOES[0]}"]["pipelined"]["steps_per_s"]
    lines = [f"| {placement} | engine alone | | | {1 / engine_s:,.0f} | 1.00 | |"]
    for name, row in rows.items():
        pipelined, bulk, streams = (row[m]["steps_per_s"] for m in ("pipelined", "bulk", "streams"))
        lines.append(f"| {placement} | {name} | {pipelined:,.0f} | {pipelined / floor:.2f} | "
                     f"{bulk:,.0f} | {bulk * engine_s:.2f} | {streams:,.0f} |")
    return lines


def open_loops(placement: str, rows: dict) -> list[str]:
    return [f"| {placement} | {name} | " + " | ".join(
        f"{row[m]['p50_us']:,.0f} / {row[m]['p99_us']:,.0f} / {row[m]['missed']:,.0f}"
        for m in OPEN_LOOPS) + " |" for name, row in rows.items()]


def run(programs: pathlib.Path) -> Result:
    tests = programs.parent / "tests" / "bin"
    cores = sorted(os.sched_getaffinity(0))
    placements = {"one core": (cores[0], cores[0])}
    if len(cores) > 1:
        placements["two cores"] = (cores[0], cores[1])
    figures = {name: placed(programs, tests, *pair) for name, pair in placements.items()}
    heads = {
        "one step, after the reply to the one before": (
            "p50, us | p99, us | p99.9, us | p50 / echo's, callback | / echo's, queue", trips),
        "steps a second": ("one-step messages, one stream | / echo's | 64-step messages | "
                           "/ engine's | 64 streams", rates),
        "every 20 ms from each of N streams: p50 us / p99 us / missed": (
            "N = 1 | N = 16 | N = 64", open_loops)}
    lines = [f"vanilla, n = {UNITS}, {INPUTS} inputs, {OUTPUTS} outputs, immediate, RMSprop; every "
             "step is learned from"]
    for title, (columns, rows_of) in heads.items():
        lines += ["", f"{title}:", "", f"| server and client on | | {columns} |",
                  "|---" * (columns.count("|") + 3) + "|"]
        for placement, (rows, engine_s) in figures.items():
            lines += (rates(placement, rows, engine_s) if rows_of is rates
                      else rows_of(placement, rows))
    return Result("\n".join(lines), {
        "rounds": ROUNDS, "seconds": SECONDS,
        "medians": {name: rows for name, (rows, _) in figures.items()},
        "engine_step_s": {name: engine_s for name, (_, engine_s) in figures.items()}})
