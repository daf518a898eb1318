"""Prints the best rate of a single-precision matrix product here, in operations a second."""

from __future__ import annotations

import time

import numpy as np

SIZES = ((256, 256), (512, 512), (1024, 1024), (64, 6720), (128, 21632))  # [n, n] by [n, columns]
SECONDS = 0.15  # of each size


def rate(n: int, columns: int) -> float:
    """The best of repeated products, by processor time."""
    left, right = np.ones((n, n), np.float32), np.ones((n, columns), np.float32)
    out = np.empty((n, columns), np.float32)
    best, start = 0.0, time.process_time()
    while time.process_time() - start < SECONDS:
        before = time.process_time()
        for _ in range(4):
            np.dot(left, right, out=out)
        best = max(best, 8 * n * n * columns / (time.process_time() - before))
    return best


if __name__ == "__main__":
    print(max(rate(*size) for size in SIZES))
