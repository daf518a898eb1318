"""A stream as most programs use it: targets by what the model learns, not by field of a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from millrace._results import LearnResult, Prediction, TargetsResult
from millrace._stream import StreamWriter
from millrace.v1 import model_pb2, stats_pb2

if TYPE_CHECKING:
    from millrace._client import Client

_CLASSES = "cross_entropy"


@dataclass(frozen=True)
class Task:
    """What a stream's model learns.

    loss: its name, e.g. "cross_entropy". target: when targets come: "with_observation", "delayed"
    or "next_input". outputs: m, 0 where the model derives it from its input. model: its name.
    """

    loss: str
    target: str
    outputs: int
    model: str

    @staticmethod
    def of(model: model_pb2.Model) -> Task:
        outputs = [s.integer for s in model.spec.head.settings if s.name == "outputs"]
        return Task(model.spec.loss.name, model.spec.target.name, outputs[0] if outputs else 0,
                    model.name)

    @property
    def classifies(self) -> bool:
        """Targets are classes (or probability vectors); else values."""
        return self.loss == _CLASSES


class Stream:
    """One stream, attached as its one writer. A context manager: leaving it ends the call, the
    stream stays.

        stream.step(x, y)                     predict, then learn from y
        stream.predict(x)                     what a step would predict; nothing changes
        seen = stream.observe(x)              the clock goes on, the target comes later:
        stream.learn(y, seen.seq)             here it is
        stream.play(X, Y)                     many steps in one go

    What y is follows from the model's loss. cross_entropy: a class (-1 or NaN: none), or a
    probability vector [m]. Any other: values [m], or a number where m = 1 (NaN: not known).
    Every method raises millrace.Error for what the server refuses and ValueError for arrays that do
    not fit, and then nothing has changed. Reconnection, numbering and fencing are those of
    `writer`, which also has what is not here. Not thread-safe.
    """

    def __init__(self, client: Client, id: str, *, last_durable_seq: int = 0):
        self.id = id
        self._client = client
        self._task: Task | None = None
        self.writer: StreamWriter = client.attach(id, last_durable_seq=last_durable_seq)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Stream('{self.id}', step {self.seq})"

    def close(self) -> None:
        """Ends the call. The stream stays."""
        self.writer.close()

    @property
    def seq(self) -> int:
        """Number of the last step observed; 0 before the first."""
        return self.writer.applied_seq

    @property
    def task(self) -> Task:
        """What the stream's model learns; asked for once."""
        if self._task is None:
            self._task = Task.of(self._client.model(self._client.stream(self.id).model))
        return self._task

    def step(self, x: ArrayLike | bytes, y: ArrayLike | None = None, *,
             weight: float | None = None, reset: bool = False) -> Prediction:
        """One step: x is [d], or one byte; y its target, if known. The prediction is made before
        y is looked at. weight: of the target, >= 0; 0 scores only. reset: the hidden state is
        zeroed before the step."""
        target = {} if y is None else self._targets(y, 1)
        row = x if isinstance(x, bytes) else np.asarray(x, np.float32).reshape(1, -1)
        if isinstance(row, bytes) and len(row) != 1:
            raise ValueError(f"x has {len(row)} bytes; expected 1 (play() takes many)")
        return self.writer.step(row, **_as_step(target), weight=weight, reset=reset)

    def predict(self, x: ArrayLike | bytes) -> Prediction:
        """The prediction that a step with x would get; the stream does not move. Where targets come
        later, a step first learns from those that have come; this prediction is made without."""
        return self._client.peek(self.id, x)

    def observe(self, x: ArrayLike | bytes, *, reset: bool = False) -> Prediction:
        """One step whose target is not known yet; its number is `seq` of the prediction."""
        return self.step(x, reset=reset)

    def learn(self, y: ArrayLike, seq: int | None = None, *, steps: int = 0,
              weight: ArrayLike | None = None, inferred: bool = False) -> TargetsResult:
        """The target of step `seq` (default: the last one), or of the steps from it: classes [T],
        values [T, m], or with `steps` one target for that many. Once all targets before it are
        there too, or were declared absent, the stream learns from it. inferred: a guess or a
        pseudo-label; it is not scored."""
        if self.task.target != "delayed":
            raise ValueError(
                f"stream '{self.id}' takes no targets after their step (model "
                f"'{self.task.model}': target \"{self.task.target}\"); give y to step(), or use a "
                "model with target \"delayed\"")
        rows = self._targets(y, steps or None)
        return self.writer.late_targets(self.seq if seq is None else seq, steps=steps, **rows,
                                        weights=weight, inferred=inferred)

    def no_target(self, through: int | None = None) -> TargetsResult:
        """Steps up to `through` (default: the last one) that have no target will get none."""
        return self.writer.no_target_through(self.seq if through is None else through)

    def play(self, x: ArrayLike | bytes, y: ArrayLike | None = None, *,
             weight: ArrayLike | None = None, outputs: bool = True) -> LearnResult:
        """T steps in order: x is [T, d], or T bytes; y their targets: classes [T], values [T, m]
        or [T]. Each prediction is made before its own target is looked at. outputs=False: only
        losses come back."""
        target: dict[str, Any] = {}
        if y is not None:
            steps = len(x) if isinstance(x, bytes) else len(np.asarray(x))
            target = self._targets(y, steps)
            for rows in target.values():
                if len(rows) != steps:
                    raise ValueError(f"y has {len(rows)} rows; expected {steps}, one a step")
        return self.writer.learn(x, **target, weights=weight, outputs=outputs)

    def skip(self, steps: int) -> LearnResult:
        """`steps` steps without input (lost samples), so that the clock is kept."""
        return self.writer.skip(steps)

    def settle(self) -> None:
        """The learner runs through every closed step at once: between sessions, at the end."""
        self.writer.settle()

    def stats(self) -> stats_pb2.StreamStats:
        """How well the stream adapts, now. Absent figures: `stats.HasField("recovery")`."""
        return self._client.stats(self.id)

    def _targets(self, y: ArrayLike, steps: int | None) -> dict[str, Any]:
        """Targets under the writer's names; steps: rows expected, None where y says."""
        if self.task.target == "next_input":
            raise ValueError(f"stream '{self.id}' learns to predict its next input; it takes no y")
        rows = np.asarray(y)
        if not self.task.classifies:
            return {"values": _values(rows, steps, self.task.outputs)}
        return _classes(rows, steps)


