"""Plays the recording through the Python client as `millrace replay` does, event by event, and
keeps what it was answered."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

import millrace
import sessions as recording


@dataclass
class Decisions:
    """Decisions on the bins of each session, [T] a session; -1 where there is no shadow."""

    live: list[NDArray[np.int64]] = field(default_factory=list)
    shadow: list[NDArray[np.int64]] = field(default_factory=list)


def play(client: millrace.Client, id: str, played: list[recording.Session],
         shadow_after: int) -> Decisions:
    """All sessions; a trial's labels are released when the trial column changes."""
    decisions = Decisions()
    with client.attach(id) as stream:
        for number, session in enumerate(played, 1):
            Session(stream, session, decisions).play()
            if number == shadow_after:
                client.take_shadow(id)
    return decisions


class Session:
    """One session on its way through a stream."""

    def __init__(self, stream: millrace.StreamWriter, session: recording.Session,
                 decisions: Decisions) -> None:
        self._stream = stream
        self._session = session
        self._base = stream.next_seq  # of the first bin
        self._observed = self._released = 0
        self._live = np.full(len(session.labels), -1)
        self._shadow = np.full(len(session.labels), -1)
        decisions.live.append(self._live)
        decisions.shadow.append(self._shadow)

    def play(self) -> None:
        labels, trials = self._session.labels, self._session.trials
        for t in range(len(labels)):
            if t > 0 and trials[t] != trials[t - 1]:
                self._observe(t)
                self._release(t)
            if self._released == t and labels[t] == recording.NO_LABEL:
                # Between trials: a bin of which it is known at once that it has no label.
                self._observe(t + 1)
                self._release(t + 1)
        self._observe(len(labels))
        self._release(len(labels))
        self._stream.settle()

    def _observe(self, end: int) -> None:
        start = self._observed
        if start == end:
            return
        result = self._stream.learn(self._session.counts[start:end], shadow=True,
                                    reset_before=[0] if start == 0 and self._base > 1 else [])
        self._live[start:end] = result.outputs.argmax(axis=1)
        if result.shadow_outputs.size:
            self._shadow[start:end] = result.shadow_outputs.argmax(axis=1)
        self._observed = end

    def _release(self, end: int) -> None:
        start = self._released
        if start == end:
            return
        labels = self._session.labels[start:end]
        through = self._base + end - 1
        if (labels == recording.NO_LABEL).all():
            self._stream.no_target_through(through)
        else:
            # A trial's bins carry its label from the first to the last, or none at its edges.
            known = np.flatnonzero(labels != recording.NO_LABEL)
            first, last = known[0], known[-1] + 1
            assert (labels[first:last] != recording.NO_LABEL).all(), "a gap in a trial's labels"
            self._stream.late_targets(self._base + start + int(first), classes=labels[first:last],
                                      no_target_through=through)
        self._released = end
