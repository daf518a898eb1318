"""Tables, figures and pictures of experiments."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

Picture = Callable[[pathlib.Path], None]


@dataclass
class Report:
    """What an experiment found. table: Markdown; figures: for the JSON file; picture: writes a PNG
    to the path that it is given."""

    table: str
    figures: dict
    picture: Picture | None = None


@dataclass
class Line:
    """One row of a table: the figure of every seed beside what was published and what our own
    earlier replication in another program found."""

    name: str
    scores: Sequence[float]
    published: str = ""
    replicated: str = ""
    wall_s: float | None = None
    refusal: str = ""  # why the server did not make the model; scores is empty then
    more: dict[str, str] = field(default_factory=dict)

    @property
    def absent(self) -> str:
        """What stands where there is no score."""
        return "refused" if self.refusal else "-"

    @property
    def mean(self) -> float:
        return float(np.mean(self.scores)) if len(self.scores) else float("nan")


def number(value: float) -> str:
    """Three significant digits, without an exponent where that is short."""
    if not abs(value) < 1e4:
        return "diverges"
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.1e}"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value))))) if value else 1
    return f"{value:.{min(digits, 4)}f}"


def spread(scores: Sequence[float], digits: int | None = None) -> str:
    """Mean +- population standard deviation; the mean alone where there is one score."""
    lost = sum(not abs(score) < 1e4 for score in scores)
    if lost:
        return f"diverges ({lost} of {len(scores)})"
    shown = number if digits is None else lambda value: f"{value:.{digits}f}"
    if len(scores) == 1:
        return shown(float(scores[0]))
    few = f" ({len(scores)} seeds)" if len(scores) < 5 else ""
    return f"{shown(float(np.mean(scores)))} +- {shown(float(np.std(scores)))}{few}"


def table(lines: Sequence[Line], figure: str, digits: int | None = None) -> str:
    """A Markdown table; columns without any entry are left out."""
    columns = [name for name in ("published", "replicated")
               if any(getattr(line, name) for line in lines)]
    more = list(dict.fromkeys(name for line in lines for name in line.more))
    head = ["", *columns, figure, *more, "s"]
    rows = [head, ["---"] * len(head)]
    for line in lines:
        rows.append([line.name, *(getattr(line, name) or "-" for name in columns),
                     spread(line.scores, digits) if len(line.scores) else line.absent,
                     *(line.more.get(name, "-") for name in more),
                     "-" if line.wall_s is None else f"{line.wall_s:.1f}"])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def figures(lines: Sequence[Line]) -> dict:
    """The same for the JSON file, every seed told."""
    return {line.name: {"scores": [round(float(s), 7) if np.isfinite(s) else None
                                   for s in line.scores],
                        "published": line.published or None,
                        "replicated": line.replicated or None,
                        "wall_s": None if line.wall_s is None else round(line.wall_s, 2),
                        **({"refusal": line.refusal} if line.refusal else {}),
                        **line.more} for line in lines}


def _first_number(text: str) -> float | None:
    try:
        return float(text.split()[0])
    except (IndexError, ValueError):
        return None


def dots(title: str, figure: str, groups: dict[str, Sequence[Line]], *, log: bool = True
         ) -> Picture:
    """A picture of one panel a group: every seed a dot, the mean a bar, the published and the
    replicated figures beside them."""
    def draw(path: pathlib.Path) -> None:
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        tallest = max(len(lines) for lines in groups.values())
        figure_, panels = plt.subplots(1, len(groups), squeeze=False, constrained_layout=True,
                                       figsize=(6.2 * len(groups), 1.2 + 0.27 * tallest))
        for axes, (name, lines) in zip(panels[0], groups.items()):
            _panel(axes, lines, log)
            axes.set(title=name, xlabel=figure)
        panels[0][0].legend(fontsize=8, loc="best")
        figure_.suptitle(title)
        figure_.savefig(path, dpi=80)
        plt.close(figure_)

    return draw


def _panel(axes, lines: Sequence[Line], log: bool) -> None:
    def marks(text_of: Callable[[Line], str]) -> tuple[list[float], list[int]]:
        known = [(value, i) for i, line in enumerate(lines)
                 if (value := _first_number(text_of(line))) is not None]
        return [v for v, _ in known], [i for _, i in known]

    for i, line in enumerate(lines):
        finite = [score for score in line.scores if np.isfinite(score)]
        axes.plot(finite, [i] * len(finite), ".", color="#0072b2", ms=5, alpha=0.6)
    means = [line.mean for line in lines]
    axes.plot(means, range(len(lines)), "|", color="#0072b2", ms=13, mew=2, label="ours")
    axes.plot(*marks(lambda line: line.published), "x", color="#d55e00", ms=6, label="published")
    axes.plot(*marks(lambda line: line.replicated), "+", color="#009e73", ms=8,
              label="replicated before")
    if log:
        axes.set_xscale("log")
    axes.set_yticks(range(len(lines)), [line.name for line in lines], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x", color="#dddddd", lw=0.5)
