"""Copy (four symbols, three of them, five blanks between) and adding (ten steps, two marked).

The state is reset between episodes; the last fifth of them is scored. Copy: accuracy of the symbols
recalled, chance .25. Adding: mean squared error of the sum; always saying 1 scores 1/6 = .167.
"""

from __future__ import annotations

import numpy as np

import cells
import memory_tasks
import tasks
from experiment import RESERVOIR, Player, accuracy, squared_error
from report import Line, Report, dots, figures, table
from rows import Row, Score, play

EPISODES = 4000
RMSPROP = ("rmsprop", {"rate": 1e-3, "beta2": 0.99})
CELLS = {"vanilla": 32, "gru, reset after": 16, "lstm": 16, "min_gru": 32, "rg_lru": 32, "lru": 32,
         "glru, real": 32}
SHIP = "To be written."


def model(cell: str, units: int, task: tasks.Task, rule: str):
    """A cell with a readout of two layers: sums and orders are not linear in a memory."""
    outputs = 1 if task.values is not None else int(task.classes.max()) + 1
    loss = "mean_squared_error" if task.values is not None else "cross_entropy"
    return cells.model(cell, units, task.inputs.shape[1], rule=rule, optimizer=RMSPROP, loss=loss,
                       head={"hidden": 32, "outputs": outputs}, double=False)


def learning_rows(task: tasks.Task) -> list[Row]:
    rows = []
    for cell, units in CELLS.items():
        rows += [Row(f"{cell} {units}: {rule}", model(cell, units, task, rule))
                 for rule in ("immediate", "rtrl")]
    still = model("vanilla", 32, task, "immediate")
    return [*rows, Row("vanilla 32: reservoir", still, overrides=RESERVOIR),
            Row("vanilla 32: frozen half-way", still, frozen=True)]


def constant(task: tasks.Task) -> Line:
    """Always the mean of the sums; always one symbol."""
    at = task.scored
    if task.values is not None:
        due = at & ~np.isnan(task.values[:, 0])
        return Line("always 1", [float(((task.values[due] - 1.0) ** 2).mean())])
    due = at & (task.classes >= 0)
    return Line("always one symbol", [float((task.classes[due] == 0).mean())])


def run(player: Player) -> Report:
    player.seeds = player.seeds[:5]
    parts, groups = [], {}
    kinds: list[tuple[str, object, str, Score, str]] = [
        ("copy", lambda seed: memory_tasks.copy(seed, EPISODES), "accuracy", accuracy, ""),
        ("adding", lambda seed: memory_tasks.adding(seed, EPISODES, 10), "MSE", squared_error,
         "0.189")]
    for name, make, figure, score, published in kinds:
        example = make(player.seeds[0])
        lines = play(player, learning_rows(example), make, score)
        lines.append(constant(example))
        groups[name] = lines
        parts.append(f"{name}:\n\n{table(lines, figure)}")
    return Report("\n\n".join([*parts, SHIP]), {n: figures(lines) for n, lines in groups.items()},
                  dots("Copy (accuracy) and adding (squared error)", "last fifth", groups,
                       log=False))
