"""What comes back: predictions and what a release of targets did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from millrace.v1 import learn_pb2

Floats = NDArray[np.float32]

_TABLES = ("outputs", "probabilities", "shadow_outputs", "residual_sd")  # [T, m]
_COLUMNS = ("novelty", "disagreement", "loss", "shadow_loss")  # [T]


def _empty() -> Floats:
    return np.zeros((0,), np.float32)


@dataclass
class Prediction:
    """One step's prediction, as served.

    seq: the step's number. outputs: [m] (logits where the loss is a classification);
    probabilities: [m], classification only. shadow_outputs, residual_sd: [m]. Arrays that were not
    asked for, or for which there is no shadow, are empty; so are all of them, and `lost` is True,
    where the step was applied but its reply went down with a broken connection.
    novelty, disagreement: NaN unless asked for. loss: served loss, if the target came with the step
    (for next-input targets: the loss of the prediction of this input); else NaN.
    """

    seq: int
    outputs: Floats
    probabilities: Floats = field(default_factory=_empty)
    shadow_outputs: Floats = field(default_factory=_empty)
    residual_sd: Floats = field(default_factory=_empty)
    novelty: float = float("nan")
    disagreement: float = float("nan")
    loss: float = float("nan")
    shadow_loss: float = float("nan")
    served_shadow: bool = False
    lost: bool = False

    @property
    def label(self) -> int:
        """The most probable class; -1 where the reply was lost."""
        return int(self.outputs.argmax()) if self.outputs.size else -1


@dataclass
class LearnResult:
    """T steps' predictions.

    first_seq: number of the first row. outputs, probabilities, shadow_outputs, residual_sd: [T, m];
    novelty, disagreement, loss, shadow_loss: [T]; empty where not asked for, or where there is
    nothing to tell (see Prediction). Rows of steps that were applied while their reply went down
    with a broken connection are NaN; lost_steps counts them. served_shadow: the shadow's output was
    served for some of the steps. trailing_steps: by how many the learner trails after them.
    """

    first_seq: int
    steps: int
    outputs: Floats
    probabilities: Floats
    shadow_outputs: Floats
    residual_sd: Floats
    novelty: Floats
    disagreement: Floats
    loss: Floats
    shadow_loss: Floats
    lost_steps: int = 0
    served_shadow: bool = False
    trailing_steps: int = 0

    @property
    def last_seq(self) -> int:
        """Number of the last row."""
        return self.first_seq + self.steps - 1

    def __len__(self) -> int:
        return self.steps

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}: {'x'.join(map(str, getattr(self, name).shape))}"
                          for name in (*_TABLES, *_COLUMNS) if getattr(self, name).size)
        lost = f", {self.lost_steps} lost" if self.lost_steps else ""
        return f"LearnResult(steps {self.first_seq} to {self.last_seq}{lost}; {shown or 'no rows'})"


@dataclass
class TargetsResult:
    """What a release of targets did.

    taken: targets taken; skipped: those that were held or learned already; loss, shadow_loss: mean
    served loss of what the release scored, NaN where it scored nothing. All zero and NaN where the
    release was applied but its reply went down with a broken connection.
    """

    taken: int
    skipped: int
    loss: float
    shadow_loss: float


def prediction_of_peek(reply: learn_pb2.PeekResponse) -> Prediction:
    return Prediction(reply.next_seq, np.array(reply.outputs, np.float32),
                      np.array(reply.probabilities, np.float32),
                      np.array(reply.shadow_outputs, np.float32),
                      np.array(reply.residual_sd, np.float32),
                      reply.novelty if reply.HasField("novelty") else float("nan"))


def prediction_of_step(result: LearnResult) -> Prediction:
    """The one row of a result."""
    def row(name: str) -> Floats:
        rows = getattr(result, name)
        return rows[0] if len(rows) and not result.lost_steps else _empty()

    def figure(name: str) -> float:
        rows = getattr(result, name)
        return float(rows[0]) if len(rows) else float("nan")

    return Prediction(result.first_seq, row("outputs"), row("probabilities"),
                      row("shadow_outputs"), row("residual_sd"), figure("novelty"),
                      figure("disagreement"), figure("loss"), figure("shadow_loss"),
                      served_shadow=result.served_shadow, lost=result.lost_steps > 0)


def join(first_seq: int, parts: list[tuple[int, learn_pb2.ObserveResult]]) -> LearnResult:
    """One result of the replies to consecutive parts, each with its number of steps."""
    total = sum(steps for steps, _ in parts)
    rows = {name: _rows(total, list(_pieces(parts, name)), name in _COLUMNS)
            for name in (*_TABLES, *_COLUMNS)}
    return LearnResult(first_seq, total, **rows,
                       lost_steps=sum(steps - observed.steps for steps, observed in parts),
                       served_shadow=any(observed.served_shadow for _, observed in parts),
                       trailing_steps=parts[-1][1].trailing_steps if parts else 0)


def _pieces(parts: list[tuple[int, learn_pb2.ObserveResult]], name: str
            ) -> Iterator[tuple[int, Floats]]:
    end = 0
    for steps, observed in parts:
        end += steps
        flat = np.array(getattr(observed, name), np.float32)
        if observed.steps and flat.size:
            # Steps applied before a reconnection have no rows: theirs would be the first.
            yield end - observed.steps, flat.reshape(observed.steps, -1)


def _rows(total: int, pieces: list[tuple[int, Floats]], column: bool) -> Floats:
    """Rows [total, m], or [total], from pieces that start at their offsets; NaN elsewhere."""
    if not pieces:
        return _empty()
    rows = np.full((total, pieces[0][1].shape[1]), np.nan, np.float32)
    for start, piece in pieces:
        rows[start:start + len(piece)] = piece
    return rows[:, 0] if column else rows
