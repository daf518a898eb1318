"""The task that every rival is given: one vanilla tanh layer that learns at every step.

d = 40 inputs, m = 4 outputs, leak 1, float32, mean squared error, one global clip at 1, RMSprop
with a bias-corrected second moment and an epsilon that only guards against zero. A start file of
`same_start_bench` holds the weights before, the sequence, and the engine's weights after it: a
rival is one only if it ends there.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

import numpy as np

INPUTS, OUTPUTS = 40, 4
RATE, BETA2, EPSILON, CLIP = 1e-3, 0.99, 1e-12, 1.0
RING = 4  # neighbours besides the unit itself
BLOCK = 4  # units of a block
DECAY = 0.9  # of a trace


@dataclass
class Start:
    """theta is [(n + d + 1) n] of the cell, input-major, then [(n + 1) m] of the readout."""

    units: int
    steps: int
    theta: np.ndarray  # [p]
    inputs: np.ndarray  # [T, d]
    targets: np.ndarray  # [T, m]
    engine: np.ndarray  # [p], of the engine after T steps

    def cell(self) -> np.ndarray:
        """[n + d + 1, n]: rows of weights from one unit, input or the bias to all units."""
        return self.theta[:self.readout_at()].reshape(-1, self.units)

    def readout(self) -> np.ndarray:
        """[n + 1, m]."""
        return self.theta[self.readout_at():].reshape(-1, OUTPUTS)

    def readout_at(self) -> int:
        return (self.units + INPUTS + 1) * self.units

    def distance(self, theta: np.ndarray) -> float:
        """Of weights after the sequence from the engine's, as a part of what was learned."""
        return float(np.linalg.norm(theta - self.engine) / np.linalg.norm(self.engine - self.theta))


def read_start(path: pathlib.Path, units: int, steps: int) -> Start:
    parameters = (units + INPUTS + 1) * units + (units + 1) * OUTPUTS
    shapes = (parameters,), (steps, INPUTS), (steps, OUTPUTS), (parameters,)
    values = np.fromfile(path, np.float32)
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    if ends[-1] != values.size:
        raise ValueError(f"{path} has {values.size} values; expected {ends[-1]} of n = {units} and "
                         f"{steps} steps; write it again with same_start_bench")
    parts = [part.reshape(shape) for part, shape in zip(np.split(values, ends[:-1]), shapes)]
    return Start(units, steps, *parts)
