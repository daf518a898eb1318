"""Copy (four symbols, three of them, five blanks between) and adding (ten steps, two marked).

The state is reset between episodes; the last fifth of them is scored. Copy: accuracy of the symbols
recalled, chance .25. Adding: mean squared error of the sum; always saying 1 scores 1/6 = .167.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

import cells
import memory_tasks
from experiment import RESERVOIR, Overrides, Player, accuracy, squared_error
from report import Line, Report, dots, figures, table
from rows import Row, Score, best, play
from tasks import Task

EPISODES = 2000
RATES = (1e-3, 3e-3)
CELLS = {"vanilla": 24, "gru, reset after": 16, "lstm": 12, "min_gru": 32, "rg_lru": 32, "lru": 32,
         "glru, real": 32}
SHIP = ("Exact RTRL is better than the immediate rule in nearly every cell; on copying, the "
        "LRU holds three symbols under either rule (its slow rotations are a delay line), and "
        "only the vanilla net of the others gets there, by full RTRL. On adding, all gated "
        "cells by exact RTRL are one to two orders below always saying 1, so that the "
        "published .189 of backpropagation through time (worse than always saying 1) says "
        "nothing against it. Ship: LRU for recalling in order, GLRU for sums, both by their "
        "exact diagonal rule, two-layer head, RMSprop .001 to .003.")


@dataclass(frozen=True)
class Kind:
    """One of the two tasks. make: the task of a seed."""

    make: Callable[[int], Task]
    figure: str
    score: Score
    published: str = ""


KINDS = {"copy": Kind(lambda seed: memory_tasks.copy(seed, EPISODES), "accuracy", accuracy),
         "adding": Kind(lambda seed: memory_tasks.adding(seed, EPISODES, 10), "MSE",
                        squared_error, "0.189")}


def sweep(cell: str, rule: str, task: Task, still: Overrides | None = None) -> list[Row]:
    """A cell with a readout of two layers: sums and orders are not linear in a memory."""
    sums = task.values is not None
    outputs = 1 if sums else int(task.classes.max()) + 1
    model = cells.model(cell, CELLS[cell], task.inputs.shape[1], rule=rule, optimizer="rmsprop",
                        loss="mean_squared_error" if sums else "cross_entropy",
                        head={"hidden": 32, "outputs": outputs},
                        guard=("standard", {"clip_norm": 1.0}), double=False)
    return [Row(f"rate {rate:g}", model, overrides={"optimizer.rate": rate, **(still or {})})
            for rate in RATES]


def learning_lines(player: Player, kind: Kind, example: Task) -> list[Line]:
    """Each cell by the immediate rule and by exact RTRL, each at its best rate."""
    def line(name: str, rows: list[Row]) -> Line:
        return best(name, play(player, rows, kind.make, kind.score), most=example.values is None)

    lines = [line(f"{cell} {units}: {rule}", sweep(cell, rule, example))
             for cell, units in CELLS.items() for rule in ("immediate", "rtrl")]
    lines.append(line("vanilla 24: reservoir", sweep("vanilla", "immediate", example, RESERVOIR)))
    frozen = dataclasses.replace(sweep("vanilla", "immediate", example)[0], frozen=True)
    return [*lines, line("vanilla 24: frozen half-way", [frozen])]


def constant(tasks: Sequence[Task]) -> Line:
    """Always the mean of the sums; always one symbol."""
    def score(task: Task) -> float:
        if task.values is not None:
            due = task.scored & ~np.isnan(task.values[:, 0])
            return float(((task.values[due] - 1.0) ** 2).mean())
        due = task.scored & (task.classes >= 0)
        return float((task.classes[due] == 0).mean())

    name = "always one symbol" if tasks[0].values is None else "always 1"
    return Line(name, [score(task) for task in tasks])


def run(player: Player) -> Report:
    parts, groups = [], {}
    for name, kind in KINDS.items():
        example = kind.make(player.seeds[0])
        lines = learning_lines(player, kind, example)
        lines.append(constant([kind.make(seed) for seed in player.seeds]))
        if kind.published:
            lines.append(Line("backpropagation through time", [], kind.published))
        groups[name] = lines
        parts.append(f"{name}:\n\n{table(lines, kind.figure)}")
    return Report("\n\n".join([*parts, SHIP]), {n: figures(lines) for n, lines in groups.items()},
                  dots("Copy (accuracy) and adding (squared error)", "last fifth", groups,
                       log=False))
