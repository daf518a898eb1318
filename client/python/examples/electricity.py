"""Will the price rise? The classic stream of half-hourly electricity prices, learned as it comes.

    python electricity.py electricity.csv [--rows 34000] [--river]

The file's columns are period, nswprice, nswdemand, vicprice, vicdemand, transfer, class. Prints the
accuracy of the decision made before each label, month by month, beside repeating the last label,
which scores .85: read no figure of this recording without it. --river plays the same through
River's evaluate.progressive_val_score, one row at a time.
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

import millrace

MONTH = 30 * 48  # rows
NAMES: list[Hashable] = ["period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"]
SPEC = """
input {
  name: "vector"
  settings { name: "size" integer: 6 }
  settings { name: "normalise" flag: true }
  settings { name: "window" integer: 500 }
}
cell { name: "gru" settings { name: "units" integer: 32 } }
head {
  name: "linear"
  settings { name: "outputs" integer: 2 }
  settings { name: "direct" flag: true }
  settings { name: "filter_1" number: 24 }  # half a day
  settings { name: "filter_2" number: 48 }  # a day
}
loss { name: "cross_entropy" }
rule { name: "immediate" }
optimizer {
  name: "rmsprop"
  settings { name: "rate" number: 0.003 }
  settings { name: "rate_readout" number: 0.01 }
}
"""


def by_month(stream: millrace.Stream, x: NDArray[np.float32], y: NDArray[np.int64]) -> float:
    """Plays in bulk and prints a line a month; returns the accuracy of all."""
    right = np.zeros(len(y), bool)
    for start in range(0, len(y), MONTH):
        rows = slice(start, start + MONTH)
        right[rows] = stream.play(x[rows], y[rows]).outputs.argmax(axis=1) == y[rows]
        repeated = float(np.mean(y[rows][1:] == y[rows][:-1]))
        print(f"row {start:6d}: accuracy {right[rows].mean():.3f}, last label {repeated:.3f}")
    return float(right.mean())


def by_river(stream: millrace.Stream, x: NDArray[np.float32], y: NDArray[np.int64]) -> float:
    """The same, as River plays it."""
    from river import evaluate, metrics

    import millrace.river

    rows = ((dict(zip(NAMES, row)), label) for row, label in zip(x.tolist(), y.tolist()))
    model = millrace.river.Classifier(stream, NAMES)
    return float(evaluate.progressive_val_score(rows, model, metrics.Accuracy()).get())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", default="127.0.0.1:7070")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=34_000)
    parser.add_argument("--river", action="store_true")
    parser.add_argument("--stream", default="electricity")
    arguments = parser.parse_args()
    table = np.loadtxt(arguments.file, delimiter=",", skiprows=1, max_rows=arguments.rows)
    x, y = table[:, :-1].astype(np.float32), table[:, -1].astype(np.int64)

    with millrace.connect(arguments.server) as server:
        server.create_model(arguments.stream, SPEC)
        with server.open(arguments.stream, model=arguments.stream, seed=1) as stream:
            score = (by_river if arguments.river else by_month)(stream, x, y)
    print(f"all: accuracy {score:.4f}, last label {np.mean(y[1:] == y[:-1]):.4f}")


if __name__ == "__main__":
    main()
