"""Streams of labelled rows without memory: River's rotating hyperplane, and ELEC2."""

from __future__ import annotations

import os
import pathlib
import random

import numpy as np
from numpy.typing import NDArray

from tasks import Task

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def hyperplane(seed: int, rows: int, *, features: int = 10, drifting: int = 2,
               magnitude: float = 0.001, noise: float = 0.05, sigma: float = 0.1) -> Task:
    """River's generator `datasets.synth.Hyperplane` (version 0.26), number for number: the class
    is 1 where w . x >= sum(w) / 2, labels flip where 0.01 + U <= noise (so 5 % is 4 %), and the
    first `drifting` weights walk by `magnitude`, turning round with chance sigma - 0.01 (Hulten,
    Spencer and Domingos 2001)."""
    draw = random.Random(seed).random
    weights = [draw() for _ in range(features)]
    direction = [1] * drifting
    inputs = np.empty((rows, features))
    classes = np.empty(rows, np.int64)
    for t in range(rows):
        total = sum(weights)
        x = [draw() for _ in range(features)]
        value = 0
        for w, xi in zip(weights, x):
            value += w * xi
        y = 1 if value >= total * 0.5 else 0
        if 0.01 + draw() <= noise:
            y = 1 - y
        for i in range(drifting):
            weights[i] += direction[i] * magnitude
            if 0.01 + draw() <= sigma:
                direction[i] *= -1
        inputs[t], classes[t] = x, y
    return Task(inputs, np.ones(rows, bool), classes=classes, shift=rows // 2)


def recordings() -> pathlib.Path:
    """The folder of recordings."""
    return pathlib.Path(os.environ.get("MILLRACE_DATA", ROOT.parent / "shared" / "data"))


def electricity(last_label: bool) -> Task:
    """ELEC2 (Harries 1999), one row per half hour: time of day, prices, demands and the transfer;
    is the price above its mean of the last day? last_label: the row before's label is an input,
    -1 or 1."""
    path = recordings() / "electricity" / "electricity.csv"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; set MILLRACE_DATA to the recordings' folder")
    columns: NDArray[np.float64] = np.loadtxt(path, delimiter=",", skiprows=1)
    classes = columns[:, -1].astype(np.int64)
    inputs = columns[:, :-1]
    if last_label:
        known = np.concatenate([[0.0], 2.0 * classes[:-1] - 1.0])
        inputs = np.concatenate([inputs, known[:, None]], axis=1)
    return Task(inputs, np.ones(len(inputs), bool), classes=classes, shift=len(inputs) // 2)
