"""Estimators for River: a stream of a server where River expects a model.

    with millrace.connect("127.0.0.1:7070") as server, server.open("elec", "electricity") as stream:
        model = millrace.river.Classifier(stream, features=["price", "demand"],
                                          classes=["DOWN", "UP"])
        evaluate.progressive_val_score(dataset, model, metrics.Accuracy())

A River program predicts from x and later learns from (x, y); a recurrent stream must see every x
once, in order. So:

- Where the model takes targets with their step ("with_observation"), predict_one peeks, which
  changes nothing, and learn_one makes the step.
- Where targets come later ("delayed"), predict_one makes the step, and learn_one gives the target
  to the oldest predicted step with that x which has none yet. Nothing is matched by time: River's
  `delay`, whatever its unit, works as it is. River reveals a target before it asks the question
  `delay` steps later, `millrace replay --target_delay k` after it: delay=k+1 is the same play.

Scores are those of `millrace replay`, to the last bit of every prediction. Not thread-safe, and not
to be cloned or pickled: an estimator is a view of one stream, whose weights are in the server.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from millrace._learner import Stream
from millrace._results import Prediction

try:
    from river import base
except ImportError as missing:
    raise ImportError("millrace.river needs River: pip install millrace[river]") from missing

Features = dict[Hashable, Any]
Label = bool | str | int


class _Feed:
    """From River's questions and answers to steps, peeks and targets of one stream."""

    def __init__(self, stream: Stream, features: Sequence[Hashable]):
        if stream.task.target == "next_input":
            raise ValueError(f"stream '{stream.id}' learns to predict its next input; River's "
                             "estimators need a target")
        self._stream = stream
        self._features = list(features)
        self._open: deque[tuple[int, NDArray[np.float32]]] = deque()
        self._delayed = stream.task.target == "delayed"

    def ask(self, x: Features) -> Prediction:
        row = self._row(x)
        if not self._delayed:
            return self._stream.predict(row)
        prediction = self._stream.observe(row)
        self._open.append((prediction.seq, row))
        return prediction

    def tell(self, x: Features, y: Any, weight: float) -> None:
        row = self._row(x)
        if self._delayed:
            self._stream.learn(y, self._asked(row), weight=[weight])
        else:
            self._stream.step(row, y, weight=weight)

    def _row(self, x: Features) -> NDArray[np.float32]:
        """[d]; a feature that is absent or None is missing: NaN."""
        values = (x.get(name) for name in self._features)
        return np.array([np.nan if value is None else value for value in values], np.float32)

    def _asked(self, row: NDArray[np.float32]) -> int:
        """Number of the oldest open step with this input; from now on it is not open."""
        for place, (seq, asked) in enumerate(self._open):
            if np.array_equal(asked, row, equal_nan=True):
                del self._open[place]
                return seq
        raise ValueError(f"learn_one() got an x that predict_one() was not asked about, or was "
                         f"told about already; stream '{self._stream.id}' takes targets of "
                         "observed steps: call predict_one(x) first, once")


class Classifier(base.Classifier):
    """River's classifier over a stream whose model classifies.

    stream: of millrace.connect(...).open(...). features: their names in River's x, in the order of
    the model's inputs. classes: River's label of each of the model's classes, in order; by default
    0, 1, 2, ... Raises ValueError where the stream does not classify.
    """

    def __init__(self, stream: Stream, features: Sequence[Hashable],
                 classes: Sequence[Label] | None = None):
        if not stream.task.classifies:
            raise ValueError(f"stream '{stream.id}' has the loss \"{stream.task.loss}\"; expected "
                             "cross_entropy (Regressor is for the others)")
        self.stream = stream
        self.features = features
        self.classes = list(range(stream.task.outputs) if classes is None else classes)
        if len(self.classes) != stream.task.outputs:
            raise ValueError(f"classes has {len(self.classes)} labels; stream '{stream.id}' has "
                             f"{stream.task.outputs} classes")
        self._number = {label: number for number, label in enumerate(self.classes)}
        self._feed = _Feed(stream, features)

    @property
    def _multiclass(self) -> bool:
        return True

    def predict_proba_one(self, x: Features, **kwargs: Any) -> dict[Label, float]:
        """Probability of each label. With delayed targets this is the step; call it or
        predict_one, not both."""
        return dict(zip(self.classes, self._feed.ask(x).probabilities.tolist()))

    def predict_one(self, x: Features, **kwargs: Any) -> Label:
        """The most probable label, the first of equals."""
        return self.classes[self._feed.ask(x).label]

    def learn_one(self, x: Features, y: Label, w: float = 1.0) -> None:
        """The label of x. w: its weight. Raises ValueError for a label that is not of `classes`."""
        if y not in self._number:
            raise ValueError(f"y is {y!r}; expected one of {self.classes}")
        self._feed.tell(x, self._number[y], w)


class Regressor(base.Regressor):
    """River's regressor over a stream with one output; features as for Classifier."""

    def __init__(self, stream: Stream, features: Sequence[Hashable]):
        if stream.task.classifies or stream.task.outputs != 1:
            raise ValueError(f"stream '{stream.id}' has the loss \"{stream.task.loss}\" and "
                             f"{stream.task.outputs} outputs; expected a regression with 1")
        self.stream = stream
        self.features = features
        self._feed = _Feed(stream, features)

    def predict_one(self, x: Features, **kwargs: Any) -> float:
        """The prediction. With delayed targets this is the step."""
        return float(self._feed.ask(x).outputs[0])

    def learn_one(self, x: Features, y: float, w: float = 1.0) -> None:
        """The target of x. w: its weight."""
        self._feed.tell(x, y, w)
