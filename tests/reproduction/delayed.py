"""A sine 50 steps ahead: the rate jumps from 0.1 to 0.3 radians a step.

Mean squared error after the jump; n = 64, init B. As published the target comes with its step,
which no clock allows; below it is released when it can be known, 50 steps later.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import millrace
import spec
import tasks
from core import ADAM, Core, play_core, trivial_rows
from experiment import RESERVOIR, Player
from report import Report, dots, figures, table
from rows import Row, play

AHEAD = 50
NETWORK = Core("B", replicated={"decay 0": "0.0383", "rmsprop": "0.0038", "sgd 0.01": "0.0098",
                                "ring 4": "0.0364", "decay 0.95": "0.0685"})
RMSPROP = ("rmsprop", {"rate": 1e-3, "beta2": 0.99, "uncorrected": True})
FIGURE = "MSE after the jump"
SHIP = ("Reproduced: RMSprop .99 is several times better than Adam here, k = 4 is no better "
        "than the immediate rule, decay .95 is worse; full RTRL is the worst of the rules. "
        "But these figures need the value of 50 steps ahead at once: the rows at the top "
        "follow it with their readout's bias, and a predictor of four lags with the same "
        "privilege does nearly as well. With targets when they can be known the ranking "
        "turns: large steps (RMSprop 1e-3, beta2 .99) overshoot, gradient descent at 1e-2 is "
        "best, five times better than least squares on four lags. Ship for delayed targets: "
        "vanilla, immediate, SGD at 1e-2, target \"delayed\".")


def at_once() -> list[Row]:
    net = NETWORK
    return [net.decay(0.0), net.decay(0.95), net.ring(4), net.full(),
            net.row("rmsprop", "immediate, RMSprop .99", "immediate", RMSPROP), net.sgd(1e-2),
            *net.still()]


def late() -> list[Row]:
    """The same network; the server learns from stored inputs when their targets come."""
    def row(name: str, optimizer: spec.Part, **others) -> Row:
        return Row(name, spec.vanilla("B", rule="immediate", optimizer=optimizer,
                                      target="delayed"), **others)

    return [row("immediate, Adam", ADAM), row("immediate, RMSprop .99", RMSPROP),
            row("immediate, SGD 0.01", ("sgd", {"rate": 1e-2})),
            row("reservoir, SGD 0.01", ("sgd", {"rate": 1e-2}), overrides=RESERVOIR)]


def play_late(stream: millrace.StreamWriter, task: tasks.Task) -> NDArray[np.float32]:
    """One step at a time: the target of step t is released before step t + 50 is shown."""
    rows = np.empty_like(task.values, np.float32)
    for t, x in enumerate(task.inputs):
        if t >= AHEAD:
            stream.late_targets(t - AHEAD + 1, values=task.values[t - AHEAD][None])
        rows[t] = stream.step(x).outputs
    return rows


def run(player: Player) -> Report:
    task = tasks.sine(ahead=AHEAD)
    groups = {"target with its step": play_core(player, at_once(), task)}
    player.how = play_late
    lines = play(player, late(), task)
    groups["target 50 steps later"] = lines + trivial_rows(task, AHEAD)
    parts = [f"{name}:\n\n{table(lines, FIGURE)}" for name, lines in groups.items()]
    return Report("\n\n".join([*parts, SHIP]), {n: figures(lines) for n, lines in groups.items()},
                  dots("Sine, 50 steps ahead, n = 64, init B", FIGURE, groups))
