"""A sine whose rate jumps from 0.1 to 0.3 radians a step: the decay sweep and the rules.

Mean squared error of the next value over the 1000 steps after the jump; n = 64, Adam 1e-3.
"""

from __future__ import annotations

import tasks
from core import Core, play_core
from experiment import Player
from report import Report, dots, figures, table

DECAYS = (0.0, 0.2, 0.5, 0.7, 0.9, 0.95)
PUBLISHED = {"decay 0.95": "0.23", "ring 4": "0.0015", "full": "0.00058"}
NETWORKS = {
    "A": Core("A", published=PUBLISHED, replicated={
        "decay 0": "0.0023 +- 0.0011", "decay 0.5": "0.0033 +- 0.0012",
        "decay 0.7": "0.0047 +- 0.0030", "decay 0.95": "0.307 +- 0.162",
        "full": "0.0096 +- 0.0105", "ring 2": "0.0042", "ring 4": "0.0031", "ring 16": "0.0037",
        "frozen": "0.0171", "sgd 0.01": "0.0030 +- 0.0014"}),
    "B": Core("B", published=PUBLISHED, replicated={
        "decay 0": "0.0032 +- 0.0015", "decay 0.5": "0.0042 +- 0.0013",
        "decay 0.7": "0.0041 +- 0.0022", "decay 0.95": "0.309 +- 0.093",
        "full": "0.0657 +- 0.0748", "ring 2": "0.0041", "ring 4": "0.0054", "ring 16": "0.0035",
        "sgd 0.01": "0.0012 +- 0.0002"}),
}
FIGURE = "MSE after the jump"
SHIP = ("Reproduced: traces of decay .95 under Adam collapse, 20 times (init A) to 150 times "
        "(init B) worse than without a trace, normalised or not; the immediate rule is as "
        "good as full RTRL; full RTRL has a large spread over seeds (init B). Not reproduced: "
        "k = 4 is no better than nothing of the past at all (decay 0). Beyond the papers: the "
        "reservoir does as well as any rule under Adam, so this task does not show that "
        "recurrent weights must learn, and a linear predictor of four lags is two orders "
        "better than every network. Ship for the vanilla cell: the immediate rule without "
        "decay, RMSprop or Adam at 3e-4 or SGD at 1e-2 (see optimizers); it costs O(n^2), and "
        "nothing here pays for more.")


def run(player: Player) -> Report:
    task = tasks.sine()
    groups = {}
    for name, net in NETWORKS.items():
        rows = [net.decay(decay) for decay in DECAYS] + net.rules()
        rows += [net.ring(k) for k in (2, 4, 16)] + [net.full(), net.sgd(1e-2)] + net.still()
        groups[f"init {name}"] = play_core(player, rows, task)
    parts = [f"{name}:\n\n{table(lines, FIGURE)}" for name, lines in groups.items()]
    return Report("\n\n".join([*parts, SHIP]), {n: figures(lines) for n, lines in groups.items()},
                  dots("Sine, 0.1 to 0.3 radians a step, n = 64", FIGURE, groups))
