"""Floors of a step: what the same bytes and operations cost at this processor's best."""

from __future__ import annotations

import bisect
import math
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass

import google_benchmark
import machine

FOLDER = pathlib.Path(__file__).resolve().parent
REPETITIONS = 5


@dataclass
class Floor:
    us: float
    binds: str  # the level of memory, or "sgemm"


@dataclass
class Floors:
    update: dict[int, float]  # bytes a second, both directions, by the size of the working set
    copy: dict[int, float]
    fma: float  # operations a second
    sgemm: float
    levels: list[tuple[str, int]]  # caches of one core and their sizes, smallest first

    def level(self, working_set: int) -> str:
        return next((name for name, size in self.levels if working_set <= size), "memory")

    def bandwidth(self, working_set: int) -> float:
        """Of reading and writing the working set in place, between the sizes measured."""
        sizes = sorted(self.update)
        at = min(max(bisect.bisect_left(sizes, working_set), 1), len(sizes) - 1)
        low, high = sizes[at - 1], sizes[at]
        part = min(max(math.log(working_set / low) / math.log(high / low), 0.0), 1.0)
        return self.update[low] ** (1 - part) * self.update[high] ** part

    def of(self, touched: int, operations: float = 0) -> Floor:
        """Of a step that reads and writes `touched` bytes once."""
        moved = 1e6 * 2 * touched / self.bandwidth(touched)
        computed = 1e6 * operations / max(self.sgemm, 1.0)
        if computed > moved:
            return Floor(computed, "sgemm")
        return Floor(moved, self.level(touched))

    def table(self) -> str:
        rows = ["| working set | level | read and write in place, GB/s | memcpy, GB/s |",
                "|---|---|---|---|"]
        for size in sorted(self.update):
            shown = f"{size >> 10} KiB" if size < 1 << 20 else f"{size >> 20} MiB"
            rows.append(f"| {shown} | {self.level(size)} | {self.update[size] / 1e9:.0f} | "
                        f"{self.copy[size] / 1e9:.0f} |")
        return "\n".join(rows + [
            "", f"multiply-adds in registers {self.fma / 1e9:.0f} GFLOP/s; sgemm (NumPy's "
            f"OpenBLAS, best of five shapes) {self.sgemm / 1e9:.0f} GFLOP/s"])

    def figures(self) -> dict:
        return {"update_bytes_per_s": self.update, "copy_bytes_per_s": self.copy,
                "fma_operations_per_s": self.fma, "sgemm_operations_per_s": self.sgemm,
                "levels": dict(self.levels)}


def caches() -> list[tuple[str, int]]:
    """L1 to L3 of the first core with their sizes, as the system tells them."""
    found = []
    for folder in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (folder / "type").read_text().strip() != "Instruction":
            size = (folder / "size").read_text().strip()
            found.append(("L" + (folder / "level").read_text().strip(),
                          int(size.removesuffix("K")) << 10))
    return found


def sgemm() -> float:
    done = subprocess.run([*machine.pin(0), sys.executable, FOLDER / "sgemm.py"], check=True,
                          capture_output=True, text=True,
                          env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})
    return float(done.stdout)


def measure(programs: pathlib.Path) -> Floors:
    """The best of the repetitions: a floor that other work has lifted would flatter us."""
    rows = google_benchmark.run(programs / "floors_bench", repetitions=REPETITIONS, seconds=0.02)
    best = {name: max(row.get("bytes_per_second", row.get("operations")) for row in each)
            for name, each in rows.items()}
    of_kind = {kind: {int(name.split("/")[1]): rate for name, rate in best.items()
                      if name.startswith(kind + "/")} for kind in ("update", "copy")}
    return Floors(of_kind["update"], of_kind["copy"], best["fma"], sgemm(), caches())
