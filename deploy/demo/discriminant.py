"""An online linear discriminant for spike counts: the baseline a laboratory would run.

Square-root counts (which makes the variance of a Poisson count nearly constant, Anscombe 1948) go
through exponential filters; the filtered counts are z-scored by running statistics; a Gaussian
discriminant with one covariance for all classes and equal priors (Fisher 1936) decides. Class means
and covariance are exponentially forgotten, so the decoder follows an array that drifts.

Labels come late: `observe` decides on one bin and keeps it open, `release` gives the labels of the
oldest open bins, here when a trial ends. A decision never sees its own label.

    decoder = OnlineDiscriminant(inputs=21, classes=4)
    for counts, label, trial_ended in session:
        decision = decoder.observe(counts)
        ...
        if trial_ended:
            decoder.release(labels_of_the_open_bins)   # -1: the bin has no label

Cost: O(inputs * filters) per bin, O((inputs * filters)^3) per release. Not thread-safe.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

NO_LABEL = -1


class RunningNormaliser:
    """Z-scores a vector by exponentially forgotten statistics of the past only.

    z = clip((x - mu) / sqrt(v + floor), +-5), with mu and v from before x. Then, with
    a = max(1 / (t + 2), 1 / window) and dev = x - mu, clipped to +-5 sqrt(v + floor) once t > 100:
    mu += a dev and v = (1 - a) (v + a dev^2). v starts at 1. Without the clip on dev one glitch
    would blind a channel for a whole window.
    """

    CLIP = 5.0
    UNCLIPPED_STEPS = 100

    def __init__(self, width: int, window: float, floor: float = 1e-2) -> None:
        self._mean = np.zeros(width)
        self._variance = np.ones(width)
        self._steps = 0
        self._window = window
        self._floor = floor

    def normalise(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the z-scores [width] of `x` [width], then let `x` move the statistics."""
        deviation = x - self._mean
        scale = np.sqrt(self._variance + self._floor)
        limit = self.CLIP * scale
        clipped = np.minimum(np.maximum(deviation, -limit), limit)
        z = clipped / scale
        if self._steps > self.UNCLIPPED_STEPS:
            deviation = clipped
        rate = max(1.0 / (self._steps + 2), 1.0 / self._window)
        self._mean += rate * deviation
        self._variance = (1.0 - rate) * (self._variance + rate * deviation**2)
        self._steps += 1
        return z


