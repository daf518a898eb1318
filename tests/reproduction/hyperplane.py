"""River's rotating hyperplane, 200 000 rows of 10 features, 5 % noise: a linear concept without
memory, beside a plain logistic regression whose rate was chosen for each configuration.

Accuracy of the decision made before each label, from the first row on. Every seed draws its own
stream of rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import concepts
import logistic
import spec
from experiment import Player, accuracy
from report import Line, Report, dots, figures, table
from rows import Row, play
from tasks import Task

ROWS = 200_000
SEEDS = 5
CONFIGURATIONS = {"10 drifting by .001": (10, 0.001), "10 drifting by .01": (10, 0.01),
                  "2 drifting by .001": (2, 0.001)}
# Of other streams of rows: the best rates lie inside the grid.
GRID: logistic.Grid = [(rate, decay) for rate in (0.003, 0.006, 0.01, 0.015, 0.02, 0.03)
                       for decay in (0.99, 0.999)]
REPLICATED = {"10 drifting by .001": ".937", "10 drifting by .01": ".929",
              "2 drifting by .001": ".944"}
CEILING = 0.96  # 4 % of the labels are flipped
FIGURE = "accuracy"
SHIP = ("Published: a recurrent net .925, an adaptive random forest .842 (the paper does not "
        "name the configuration). Both figures hold as figures; the claim that recurrence "
        "wins does not: the concept is linear, the rows are independent, and plain logistic "
        "regression beats the recurrent rows of the paper's kind. 16 tanh units whose "
        "recurrent weights are held at zero beat it by .006 to .009 in each configuration, "
        "since a bounded score forgives the flipped labels. Ship for concepts without memory: "
        "vanilla with recurrent_gain 0 and rate_recurrent 0, linear readout, cross-entropy, "
        "running z-score, SGD at .03 (rates chosen on another stream of rows).")


def network(units: int, recurrent_gain: float, optimizer: spec.Part) -> spec.model_pb2.ModelSpec:
    """Tanh units and two classes; inputs z-scored as they come."""
    return spec.model(
        inputs=10, cell=("vanilla", {"units": units, "recurrent_gain": recurrent_gain,
                                     "input_gain": 0.5}),
        head=("linear", {"outputs": 2}), loss="cross_entropy", rule="immediate",
        optimizer=optimizer, normalise={"normalise": True}, double=False)


def learning_rows() -> list[Row]:
    return [
        Row("16 tanh units without recurrence, SGD .03",
            network(16, 0.0, ("sgd", {"rate": 0.03, "rate_recurrent": 0.0}))),
        Row("64 recurrent tanh units, SGD .01", network(64, 1.0, ("sgd", {"rate": 0.01}))),
        Row("64 recurrent tanh units, RMSprop .001",
            network(64, 1.0, ("rmsprop", {"rate": 1e-3}))),
    ]


def logistic_line(name: str, streams: list[Task]) -> Line:
    """The setting of the grid that is best on these very streams: the strongest form of the row."""
    scores = logistic.accuracies(np.stack([its.inputs - 0.5 for its in streams]),
                                 np.stack([its.classes for its in streams]), GRID)
    best = int(scores.mean(axis=0).argmax())
    rate, decay = GRID[best]
    return Line(f"logistic regression, RMS, rate {rate:g}, decay {decay:g}", scores[:, best],
                replicated=REPLICATED[name])


def run(player: Player) -> Report:
    player.seeds = player.seeds[:SEEDS]
    groups, notes = {}, []
    for name, (drifting, magnitude) in CONFIGURATIONS.items():
        streams = {seed: concepts.hyperplane(seed, ROWS, drifting=drifting, magnitude=magnitude)
                   for seed in player.seeds}
        lines = play(player, learning_rows(), streams.__getitem__,
                     accuracy)
        lines.append(logistic_line(name, list(streams.values())))
        lines.append(Line("always the class seen most",
                          [majority(its.classes) for its in streams.values()]))
        groups[name] = lines
        notes.append(f"{name}: best of ours minus logistic regression "
                     f"{max(line.mean for line in lines[:-2]) - lines[-2].mean:+.4f}.")
    parts = [f"{name} (ceiling {CEILING}):\n\n{table(lines, FIGURE, 4)}"
             for name, lines in groups.items()]
    return Report("\n\n".join([*parts, " ".join(notes), SHIP]),
                  {name: figures(lines) for name, lines in groups.items()},
                  dots("Hyperplane, 200 000 rows", FIGURE, groups, log=False))


def majority(classes: NDArray[np.int64]) -> float:
    """Accuracy of the class that was seen most often so far."""
    ones = np.concatenate([[0], np.cumsum(classes)[:-1]])
    return float(np.mean((2 * ones > np.arange(len(classes))) == classes))
