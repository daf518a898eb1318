"""A sine through four regimes, 0.1, 0.3, 0.15 and 0.4 radians a step, 1000 steps each.

Mean squared error of the next value over the three regimes after the first; n = 64, Adam 1e-3.
"""

from __future__ import annotations

import tasks
from core import Core, play_core
from experiment import Player
from report import Report, dots, figures, table

NETWORK = Core("B", published={"decay 0.95": "0.124 +- 0.066", "ring 4": "0.0046 +- 0.0018",
                               "full": "0.0021 +- 0.0002"},
               replicated={"decay 0": "0.0056", "ring 4": "0.0088", "decay 0.95": "0.388"})
FIGURE = "MSE after the first regime"
SHIP = ("Reproduced: decay .95 collapses; the immediate rule and k = 4 agree with each other. "
        "Not reproduced: full RTRL is the worst of the three here, one seed in five going "
        "astray, so that a recovery with it as 100 % passes 140. Plain gradient descent at 5e-2 "
        "is the best network, and the linear predictor beats it. Ship: vanilla, immediate, SGD "
        "at 5e-2 where weights start small.")


def run(player: Player) -> Report:
    task = tasks.sine((0.1, 0.3, 0.15, 0.4))
    net = NETWORK
    rows = [net.decay(0.0), net.decay(0.95), *net.rules(), net.ring(4), net.full(),
            net.sgd(1e-2), net.sgd(5e-2), *net.still()]
    lines = play_core(player, rows, task)
    return Report(f"{table(lines, FIGURE)}\n\n{SHIP}", figures(lines),
                  dots("Sine in four regimes, n = 64, init B", FIGURE, {"init B": lines}))