class ForgettingGaussians:
    """Class means and one pooled covariance, each labelled bin forgotten at rate `forgetting`.

    With weights w_i = forgetting^(age of bin i in labelled bins) it keeps, over all bins,
    n_c = sum_c w_i, s_c = sum_c w_i f_i and Q = sum w_i f_i f_i^T. Then mu_c = s_c / n_c,
    Sigma = (Q - sum_c n_c mu_c mu_c^T) / sum_c n_c + ridge I, and with equal priors class c scores
    mu_c^T Sigma^-1 f - mu_c^T Sigma^-1 mu_c / 2 (Fisher 1936; Hastie, Tibshirani and Friedman 2009,
    equation 4.10).
    """

    def __init__(self, width: int, classes: int, forgetting: float, ridge: float) -> None:
        self._weight = np.zeros(classes)
        self._sum = np.zeros((classes, width))
        self._second_moment = np.zeros((width, width))
        self._forgetting = forgetting
        self._ridge = ridge
        self._gain = np.zeros((classes, width))
        self._offset = np.zeros(classes)

    def learn(self, features: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        """Take in `features` [k, width] with `labels` [k], all >= 0, oldest first; then solve."""
        count = len(labels)
        weight = self._forgetting ** np.arange(count - 1, -1, -1.0)
        decay = self._forgetting**count
        weighted = features * weight[:, None]
        self._weight *= decay
        self._sum *= decay
        np.add.at(self._weight, labels, weight)
        np.add.at(self._sum, labels, weighted)
        self._second_moment = decay * self._second_moment + weighted.T @ features
        self._solve()

    def _solve(self) -> None:
        seen = self._weight > 0
        total = self._weight.sum()
        mean = self._sum[seen] / self._weight[seen, None]
        between = (mean * self._weight[seen, None]).T @ mean
        covariance = (self._second_moment - between) / total
        covariance[np.diag_indices_from(covariance)] += self._ridge
        self._gain[seen] = np.linalg.solve(covariance, mean.T).T
        self._offset[seen] = -0.5 * np.einsum("cf,cf->c", self._gain[seen], mean)
        self._offset[~seen] = -np.inf

    def scores(self, feature: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return [classes] scores of `feature` [width]; -inf for a class not seen yet."""
        return self._gain @ feature + self._offset


class OnlineDiscriminant:
    """Decides the class of each bin of spike counts; learns from labels that come later.

    inputs, classes: widths. bin_s: seconds per bin. filters_s: time constants of the exponential
    filters. window: bins, of the normaliser. half_life: labelled bins after which a bin's weight
    has halved. ridge: added to the covariance's diagonal, in squared z-scores.
    """

    def __init__(
        self,
        inputs: int,
        classes: int,
        *,
        bin_s: float = 0.1,
        filters_s: Sequence[float] = (0.5, 2.0),
        window: float = 1000.0,
        half_life: float = 700.0,
        ridge: float = 1e-1,
    ) -> None:
        if inputs < 1 or classes < 2:
            raise ValueError(f"got {inputs} inputs and {classes} classes; needs >= 1 and >= 2")
        self._classes = classes
        width = inputs * len(filters_s)
        self._rate = -np.expm1(-bin_s / np.asarray(filters_s, dtype=np.float64))[:, None]
        self._filtered = np.zeros((len(filters_s), inputs))
        self._at_session_start = True
        self._normaliser = RunningNormaliser(width, window)
        self._gaussians = ForgettingGaussians(width, classes, 0.5 ** (1.0 / half_life), ridge)
        self._open: list[NDArray[np.float64]] = []
        self._frozen = False

    @property
    def open_bins(self) -> int:
        """Bins observed whose labels have not been released."""
        return len(self._open)

    def observe(self, counts: ArrayLike) -> int:
        """Decide the class of one bin of `counts` [inputs] and keep the bin open for its label.

        Before any label was released the decision is 0. Raises ValueError on a wrong width and on
        a count that is negative or not finite; nothing has changed then.
        """
        bin_counts = np.asarray(counts, dtype=np.float64)
        if bin_counts.shape != self._filtered.shape[1:]:
            raise ValueError(
                f"counts has shape {bin_counts.shape}; expected {self._filtered.shape[1:]}"
            )
        if not (np.isfinite(bin_counts).all() and (bin_counts >= 0).all()):
            raise ValueError("counts must be finite and not negative")
        root = np.sqrt(bin_counts)
        if self._at_session_start:
            self._filtered[:] = root
            self._at_session_start = False
        self._filtered += self._rate * (root - self._filtered)
        feature = self._normaliser.normalise(self._filtered.ravel())
        self._open.append(feature)
        return int(np.argmax(self._gaussians.scores(feature)))

    def release(self, labels: ArrayLike) -> None:
        """Close the oldest len(`labels`) open bins; NO_LABEL (-1) closes a bin without a label.

        Raises ValueError where there are more labels than open bins or a label is no class;
        nothing has changed then.
        """
        released = np.asarray(labels, dtype=np.int64).reshape(-1)
        wrong = released[(released < NO_LABEL) | (released >= self._classes)]
        if len(wrong):
            raise ValueError(f"got label {wrong[0]}; expected -1 to {self._classes - 1}")
        if len(released) > len(self._open):
            raise ValueError(f"got {len(released)} labels for {len(self._open)} open bins")
        closed, self._open = self._open[: len(released)], self._open[len(released) :]
        known = released != NO_LABEL
        if known.any() and not self._frozen:
            self._gaussians.learn(np.stack(closed)[known], released[known])

    def start_session(self) -> None:
        """Forget the filters' past: the next bin does not follow the last one in time."""
        self._at_session_start = True

    def freeze(self) -> None:
        """Learn no more from labels; the running z-score goes on."""
        self._frozen = True
