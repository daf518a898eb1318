"""The papers' series: what is shown, what is to be predicted, which steps are scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Task:
    """T steps. inputs [T, d]; either values [T, m] (regression) or classes [T] (-1: no target);
    scored [T]: the steps that count; shift: the step at which an unadapted row stops learning;
    resets: steps before which the state is reset."""

    inputs: NDArray[np.float64]
    scored: NDArray[np.bool_]
    values: NDArray[np.float64] | None = None
    classes: NDArray[np.int64] | None = None
    shift: int = 0
    resets: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.inputs)


def after(steps: int, first: int) -> NDArray[np.bool_]:
    """All steps from `first` on."""
    return np.arange(steps) >= first


def next_step(series: NDArray[np.float64], shift: int, ahead: int = 1) -> Task:
    """Predict series [T + ahead, d] `ahead` steps on; all steps after the shift are scored."""
    inputs = series[:-ahead]
    return Task(inputs, after(len(inputs), shift), values=series[ahead:], shift=shift)


def sine(rates: Sequence[float] = (0.1, 0.3), *, steps: int = 1000, ahead: int = 1) -> Task:
    """sin of a phase that advances by each of `rates` (radians a step) for `steps` steps."""
    advance = np.repeat(rates, steps)
    advance = np.concatenate([advance, np.full(ahead, rates[-1])])
    return next_step(np.sin(np.cumsum(advance) - advance[0])[:, None], steps, ahead)


def _lorenz_slope(state: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
    x, y, z = state
    return np.array([10.0 * (y - x), x * (rho - z) - y, x * y - 8.0 / 3.0 * z])


def _lorenz_step(state: NDArray[np.float64], rho: float, dt: float) -> NDArray[np.float64]:
    """One step of Runge and Kutta's fourth-order method."""
    k1 = _lorenz_slope(state, rho)
    k2 = _lorenz_slope(state + dt / 2 * k1, rho)
    k3 = _lorenz_slope(state + dt / 2 * k2, rho)
    k4 = _lorenz_slope(state + dt * k3, rho)
    return state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def lorenz(*, dt: float, rhos: Sequence[float] = (28.0, 20.0), steps: int = 1000,
           warm_up: int = 1000) -> Task:
    """The Lorenz system (1963) from (1, 1, 1), `warm_up` steps later; rho changes every `steps`
    steps; every dimension z-scored by the part before the first change. Where on its attractor the
    series begins moves every error by up to two orders of magnitude: this start is one that our
    earlier replication agrees with."""
    state, states = np.ones(3), []
    for rho in (*np.repeat([rhos[0]], warm_up), *np.repeat(rhos, steps), rhos[-1]):
        states.append(state)
        state = _lorenz_step(state, rho, dt)
    series = np.array(states[warm_up:])
    before = series[:steps]
    return next_step((series - before.mean(axis=0)) / before.std(axis=0), steps)