def _values(rows: NDArray[Any], steps: int | None, outputs: int) -> NDArray[Any]:
    """[T, m] of values [T, m], [T] with m = 1, or one row."""
    if rows.ndim > 2:
        raise ValueError(f"y has {rows.ndim} dimensions; expected at most 2: [steps, outputs]")
    if rows.ndim == 2:
        return rows
    if rows.size == outputs and (outputs > 1 or steps is not None):
        return rows.reshape(1, -1)
    if outputs == 1:
        return rows.reshape(-1, 1)
    raise ValueError(f"y has {rows.size} values; expected {outputs}, the model's outputs, in each "
                     f"of {steps or 'its'} rows")


def _classes(rows: NDArray[Any], steps: int | None) -> dict[str, Any]:
    """Classes [T], or probabilities [T, m]."""
    if rows.ndim == 2:
        return {"probabilities": rows}
    if rows.ndim == 1 and steps == 1 and rows.size > 1:
        return {"probabilities": rows.reshape(1, -1)}
    if rows.ndim > 2:
        raise ValueError(f"y has {rows.ndim} dimensions; expected classes [steps] or probabilities "
                         "[steps, outputs]")
    if rows.dtype.kind == "f":
        rows = np.where(np.isnan(rows), -1, rows)
    return {"classes": rows.reshape(-1)}


def _as_step(target: dict[str, Any]) -> dict[str, Any]:
    """The same as arguments of StreamWriter.step."""
    if "classes" in target:
        label = target["classes"]
        if label[0] != int(label[0]):
            raise ValueError(f"y is {label[0]}; expected a class, a whole number")
        return {"label": int(label[0])}
    return target
