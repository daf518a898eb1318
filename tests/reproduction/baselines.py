"""What costs nothing: the rows that a learner must beat. Predictions from the past only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks import Task

Rows = NDArray[np.float64]


def last_value(task: Task) -> Rows:
    """Tomorrow is as today: the input itself."""
    return task.inputs.copy()


def mean_value(task: Task) -> Rows:
    """The mean of the inputs so far."""
    return np.cumsum(task.inputs, axis=0) / np.arange(1, len(task) + 1)[:, None]


def recursive_least_squares(features: Rows, targets: Rows, *, forgetting: float,
                            lateness: int = 1, ridge: float = 1e-3) -> Rows:
    """Linear predictions of targets [T, m] from features [T, k], learned from the targets of
    `lateness` steps before (Haykin 2002, algorithm of chapter 9)."""
    steps, width = features.shape
    weights = np.zeros((width, targets.shape[1]))
    inverse = np.eye(width) / ridge
    predicted = np.empty_like(targets)
    for t in range(steps):
        if t >= lateness:
            f = features[t - lateness]
            gain = inverse @ f
            gain /= forgetting + f @ gain
            weights += np.outer(gain, targets[t - lateness] - f @ weights)
            inverse = (inverse - np.outer(gain, f @ inverse)) / forgetting
            inverse = (inverse + inverse.T) / 2
        predicted[t] = features[t] @ weights
    return predicted


def lags(inputs: Rows, count: int) -> Rows:
    """[T, count d + 1]: the last `count` inputs (zero before the first) and a constant."""
    steps, width = inputs.shape
    padded = np.concatenate([np.zeros((count - 1, width)), inputs])
    columns = [padded[count - 1 - i:count - 1 - i + steps] for i in range(count)]
    return np.concatenate([*columns, np.ones((steps, 1))], axis=1)


def autoregression(task: Task, count: int = 4, forgetting: float = 0.99, lateness: int = 1) -> Rows:
    """Linear in the last `count` inputs, by recursive least squares. A target is known `lateness`
    steps after its prediction."""
    assert task.values is not None
    return recursive_least_squares(lags(task.inputs, count), task.values, forgetting=forgetting,
                                   lateness=lateness)
