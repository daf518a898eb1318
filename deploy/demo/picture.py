"""The picture of the demo: accuracy of each session, and what is gained over the frozen decoder."""

from __future__ import annotations

import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  the backend must be chosen first


def draw(path: pathlib.Path, names: list[str], live: list[dict], frozen: list[dict | None],
         last_label: list[float], discriminant: list[float]) -> None:
    """Writes a PNG to `path`."""
    at = list(range(len(names)))
    figure, axes = plt.subplots(figsize=(9, 4.5), constrained_layout=True)
    shadow = [(i, row["shadow"]["accuracy"]) for i, row in enumerate(live)
              if "accuracy" in (row.get("shadow") or {})]
    fork = [(i, row["accuracy"]) for i, row in enumerate(frozen) if row]
    axes.plot(at, [row["accuracy"] for row in live], "o-", color="#0072b2", lw=2, zorder=3,
              label="learns online")
    axes.plot(at, discriminant, "s--", color="#009e73", ms=4, label="online linear discriminant")
    axes.plot(*zip(*shadow), "v-", color="#d55e00", label="frozen after the first session")
    axes.plot(*zip(*fork), "^-", color="#e69f00", label="frozen after the first day")
    axes.plot(at, last_label, ":", color="#777777", label="last trial's label")
    days = [name.split("_")[0] for name in names]
    for i in range(1, len(days)):
        if days[i] != days[i - 1]:
            axes.axvline(i - 0.5, color="#999999", lw=1)
            axes.text(i - 0.45, 0.03, "four days later", color="#555555", fontsize=9)
    axes.set_xticks(at, [name.split("_")[1] for name in names])
    axes.set(ylim=(0, 1.02), xlabel="session, in order of time",
             ylabel="accuracy per labelled bin",
             title="Four commands from motor cortex, labels released when a trial has ended")
    axes.legend(loc="center left", fontsize=9, bbox_to_anchor=(0.02, 0.57))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
