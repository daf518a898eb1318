"""Tasks that cannot be done from the present input: what came long ago must have been kept.

Episodes follow each other in one stream, the state reset between them; the last fifth is scored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks import Task, after

LAST = 5  # one part in so many is scored


def _episodes(inputs: NDArray[np.float64], *, classes: NDArray[np.int64] | None = None,
              values: NDArray[np.float64] | None = None) -> Task:
    """One stream of inputs [episodes, T, d] and classes [episodes, T] or values [episodes, T]."""
    count, steps, width = inputs.shape
    total = count * steps
    return Task(inputs.reshape(total, width), after(total, total - total // LAST),
                classes=None if classes is None else classes.reshape(total),
                values=None if values is None else values.reshape(total, 1),
                shift=total // 2, resets=range(0, total, steps))


def adding(seed: int, episodes: int, length: int) -> Task:
    """Numbers from [0, 1], two of them marked, one in each half; their sum is due at the end
    (Hochreiter and Schmidhuber 1997). Always saying 1 has a squared error of 1/6."""
    random = np.random.default_rng(seed)
    inputs = np.zeros((episodes, length, 2))
    inputs[:, :, 0] = random.random((episodes, length))
    each = np.arange(episodes)
    half = length // 2
    for marked in (random.integers(0, half, episodes), random.integers(half, length, episodes)):
        inputs[each, marked, 1] = 1.0
    values = np.full((episodes, length), np.nan)
    values[:, -1] = (inputs[:, :, 0] * inputs[:, :, 1]).sum(axis=1)
    return _episodes(inputs, values=values)


def copy(seed: int, episodes: int, *, symbols: int = 4, length: int = 3, delay: int = 5) -> Task:
    """`length` symbols, `delay` blanks, then the symbols are due in order. Inputs: one column a
    symbol, one for the recall. Chance is 1 / symbols."""
    random = np.random.default_rng(seed)
    shown = random.integers(0, symbols, (episodes, length))
    inputs = np.zeros((episodes, 2 * length + delay, symbols + 1))
    inputs[:, :length, :symbols] = np.eye(symbols)[shown]
    inputs[:, -length:, symbols] = 1.0
    classes = np.full(inputs.shape[:2], -1)
    classes[:, -length:] = shown
    return _episodes(inputs, classes=classes)


def memory_chain(seed: int, episodes: int, length: int) -> Task:
    """A bit, marked as the one that matters, then `length` random bits, then the first is due
    (after Osband et al. 2020, with distractors). Inputs: the bit, its mark, the query."""
    random = np.random.default_rng(seed)
    bits = random.integers(0, 2, (episodes, length + 2))
    inputs = np.zeros((episodes, length + 2, 3))
    inputs[:, :, 0] = 2.0 * bits - 1.0
    inputs[:, 0, 1] = 1.0
    inputs[:, -1, 0] = 0.0
    inputs[:, -1, 2] = 1.0
    classes = np.full(bits.shape, -1)
    classes[:, -1] = bits[:, 0]
    return _episodes(inputs, classes=classes)


def selective_copy(seed: int, episodes: int, *, symbols: int = 4, tokens: int = 2,
                   positions: int = 8) -> Task:
    """`tokens` symbols at random places among blanks, then they are due in order (Gu and Dao 2023).
    Inputs: one column a symbol, one for a blank, one a recall step."""
    random = np.random.default_rng(seed)
    shown = random.integers(0, symbols, (episodes, tokens))
    inputs = np.zeros((episodes, positions + tokens, symbols + 1 + tokens))
    inputs[:, :positions, symbols] = 1.0
    for i in range(episodes):
        at = np.sort(random.choice(positions, tokens, replace=False))
        inputs[i, at, symbols] = 0.0
        inputs[i, at, shown[i]] = 1.0
    for k in range(tokens):
        inputs[:, positions + k, symbols + 1 + k] = 1.0
    classes = np.full(inputs.shape[:2], -1)
    classes[:, positions:] = shown
    return _episodes(inputs, classes=classes)


def delayed_xor(seed: int, steps: int, delay: int) -> Task:
    """A stream of random bits; due is the exclusive or of the bits `delay` and `delay` + 1 steps
    ago (Williams and Zipser 1989)."""
    bits = np.random.default_rng(seed).integers(0, 2, steps)
    classes = np.full(steps, -1)
    classes[delay + 1:] = bits[1:-delay] ^ bits[:-delay - 1]
    return Task(2.0 * bits[:, None] - 1.0, after(steps, steps - steps // LAST), classes=classes,
                shift=steps // 2)
