"""Plain online logistic regression with a running root mean square per weight: the row that a
recurrent net must reach on a concept that is linear and has no memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Grid = list[tuple[float, float]]  # (rate, decay of the mean square)


def accuracies(inputs: NDArray[np.float64], classes: NDArray[np.int64], grid: Grid
               ) -> NDArray[np.float64]:
    """Accuracy [streams, settings] of one learner a stream and setting, each decision made before
    its label. inputs [streams, T, d]; classes [streams, T].

    w -= rate g / sqrt(v), v = decay v + (1 - decay) g^2 corrected for its start (Tieleman and
    Hinton 2012). The inputs have a constant appended.
    """
    streams, steps, _ = inputs.shape
    rate = np.array([r for r, _ in grid])[:, None]
    decay = np.array([b for _, b in grid])[:, None]
    x = np.concatenate([inputs, np.ones((streams, steps, 1))], axis=2)
    x = np.ascontiguousarray(x.transpose(1, 0, 2)[:, :, None, :])  # [T, streams, 1, k]
    wanted = classes.T[:, :, None]
    weights = np.zeros((streams, len(grid), x.shape[3]))
    square = np.zeros_like(weights)
    power = np.ones_like(decay)
    right = np.zeros((streams, len(grid)), np.int64)
    for t in range(steps):
        score = (weights * x[t]).sum(axis=2)
        right += (score > 0) == wanted[t]
        gradient = (1.0 / (1.0 + np.exp(-score)) - wanted[t])[:, :, None] * x[t]
        square *= decay
        square += (1.0 - decay) * gradient * gradient
        power *= decay
        weights -= rate * gradient / (np.sqrt(square / (1.0 - power)) + 1e-8)
    return right / steps
