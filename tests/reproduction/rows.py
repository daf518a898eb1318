"""Rows of a table that are models: played, scored, shown as refused where the server says so."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from numpy.typing import NDArray

import millrace
from experiment import Overrides, Player, Run, squared_error
from millrace.v1 import model_pb2
from report import Line
from tasks import Task

Score = Callable[[NDArray, Task], float]


@dataclass(frozen=True)
class Row:
    """A model to play. overrides: what its streams change of it. frozen: learns until the shift
    only, the unadapted row. seeds: how many are played, if not all, where a row is dear."""

    name: str
    spec: model_pb2.ModelSpec
    published: str = ""
    replicated: str = ""
    overrides: Overrides | None = None
    frozen: bool = False
    seeds: int | None = None


def play(player: Player, rows: Sequence[Row], task: Task | Callable[[int], Task],
         score: Score = squared_error) -> list[Line]:
    """Every row over every seed. A model that the server refuses becomes a row that says so."""
    lines = []
    for row in rows:
        print(f"{player.name}: {row.name}", file=sys.stderr, flush=True)
        few = dataclasses.replace(player, seeds=player.seeds[:row.seeds])
        try:
            run = few.play(row.spec, task, overrides=row.overrides, frozen=row.frozen)
        except millrace.Error as error:
            if error.reason not in ("BAD_SPEC", "NOT_CARRIED_OUT"):
                raise
            print(f"  refused: {error}", file=sys.stderr)
            lines.append(Line(row.name, [], row.published, row.replicated, refusal=str(error)))
            continue
        lines.append(scored(row, run, few, task, score))
    return lines


def scored(row: Row, run: Run, player: Player, task: Task | Callable[[int], Task], score: Score
           ) -> Line:
    """The line of a row that was played."""
    tasks = [task if isinstance(task, Task) else task(seed) for seed in player.seeds]
    scores = [score(rows, its) for rows, its in zip(run.outputs, tasks)]
    return Line(row.name, scores, row.published, row.replicated, run.wall_s)


def trivial(name: str, predicted: Callable[[Task], NDArray], tasks: Sequence[Task],
            score: Score = squared_error, published: str = "") -> Line:
    """A row that no server is needed for, on the task of every seed (or on the one task)."""
    return Line(name, [score(predicted(task), task) for task in tasks], published)


def best(name: str, lines: Sequence[Line], *, most: bool = False) -> Line:
    """The line with the least mean (the largest, if `most`), under another name; which it was is
    told in a column of its own, and the seconds are the slowest line's."""
    def worth(line: Line) -> float:
        if not line.scores or not math.isfinite(line.mean):
            return -math.inf
        return line.mean if most else -line.mean

    found = max(lines, key=worth)
    seconds = [line.wall_s for line in lines if line.wall_s is not None]
    return Line(name, found.scores, wall_s=max(seconds, default=None), refusal=found.refusal,
                more={"best with": found.name})
