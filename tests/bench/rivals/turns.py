"""Lets a rival take turns: one line of JSON in, one out, so that rivals and engine interleave.

{"case": NAME, "units": n, "steps": T, "start": FILE} prepares a case, plays the file's sequence and
answers {"distance": D}; {"case": NAME, "units": n, "seconds": S} plays on for about S seconds and
answers {"cpu_us": U, "wall_us": W} of one step.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from task import Start, read_start


class Case(Protocol):
    def play(self) -> None:
        """The sequence once, from the present weights; returns when it is done."""

    def theta(self) -> np.ndarray: ...


def timed(case: Case, steps: int, seconds: float) -> dict[str, float]:
    wall, cpu, plays = time.perf_counter(), time.process_time(), 0
    while plays == 0 or time.perf_counter() - wall < seconds:
        case.play()
        plays += 1
    scale = 1e6 / (plays * steps)
    return {"cpu_us": scale * (time.process_time() - cpu),
            "wall_us": scale * (time.perf_counter() - wall)}


def serve(cases: dict[str, Callable[[Start], Case]]) -> None:
    prepared: dict[tuple[str, int], tuple[Case, int]] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        key = asked["case"], asked["units"]
        if "start" in asked:
            start = read_start(pathlib.Path(asked["start"]), asked["units"], asked["steps"])
            case = cases[asked["case"]](start)
            case.play()
            prepared[key] = case, start.steps
            answer = {"distance": start.distance(case.theta())}
        else:
            answer = timed(*prepared[key], asked["seconds"])
        print(json.dumps(answer), flush=True)
