"""Which k entries of the Jacobian's row sparse RTRL keeps: the masks, k = 4 of 64 units.

Mean squared error after the shift on the jumping sine and on the Lorenz system; Adam 1e-3, init B.
"""

from __future__ import annotations

import spec
import tasks
from core import Core, play_core
from experiment import Player
from report import Report, dots, figures, table
from rows import Row

MASKS = ("ring", "random", "oracle", "anti_oracle", "dynamic", "block")
FIGURE = "MSE after the shift"
SHIP = ("Reproduced: which four entries are kept hardly matters (random, ring, the smallest "
        "weights: all within a factor of two of one another), and the largest weights are no "
        "better than the smallest. But neither do four entries matter at all: SnAp-1 and the "
        "immediate rule, which keep one or none, have the same error at a thirtieth of the "
        "time, so these series do not show redundancy in gradient transport, they show that "
        "no transport is needed. Ship: the immediate rule; where a past is needed (see "
        "memory) and full RTRL is too dear, the block mask, the one mask that saves memory "
        "and time as well, a tenth of a ring's.")


def learning_rows(net: Core) -> list[Row]:
    """With the unit's own entry kept and, as published, without it (a block always has it)."""
    def sparse(mask: str, own: bool) -> Row:
        rule: spec.Part = ("sparse_rtrl", {"mask": mask, "k": 4, "include_self": own})
        shown = "ring k=4" if (mask, own) == ("ring", False) else \
            f"{mask.replace('_', '-')} k=4{', own entry' if own else ''}"
        key = "ring 4" if (mask, own) == ("ring", False) else f"{mask} {own}"
        return net.row(key, shown, rule)

    rows = [sparse(mask, own) for mask in MASKS for own in (False, True)
            if own or mask != "block"]
    return [net.decay(0.0), net.decay(0.95), net.row("snap1", "SnAp-1 (own entry only)", "snap1"),
            *rows, net.full(), *net.still()]


def run(player: Player) -> Report:
    groups = {}
    sine = Core("B", replicated={"ring 4": "0.0054", "full": "0.0657 +- 0.0748",
                                 "decay 0": "0.0032 +- 0.0015", "decay 0.95": "0.309 +- 0.093"})
    lorenz = Core("B", 64, 3, {"ring 4": "0.0150 +- 0.0022", "full": "0.0356 +- 0.0352"},
                  {"ring 4": "0.0184 +- 0.0025", "full": "0.0136 +- 0.0040",
                   "decay 0": "0.0227 +- 0.0050", "decay 0.95": "0.0768 +- 0.0270"})
    for name, net, task in (("sine", sine, tasks.sine()),
                            ("Lorenz, dt 0.01", lorenz, tasks.lorenz(dt=0.01))):
        groups[name] = play_core(player, learning_rows(net), task)
    parts = [f"{name}:\n\n{table(lines, FIGURE)}" for name, lines in groups.items()]
    return Report("\n\n".join([*parts, SHIP]), {n: figures(lines) for n, lines in groups.items()},
                  dots("Masks of sparse RTRL, n = 64, init B", FIGURE, groups))
