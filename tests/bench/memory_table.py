"""Memory of a stream by kind, and what the server adds to it."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import tempfile
import urllib.request
from dataclasses import dataclass

UNITS = (32, 64, 128, 256, 512, 1024)
SERVED, SERVED_UNITS, INPUTS, OUTPUTS = 500, 32, 40, 4
SERVED_MODEL = f"""
input {{ name: "vector" settings {{ name: "size" integer: {INPUTS} }} }}
cell {{ name: "vanilla" settings {{ name: "units" integer: {SERVED_UNITS} }} }}
head {{ name: "linear" settings {{ name: "outputs" integer: {OUTPUTS} }} }}
loss {{ name: "mean_squared_error" }}
rule {{ name: "immediate" }}
optimizer {{ name: "rmsprop" }}
"""


@dataclass
class Result:
    table: str
    figures: dict


def measure(program: pathlib.Path) -> list[dict]:
    return json.loads(subprocess.run([program], check=True, capture_output=True, text=True).stdout)


def process_bytes(server) -> int:
    """Resident memory of the server as it reports it itself."""
    page = urllib.request.urlopen(f"http://{server.metrics}/metrics", timeout=30).read().decode()
    return int(float(re.search(r"^process_resident_memory_bytes (\S+)", page, re.MULTILINE)[1]))


def served(programs: pathlib.Path) -> float:
    """Growth of the server for each further stream that was opened and written to, in bytes."""
    import numpy as np
    from server import Server  # of deploy/demo

    import millrace

    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        server = Server(programs, pathlib.Path(folder))
        server.start()
        try:
            with millrace.connect(server.address) as client:
                client.create_model("bench", SERVED_MODEL)
                before = 0
                for number in range(2 * SERVED):
                    if number == SERVED:
                        before = process_bytes(server)
                    with client.open(f"bench-{number}", model="bench", seed=number) as stream:
                        stream.play(np.ones((4, INPUTS)), np.ones((4, OUTPUTS)))
                return (process_bytes(server) - before) / SERVED
        finally:
            server.stop()


def shown(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} B"


def lines(rows: dict[str, dict]) -> list[str]:
    table = ["| cell | rule | optimizer | " + " | ".join(f"n = {n}" for n in UNITS) + " |",
             "|---|---|---|" + "---|" * len(UNITS)]
    for kind in dict.fromkeys(name.rsplit("/", 1)[0] for name in rows):
        cells = []
        for n in UNITS:
            row = rows.get(f"{kind}/{n}")
            cells.append("-" if row is None else
                         f"{shown(row['heap'])} ({row['heap'] / (4 * row['parameters']):.1f})")
        table.append(f"| {kind.replace('/', ' | ')} | {' | '.join(cells)} |")
    return table


def run(programs: pathlib.Path) -> Result:
    rows = {row.pop("name"): row for row in measure(programs.parent / "tests/bin/memory_bench")}
    text = ["what the allocator gives out for one further stream (and times its parameters, 4 "
            "bytes each); 40 inputs, 4 outputs, float32", "", *lines(rows)]
    kept, bare = (rows[f"vanilla/{rule}/rmsprop/1024"]["heap"] / (12 * 1024 ** 2)
                  for rule in ("immediate", "immediate, no good copy"))
    text += ["", f"immediate, RMSprop, n = 1024: {kept:.2f} times 3 n^2 floats, {bare:.2f} without "
             "the good copy of weights and slots"]
    figures: dict = {"unit": "bytes a stream", "kinds": rows}
    if (programs / "millraced").exists():
        each, own = served(programs), rows[f"vanilla/immediate/rmsprop/{SERVED_UNITS}"]["heap"]
        text.append(f"the server grows by {shown(each)} for each further stream of vanilla, "
                    f"immediate, RMSprop, n = {SERVED_UNITS}, journal included; the engine alone "
                    f"by {shown(own)}")
        figures["served"] = {"bytes": each, "engine": own}
    return Result("\n".join(text), figures)
