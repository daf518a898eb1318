"""The rows that the sine and the Lorenz system share: decays, rules and what does not adapt.

Every experiment names the figures that were published and those of our earlier replication (another
program, float64, the same protocol) by the row's key.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import baselines
import spec
from experiment import RESERVOIR, Player
from report import Line
from rows import Row, play, trivial
from tasks import Task

ADAM = ("adam", {"rate": 1e-3})


@dataclass(frozen=True)
class Core:
    """One network on one task. published, replicated: figures by key. double: in float64."""

    init: str
    units: int = 64
    width: int = 1
    published: dict[str, str] = field(default_factory=dict)
    replicated: dict[str, str] = field(default_factory=dict)
    double: bool = True

    def row(self, key: str, name: str, rule: spec.Part | str,
            optimizer: spec.Part = ADAM, **others) -> Row:
        model = spec.vanilla(self.init, units=self.units, width=self.width, rule=rule,
                             optimizer=optimizer, double=self.double)
        return Row(name, model, self.published.get(key, ""), self.replicated.get(key, ""),
                   **others)

    def decay(self, decay: float) -> Row:
        """The trace of immediate derivatives; decays are overrides of one model."""
        return self.row(f"decay {decay:g}", f"decay {decay:g}" if decay else "immediate (decay 0)",
                        "immediate", overrides={"rule.decay": decay})

    def ring(self, k: int) -> Row:
        """Sparse RTRL over the k nearest units of a ring, themselves left out, as published. It
        moves as many bytes as full RTRL."""
        few = {"seeds": 2} if self.units > 128 else {}
        return self.row(f"ring {k}", f"ring k={k}",
                        ("sparse_rtrl", {"mask": "ring", "k": k, "include_self": False}), **few)

    def full(self) -> Row:
        """Two seeds above 64 units: 2 n^4 operations a step."""
        few = {"seeds": 2} if self.units > 64 else {}
        return self.row("full", "full RTRL", "rtrl", **few)

    def sgd(self, rate: float) -> Row:
        return self.row(f"sgd {rate:g}", f"immediate, SGD {rate:g}", "immediate",
                        ("sgd", {"rate": rate}))

    def rules(self) -> list[Row]:
        """The cheap and the unbiased rules."""
        return [self.row("normalised", "decay 0.95, normalised",
                         ("immediate", {"decay": 0.95, "normalised": True})),
                self.row("rflo", "RFLO, random feedback", ("rflo", {"feedback": "random"})),
                self.row("snap1", "SnAp-1", "snap1"), self.row("uoro", "UORO", "uoro"),
                self.row("kf_rtrl", "KF-RTRL", "kf_rtrl"),
                self.row("tbptt", "T-BPTT(8)", ("tbptt", {"window": 8}))]

    def still(self) -> list[Row]:
        """What does not adapt, or not its recurrent weights."""
        return [self.row("frozen", "frozen at the shift", "immediate", frozen=True),
                self.row("reservoir", "reservoir, Adam", "immediate", overrides=RESERVOIR),
                self.row("reservoir sgd", "reservoir, SGD 0.01", "immediate",
                         ("sgd", {"rate": 1e-2}), overrides=RESERVOIR)]


def trivial_rows(task: Task, lateness: int = 1) -> list[Line]:
    """What costs nothing. A target is known `lateness` steps after its prediction."""
    return [trivial("last value", baselines.last_value, [task]),
            trivial("mean of the past", baselines.mean_value, [task]),
            trivial("linear in 4 lags, RLS",
                    lambda its: baselines.autoregression(its, lateness=lateness), [task])]


def play_core(player: Player, rows: Sequence[Row], task: Task) -> list[Line]:
    """The rows, the trivial rows, and every row's recovery."""
    lines = play(player, rows, task) + trivial_rows(task)
    add_recovery(lines)
    return lines


def add_recovery(lines: list[Line], worst: str = "decay 0.95", best: str = "full RTRL") -> None:
    """The papers' recovery of a row, 100 (ln M0 - ln M) / (ln M0 - ln M_full) of the mean errors:
    0 is the trace of decay 0.95, 100 is full RTRL. Where full RTRL is the worse of the two there is
    no such scale."""
    by_name = {line.name: line for line in lines}
    if not all(name in by_name and math.isfinite(by_name[name].mean) for name in (worst, best)):
        return
    top = math.log(by_name[worst].mean)
    span = top - math.log(by_name[best].mean)
    if span <= 0:
        return
    for line in lines:
        if math.isfinite(line.mean) and line.mean > 0:
            line.more["recovery %"] = f"{100 * (top - math.log(line.mean)) / span:.0f}"
