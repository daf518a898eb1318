"""Pictures of recovery: what a stream's statistics said over time, with the shifts marked.

    history = millrace.plots.History()
    for start in range(0, len(x), 50):
        stream.play(x[start:start + 50], y[start:start + 50])
        history.add(stream.stats())
    millrace.plots.recovery(history).savefig("recovery.png")

Needs matplotlib: pip install millrace[plots]. A History alone does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from millrace.v1 import stats_pb2

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIVE, SHADOW, REFERENCE, SHIFT = "#0b6e99", "#b45309", "#6b7280", "#b91c1c"
_FIGURES = ("live_loss", "shadow_loss", "reference_loss", "recovery", "accuracy",
            "shadow_accuracy")


@dataclass
class History:
    """Statistics of one stream as they came. Columns are [N], NaN where the server told nothing."""

    seq: list[int] = field(default_factory=list)
    columns: dict[str, list[float]] = field(default_factory=lambda: {n: [] for n in _FIGURES})
    marks: dict[tuple[int, int], stats_pb2.ShiftMark] = field(default_factory=dict)
    stream: str = ""

    def __len__(self) -> int:
        return len(self.seq)

    def __repr__(self) -> str:
        return f"History('{self.stream}', {len(self)} moments, {len(self.marks)} shifts)"

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """One figure over time, [N]: live_loss, shadow_loss, reference_loss, recovery, accuracy,
        shadow_accuracy."""
        return np.asarray(self.columns[name])

    def add(self, stats: stats_pb2.StreamStats) -> None:
        """Takes one moment, later than those before it. Raises ValueError for another stream."""
        if self.stream not in ("", stats.stream):
            raise ValueError(f"got statistics of stream '{stats.stream}'; this history is of "
                             f"'{self.stream}'")
        self.stream = stats.stream
        self.seq.append(stats.applied_seq)
        for name, column in self.columns.items():
            told = stats.HasField(name)
            column.append(getattr(stats, name) if told else float("nan"))
        for mark in stats.marks:  # a mark is told again, once its recovery is known
            self.marks[mark.cause, mark.seq] = mark


def recovery(history: History, *, title: str = "") -> Figure:
    """Loss live and of the shadow above, recovery below; a vertical line where a shift is dated,
    dotted where only the inputs changed. Raises ValueError for an empty history."""
    if not len(history):
        raise ValueError("the history is empty; add(stream.stats()) now and then while the stream "
                         "is played")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    FigureCanvasAgg(figure)  # needs no display
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    _losses(above, history)
    _recovery(below, history)
    for axes in (above, below):
        _shifts(axes, history)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
    above.legend(loc="best", frameon=False)
    above.set_title(title or f"stream {history.stream}", loc="left")
    below.set_xlabel("step")
    return figure


def _losses(axes: Axes, history: History) -> None:
    for name, label, colour, style in (("shadow_loss", "frozen shadow", SHADOW, "-"),
                                       ("reference_loss", "before the shift", REFERENCE, "--"),
                                       ("live_loss", "live", LIVE, "-")):
        if np.isfinite(history[name]).any():
            axes.plot(history.seq, history[name], color=colour, linestyle=style, label=label)
    axes.set_ylabel("loss")


def _recovery(axes: Axes, history: History) -> None:
    shown = history["recovery"]
    axes.axhline(0, color=REFERENCE, linewidth=0.8)
    axes.axhline(1, color=REFERENCE, linewidth=0.8, linestyle="--")
    axes.plot(history.seq, shown, color=LIVE)
    axes.set_ylabel("recovery")
    axes.set_ylim(-0.5, 1.5)  # it is not clipped; far outside it says "lost" or "better than ever"
    if not np.isfinite(shown).any():
        axes.text(0.5, 0.6, "none yet: it needs a shadow and a shift (or a reference_loss)",
                  transform=axes.transAxes, ha="center", color=REFERENCE)


def _shifts(axes: Axes, history: History) -> None:
    first, last = history.seq[0], history.seq[-1]
    for mark in history.marks.values():
        if first <= mark.seq <= last:
            by_input = mark.cause == stats_pb2.ShiftMark.CAUSE_INPUT
            axes.axvline(mark.seq, color=SHIFT, linewidth=1, alpha=0.7,
                         linestyle=":" if by_input else "-")
