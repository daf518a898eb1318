"""Draws the dashboards' panels from a Prometheus, for where there is no Grafana.

usage: draw.py PROMETHEUS_URL FOLDER [MINUTES]

Writes FOLDER/NAME.png for each dashboard, over the last MINUTES (60).
"""

from __future__ import annotations

import pathlib
import sys
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  the backend must be chosen first
from ask import Series, Window, named, series  # noqa: E402
from boards import BOARDS  # noqa: E402
from matplotlib.ticker import EngFormatter  # noqa: E402
from panels import COLUMNS, Board, Panel, board_json  # noqa: E402

ROW_INCHES, WIDTH_INCHES, DPI = 0.36, 14, 80
MOST_LEGEND_LINES = 9
COLOURS = plt.get_cmap("tab10").colors
FORMATS = {"s": EngFormatter("s"), "bytes": EngFormatter("B"), "Bps": EngFormatter("B/s")}


def _short(value: float, unit: str) -> str:
    return FORMATS[unit].format_data(float(f"{value:.3g}")) if unit in FORMATS else f"{value:.4g}"


def _stat(axes: plt.Axes, panel: Panel, lines: list[tuple[str, Series]]) -> None:
    axes.axis("off")
    text = ", ".join(_short(line.values[-1], panel.unit) for _, line in lines) or "no data"
    axes.text(0, 0.42, text.strip(), ha="left", va="center", fontsize=17, color="#0072b2",
              transform=axes.transAxes)


def _histogram(axes: plt.Axes, lines: list[tuple[str, Series]]) -> None:
    values = [value for _, line in lines for value in line.values]
    axes.hist(values, bins=30, color="#0072b2")
    axes.set_xlim(left=min([0.0, *values]))
    axes.set_ylabel("samples", fontsize=7)


def _buckets(axes: plt.Axes, lines: list[tuple[str, Series]]) -> None:
    """Of one histogram: counts up to each bound become counts between bounds."""
    bounds = sorted(((float(line.labels["le"]), line.values[-1]) for _, line in lines))
    below = [0.0] + [count for _, count in bounds]
    counts = [above - under for under, above in zip(below, below[1:])]
    axes.bar(range(len(counts)), counts, color="#0072b2")
    axes.set_xticks(range(len(counts)), [f"{bound:g}" for bound, _ in bounds], fontsize=5)
    axes.set_ylabel("in the time shown", fontsize=7)


def _timeseries(axes: plt.Axes, lines: list[tuple[str, Series]], window: Window,
                shifts: list[Series]) -> None:
    for number, (name, line) in enumerate(lines):
        style = "-" if number < len(COLOURS) else "--"
        axes.plot([t - window.start_s for t in line.times_s], line.values, style, lw=1.2,
                  color=COLOURS[number % len(COLOURS)],
                  label=name if number < MOST_LEGEND_LINES else None)
    for shift in shifts:
        for t in shift.times_s:
            axes.axvline(t - window.start_s, color="#e69f00", lw=0.8, zorder=1)
    axes.set_xlim(0, window.end_s - window.start_s)
    axes.grid(color="#eeeeee")
    axes.set_axisbelow(True)
    if lines:
        axes.legend(fontsize=6, loc="best", framealpha=0.6)


def _panel(axes: plt.Axes, panel: Panel, url: str, window: Window, shifts: list[Series]) -> None:
    lines = [(named(query.legend, line.labels), line) for query in panel.queries
             for line in series(url, query.expr, window)]
    axes.set_title(panel.title, fontsize=9, loc="left")
    axes.tick_params(labelsize=7)
    if panel.kind == "stat":
        _stat(axes, panel, lines)
        return
    if panel.kind == "histogram":
        _histogram(axes, lines)
    elif panel.kind == "bargauge":
        _buckets(axes, lines)
    else:
        _timeseries(axes, lines, window, shifts)
        if panel.wide_range:
            axes.set_yscale("symlog", linthresh=panel.linear_below)
            if all(value >= 0 for _, line in lines for value in line.values):
                axes.set_ylim(bottom=0)
        if panel.unit in FORMATS:
            axes.yaxis.set_major_formatter(FORMATS[panel.unit])
    if not lines:
        axes.text(0.5, 0.5, "no data", ha="center", transform=axes.transAxes)


def draw(board: Board, url: str, window: Window, path: pathlib.Path) -> None:
    """One dashboard to a PNG; time runs in seconds from the window's start."""
    places = [panel["gridPos"] for panel in board_json(board)["panels"]]
    rows = max(place["y"] + place["h"] for place in places)
    figure = plt.figure(figsize=(WIDTH_INCHES, rows * ROW_INCHES))
    grid = figure.add_gridspec(rows, COLUMNS, left=0.01, right=0.99, top=1 - 0.9 / (rows + 1),
                               bottom=0.6 / (rows + 1))
    shifts = [line for _, expr, _ in board.annotations for line in series(url, expr, window)]
    for panel, place in zip(board.panels, places):
        # A row of the grid above and a column to the side stay free for titles and ticks.
        cell = grid[place["y"] + 1:place["y"] + place["h"],
                    place["x"] + 1:place["x"] + place["w"]]
        _panel(figure.add_subplot(cell), panel, url, window, shifts)
    figure.suptitle(f"{board.title}: {board.description}", fontsize=11, x=0.01, ha="left",
                    y=1 - 0.15 / (rows + 1))
    figure.savefig(path, dpi=DPI)
    plt.close(figure)


def main() -> int:
    if len(sys.argv) not in (3, 4):
        print(__doc__, file=sys.stderr)
        return 2
    minutes = float(sys.argv[3]) if len(sys.argv) == 4 else 60
    now = time.time()
    window = Window(now - 60 * minutes, now, max(1.0, minutes / 10), 60)
    for name, board in BOARDS.items():
        draw(board, sys.argv[1], window, pathlib.Path(sys.argv[2]) / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
