"""A stream on the Lab Streaming Layer: samples in, predictions out, lost samples accounted for.

    with millrace.connect("127.0.0.1:7070") as server, server.open("subject-1", "bci") as stream:
        bridge = millrace.lsl.Bridge(stream, millrace.lsl.inlet(type="EEG"),
                                     targets=millrace.lsl.inlet(name="cues"),
                                     predictions="decoder")
        bridge.run(seconds=600)

Every sample is one step. Where time stamps show that samples were lost (a radio link, a full
buffer), as many steps are skipped before the next, so that the network's clock stays that of the
recording. Predictions go out as an LSL stream, each with its sample's time stamp. Targets come from
an LSL stream of their own, each stamped with the time of the step it is for; the model's targets
must be "delayed". Needs pylsl: pip install millrace[lsl].
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from millrace._learner import Stream
from millrace._results import Prediction

try:
    import pylsl
except ImportError as missing:
    raise ImportError("millrace.lsl needs pylsl: pip install millrace[lsl]") from missing


OTHERS_S = 1.0  # how long another stream that answers to the same name has, after the first


@dataclass
class Tally:
    """What a bridge has seen: steps made, samples lost and skipped, pauses answered by a reset,
    targets given, and targets that belonged to no step within the last `memory` ones."""

    steps: int = 0
    skipped: int = 0
    resets: int = 0
    targets: int = 0
    strays: int = 0


class SampleClock:
    """Which sample of a regular stream a time stamp is: how many were lost before it.

    Stamps jitter and a device's rate is not quite its nominal one, so the clock follows: late by
    less than half a period is late, not lost, and what was taken for a loss because one stamp came
    late is made good at the next real one. Needs no time of its own.
    """

    _FOLLOW = 0.02  # of a stamp's deviation, a sample

    def __init__(self, rate_hz: float):
        self._rate_hz = rate_hz
        self._origin: float | None = None
        self._next = 0

    def lost(self, stamp: float) -> int:
        """Samples missing before the one with this stamp [s]; negative: the stamp is before its
        predecessor's place by so many, as after a restart of the device's clock."""
        if self._rate_hz <= 0:  # irregular: nothing can be missing
            return 0
        if self._origin is None:
            self._origin = stamp
        place = (stamp - self._origin) * self._rate_hz
        at = round(place)
        self._origin += self._FOLLOW * (place - at) / self._rate_hz
        lost = at - self._next
        self._next = max(at, self._next) + 1
        return lost

    def restart(self, stamp: float) -> None:
        """The sample with this stamp follows its predecessor, whatever the stamps say."""
        self._origin, self._next = stamp, 1


def inlet(timeout_s: float = 10.0, **properties: str) -> pylsl.StreamInlet:
    """The one LSL stream with these properties (name, type, source_id). Raises TimeoutError where
    there is none, ValueError where several answer within OTHERS_S after the first."""
    wanted = " and ".join(f"{key}='{value}'" for key, value in properties.items())
    found = pylsl.resolve_bypred(wanted, minimum=1, timeout=timeout_s)
    if not found:
        raise TimeoutError(f"no LSL stream with {wanted} within {timeout_s} s; is its program "
                           "running, and in this network?")
    found = pylsl.resolve_bypred(wanted, minimum=2, timeout=OTHERS_S) or found
    if len(found) > 1:
        names = ", ".join(f"{one.name()} ({one.source_id()})" for one in found)
        raise ValueError(f"{len(found)} LSL streams have {wanted}: {names}; expected one, say "
                         "source_id")
    return pylsl.StreamInlet(found[0], max_chunklen=1)


class Bridge:
    """From an inlet to a stream and back. A context manager: leaving it closes the inlets.

    samples: its channels are the model's inputs. targets: an inlet of classes [1] or values [m].
    predictions: name of the LSL stream to open for them, None for none: probabilities where the
    model classifies, else outputs. most_lost: a longer gap, in samples, or a clock that goes back
    is a pause: the hidden state is reset and nothing is skipped. memory: steps that wait for their
    target; with `targets`, those that leave it get none. Not thread-safe.
    """

    def __init__(self, stream: Stream, samples: pylsl.StreamInlet, *,
                 targets: pylsl.StreamInlet | None = None, predictions: str | None = None,
                 most_lost: int = 1000, memory: int = 1000):
        if targets is not None and stream.task.target != "delayed":
            raise ValueError(f"stream '{stream.id}' has a model with target "
                             f"\"{stream.task.target}\"; targets that come on their own need "
                             "\"delayed\"")
        self.stream = stream
        self.tally = Tally()
        self._samples, self._targets = samples, targets
        self._rate_hz = samples.info().nominal_srate()
        self._clock = SampleClock(self._rate_hz)
        self._most_lost, self._memory = most_lost, memory
        self._open: deque[tuple[float, int]] = deque()  # stamp and step, waiting for its target
        self._outlet = self._outlet_of(predictions) if predictions else None

    def __enter__(self) -> Bridge:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the inlets. The stream stays attached."""
        self._samples.close_stream()
        if self._targets is not None:
            self._targets.close_stream()

    def run(self, *, seconds: float | None = None, steps: int | None = None) -> Tally:
        """Steps until so many seconds have gone or steps been made; for ever without either."""
        until = None if seconds is None else time.monotonic() + seconds
        last = None if steps is None else self.tally.steps + steps
        while (until is None or time.monotonic() < until) and \
                (last is None or self.tally.steps < last):
            self.step(timeout_s=0.2)
        return self.tally

    def step(self, timeout_s: float = 1.0) -> Prediction | None:
        """One sample, if one comes within the time, and the targets that have come."""
        sample, stamp = self._samples.pull_sample(timeout=timeout_s)
        self._take_targets()
        if sample is None:
            return None
        prediction = self.stream.step(sample, reset=self._account(stamp))
        self.tally.steps += 1
        if self._outlet is not None:
            told = prediction.probabilities if self.stream.task.classifies else prediction.outputs
            self._outlet.push_sample(told.tolist(), stamp)
        self._remember(stamp, prediction.seq)
        return prediction

    def _account(self, stamp: float) -> bool:
        """Skips what was lost before this sample; whether it comes after a pause instead."""
        lost = self._clock.lost(stamp)
        if -self._most_lost <= lost <= 0:
            return False
        if 0 < lost <= self._most_lost:
            self.stream.skip(lost)
            self.tally.skipped += lost
            return False
        self._clock.restart(stamp)
        self.tally.resets += 1
        return True

    def _remember(self, stamp: float, seq: int) -> None:
        if self._targets is None:
            return
        self._open.append((stamp, seq))
        if len(self._open) > self._memory:
            self.stream.no_target(self._open.popleft()[1])

    def _take_targets(self) -> None:
        while self._targets is not None:
            target, stamp = self._targets.pull_sample(timeout=0.0)
            if target is None:
                return
            self._give(target, stamp)

    def _give(self, target: list[Any], stamp: float) -> None:
        """A target to the step whose sample has its stamp, within half a period."""
        near = 0.5 / self._rate_hz if self._rate_hz > 0 else 1e-6
        place = min(range(len(self._open)), key=lambda i: abs(self._open[i][0] - stamp),
                    default=None)
        if place is None or abs(self._open[place][0] - stamp) > near:
            self.tally.strays += 1
            return
        seq = self._open[place][1]
        del self._open[place]
        y: Any = int(target[0]) if self.stream.task.classifies else np.asarray(target, np.float32)
        self.stream.learn(y, seq)
        self.tally.targets += 1

    def _outlet_of(self, name: str) -> pylsl.StreamOutlet:
        described = pylsl.StreamInfo(name, "Prediction", self.stream.task.outputs, self._rate_hz,
                                     "float32", f"millrace-{self.stream.id}")
        return pylsl.StreamOutlet(described, chunk_size=1)
