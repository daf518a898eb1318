"""A decoder of the form that the FALCON benchmark of brain-computer interfaces drives: reset,
predict, observe, on_done, each for a batch of sessions at once.

    decoder = millrace.falcon.Decoder(server, "bci", batch_size=8, base="calibrated")
    decoder.reset([pathlib.Path("S1_held_out_2.nwb"), ...])
    for counts, done in bins:                       # counts: [batch, channels], done: [batch]
        velocity = decoder.predict(counts)          # [batch, outputs]
        decoder.on_done(done)

Every session is a stream of its own, so that sessions adapt side by side and none disturbs another.
It needs nothing of the benchmark's own package: what the benchmark asks of a decoder is the form.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from millrace._errors import Error
from millrace._learner import Stream

if TYPE_CHECKING:
    from millrace._client import Client

# What a trial's steps were, now that it has ended: targets [T, m] or classes [T] of the steps
# first_seq to first_seq + T - 1 of that stream, or None.
Labels = Callable[[Stream, int, int], ArrayLike | None]


class Decoder:
    """A batch of streams behind four calls. A context manager: leaving it ends the calls, the
    streams stay. Not thread-safe.

    model: of new streams. base: a stream that new ones are forked from (a calibrated decoder);
    without it they begin untrained. prefix: streams are PREFIX-TAG, by the session's tag. labels:
    asked at the end of each trial; what it gives is learned from, where the model's targets are
    "delayed". Without it nothing is learned and the steps are closed.
    """

    def __init__(self, client: Client, model: str, *, batch_size: int = 1, base: str = "",
                 prefix: str = "falcon", labels: Labels | None = None):
        self.batch_size = batch_size
        self._client = client
        self._model = model
        self._base = base
        self._prefix = prefix
        self._labels = labels
        self._streams: list[Stream] = []
        self._begun: list[int] = []   # the last step before the trial under way
        self._fresh: list[bool] = []  # the next step begins with a reset

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the calls. The streams stay."""
        for stream in self._streams:
            stream.close()
        self._streams = []

    @property
    def streams(self) -> list[Stream]:
        """Those of the sessions under way, in the order of the batch."""
        return self._streams

    def reset(self, dataset_tags: Sequence[str | os.PathLike[str]] = ("",)) -> None:
        """Sessions begin: one tag an entry of the batch. A tag that was seen before goes on with
        its stream; the hidden state begins anew. Raises ValueError for more tags than the batch
        has, or for a tag given twice."""
        names = [self._name(tag) for tag in dataset_tags]
        if len(names) > self.batch_size or len(set(names)) != len(names):
            raise ValueError(f"dataset_tags has {len(names)} tags, {len(set(names))} of them "
                             f"different; expected at most {self.batch_size}, each once")
        self.close()
        self._streams = [self._open(name) for name in names]
        self._begun = [stream.seq for stream in self._streams]
        self._fresh = [True] * len(names)

    def predict(self, neural_observations: ArrayLike) -> NDArray[np.float32]:
        """One bin of each session, [batch, channels], observed; returns what each stream predicts,
        [batch, outputs]: probabilities where it classifies. Rows beyond the sessions under way
        (the padding of a last batch) give NaN."""
        rows = self._rows(neural_observations)
        seen = [self._step(k, rows[k]) for k in range(len(self._streams))]
        outputs = np.full((len(rows), len(seen[0])), np.nan, np.float32)
        outputs[:len(seen)] = seen
        return outputs

    def observe(self, neural_observations: ArrayLike) -> None:
        """As predict(), where no prediction is wanted: the streams' clocks go on all the same."""
        self.predict(neural_observations)

    def on_done(self, dones: ArrayLike) -> None:
        """Trials that have ended, [batch]: their steps get their targets, or none, and the next
        step begins with a reset."""
        for k in np.flatnonzero(np.asarray(dones, bool).ravel()[:len(self._streams)]):
            self._close_trial(int(k))

    def _close_trial(self, k: int) -> None:
        stream, first = self._streams[k], self._begun[k] + 1
        last = stream.seq
        self._fresh[k] = True
        self._begun[k] = last
        if last < first or stream.task.target != "delayed":
            return
        y = self._labels(stream, first, last) if self._labels is not None else None
        if y is not None:
            stream.learn(y, first)
        try:
            stream.no_target(last)
        except Error as error:
            if error.reason != "TARGET_HELD":  # every step has got its target
                raise

    def _step(self, k: int, row: NDArray[np.float32]) -> NDArray[np.float32]:
        reset, self._fresh[k] = self._fresh[k] and self._streams[k].seq > 0, False
        seen = self._streams[k].observe(row, reset=reset)
        return seen.probabilities if len(seen.probabilities) else seen.outputs

    def _rows(self, neural_observations: ArrayLike) -> NDArray[Any]:
        if not self._streams:
            raise ValueError("no session has begun; call reset(dataset_tags) first")
        rows = np.asarray(neural_observations, np.float32)
        if rows.ndim != 2 or len(rows) < len(self._streams):
            raise ValueError(f"neural_observations is {list(rows.shape)}; expected [batch, "
                             f"channels] with a row for each of {len(self._streams)} sessions")
        return rows

    def _open(self, name: str) -> Stream:
        if self._base:
            try:
                self._client.fork(self._base, name)
            except Error as error:
                if error.reason != "EXISTS":
                    raise
        return self._client.open(name, self._model)

    def _name(self, tag: str | os.PathLike[str]) -> str:
        stem = os.path.splitext(os.path.basename(os.fspath(tag)))[0]
        return re.sub(r"[^A-Za-z0-9._-]", "_", f"{self._prefix}-{stem}" if stem else self._prefix)
