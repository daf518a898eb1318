"""The data plane: one attached stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from millrace import _results, _targets
from millrace._results import LearnResult, Prediction, TargetsResult
from millrace._session import Session
from millrace.v1 import learn_pb2, learn_pb2_grpc

Input = NDArray[np.float32] | bytes


class StreamWriter:
    """The one writer of a stream. A context manager: leaving it ends the call, the stream stays.

    Steps are numbered 1, 2, 3, ... by the writer. A call that breaks is opened again for up to
    timeout_s; what was not answered is sent again and the server skips what it had applied, so
    nothing is learned twice and nothing is left out. A later attach, by anybody, fences this
    writer: every method raises Error (FAILED_PRECONDITION, FENCED) from then on.
    Not thread-safe; several writers may share one Client.
    """

    def __init__(self, stub: learn_pb2_grpc.LearningStub, id: str, *, timeout_s: float,
                 last_durable_seq: int = 0):
        self.id = id
        self._session = Session(stub, id, timeout_s, last_durable_seq)
        self._place = self._session.outbox

    def __enter__(self) -> StreamWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return (f"StreamWriter('{self.id}', epoch {self.epoch}, applied {self.applied_seq}, "
                f"learned {self.learned_seq}, durable {self.durable_seq})")

    def close(self) -> None:
        """Ends the call. The stream stays."""
        self._session.close()

    @property
    def epoch(self) -> int:
        """Raised by rollback."""
        return self._place.epoch

    @property
    def next_seq(self) -> int:
        """Number of the next step."""
        return self._place.next_seq

    @property
    def applied_seq(self) -> int:
        """Last step observed."""
        return self._place.applied_seq

    @property
    def learned_seq(self) -> int:
        """Last step closed: learned from, or declared without target."""
        return self._place.learned_seq

    @property
    def durable_seq(self) -> int:
        """Last step that survives what the model's durability promises."""
        return self._place.durable_seq

    @property
    def held_targets(self) -> list[int]:
        """At the last attach: open steps whose targets were held."""
        return list(self._place.held_targets)

    def wait_durable(self, seq: int | None = None) -> None:
        """Waits until step `seq` (all that were applied) is durable. A model with durability
        APPLIED makes steps durable by snapshots only. Raises Error after timeout_s."""
        self._session.wait_durable(self.applied_seq if seq is None else seq)

    def step(self, x: ArrayLike | bytes, *, values: ArrayLike | None = None,
             label: int | None = None, probabilities: ArrayLike | None = None,
             weight: float | None = None, inferred: bool = False, reset: bool = False,
             learn: bool = True, shadow: bool = False, residual_sd: bool = False,
             novelty: bool = False) -> Prediction:
        """One step: x is [d], or one byte.

        Its target, if known: values [m] (NaN: not known), a label (-1: none) or probabilities [m],
        with a weight >= 0 (0 scores only). reset: the stream is reset before it. learn=False:
        scored, not learned from. shadow, residual_sd, novelty: what the prediction should hold.
        Raises Error, and then nothing has changed: BAD_SHAPE, NOT_FINITE, BAD_TARGET, ...
        """
        def one(row: ArrayLike | None) -> NDArray[Any] | None:
            return None if row is None else np.asarray(row).reshape(1, -1)

        result = self.learn(
            x if isinstance(x, bytes) else np.asarray(x, np.float32).reshape(1, -1),
            values=one(values), classes=None if label is None else [label],
            probabilities=one(probabilities), weights=None if weight is None else [weight],
            inferred=inferred, reset_before=[0] if reset else [], score_only=[] if learn else [0],
            shadow=shadow, novelty=novelty, residual_sd=residual_sd)
        return _results.prediction_of_step(result)

    def learn(self, x: ArrayLike | bytes, *, values: ArrayLike | None = None,
              classes: ArrayLike | None = None, probabilities: ArrayLike | None = None,
              weights: ArrayLike | None = None, inferred: bool = False,
              reset_before: Sequence[int] = (), score_only: Sequence[int] = (),
              closed_loop: bool = False, outputs: bool = True, shadow: bool = False,
              residual_sd: bool = False, novelty: bool = False, steps_per_message: int = 64
              ) -> LearnResult:
        """T steps in order: x is [T, d] (NaN: missing, where the model allows it), or T bytes, also
        as uint8 [T].

        Targets, if known: values [T, m] (NaN: not known), classes [T] (-1: none) or probabilities
        [T, m], or one row for all; weights [T] or [1], >= 0. inferred: the targets are guesses or
        pseudo-labels. reset_before, score_only: offsets within x. closed_loop: x depends on what
        was predicted. outputs=False: losses only. Messages go ahead of their replies.
        Raises ValueError for arrays that do not fit each other, and the server's first Error: then
        the steps before the refused message are applied, and next_seq is its first step.
        """
        x = _input_of(x)
        targets = _targets.targets_of(len(x), values, classes, probabilities, weights, inferred)
        want = learn_pb2.Want(nothing=not outputs, shadow=shadow, residual_sd=residual_sd,
                              novelty=novelty)
        first_seq, waiting = self.next_seq, []
        most = self._most_steps(x, steps_per_message)
        try:
            for start in range(0, len(x), most):
                end = min(start + most, len(x))
                part = _observe(x[start:end])
                part.observe.want.CopyFrom(want)
                part.observe.closed_loop = closed_loop
                if targets is not None:
                    part.observe.targets.CopyFrom(targets.cut(start, end).block(0, 0))
                for field, offsets in (("reset_before", reset_before), ("score_only", score_only)):
                    getattr(part.observe, field).extend(
                        sorted(o - start for o in offsets if start <= o < end))
                pending = self._session.submit(part, end - start, first_seq + start)
                if pending is None:
                    break
                waiting.append(pending)
        finally:
            # Should a submission fail, an earlier refusal is what the caller must see.
            parts = [(p.steps, self._session.wait(p).observe) for p in waiting]
        return _results.join(first_seq, parts)

    def _most_steps(self, x: Input, steps_per_message: int) -> int:
        """A quarter of the window a message, so that the next is on its way while one is learned
        from."""
        if steps_per_message < 1:
            raise ValueError(f"steps_per_message is {steps_per_message}; expected at least 1")
        bytes_a_step = 1 if isinstance(x, bytes) else 4 * x.shape[1] + 16
        return max(1, min(steps_per_message, self._place.window_steps // 4,
                          self._place.window_bytes // 4 // bytes_a_step))

    def skip(self, steps: int) -> LearnResult:
        """Advances `steps` steps without input (lost packets), so that the clock is kept."""
        if steps < 1:
            raise ValueError(f"steps is {steps}; expected at least 1")
        first_seq, parts = self.next_seq, []
        most = max(1, self._place.window_steps // 4)
        for start in range(0, steps, most):
            count = min(most, steps - start)
            part = learn_pb2.LearnPart(observe=learn_pb2.Observe(skip=count))
            parts.append((count, self._now(part, count).observe))
        return _results.join(first_seq, parts)

    def late_targets(self, first_seq: int, *, steps: int = 0, values: ArrayLike | None = None,
                     classes: ArrayLike | None = None, probabilities: ArrayLike | None = None,
                     weights: ArrayLike | None = None, inferred: bool = False,
                     no_target_through: int = 0) -> TargetsResult:
        """Targets of the steps from first_seq: values [T, m], classes [T] or probabilities [T, m];
        or one row for `steps` steps. One call is one release, and one scored unit.

        no_target_through: open steps up to it will get none. Raises Error, and then nothing has
        changed: NOT_OPEN (outside the window), TARGET_HELD (that target is there), TARGET_CONFLICT
        (another is there), BAD_TARGET.
        """
        kind = _targets.given(values, classes, probabilities)
        if kind is None:
            raise ValueError("got no targets; expected values, classes or probabilities "
                             "(no_target_through() declares that there are none)")
        count = steps or len(np.atleast_1d(np.asarray(
            {"values": values, "classes": classes, "probabilities": probabilities}[kind])))
        targets = _targets.targets_of(count, values, classes, probabilities, weights, inferred)
        assert targets is not None
        return self._release(learn_pb2.LateTargets(blocks=[targets.block(first_seq, count)],
                                                   no_target_through=no_target_through))

    def no_target_through(self, seq: int) -> TargetsResult:
        """Declares that open steps up to `seq` that hold no target will get none."""
        return self._release(learn_pb2.LateTargets(no_target_through=seq))

    def _release(self, late: learn_pb2.LateTargets) -> TargetsResult:
        reply = self._now(learn_pb2.LearnPart(late_targets=late)).late_targets
        return TargetsResult(reply.taken, reply.skipped,
                             reply.loss if reply.HasField("loss") else float("nan"),
                             reply.shadow_loss if reply.HasField("shadow_loss") else float("nan"))

    def settle(self) -> None:
        """The learner runs through every closed step at once."""
        self._now(learn_pb2.LearnPart(settle=learn_pb2.Settle()))

    def reset(self) -> None:
        """Hidden state and sensitivities become zero; weights stay. Where the call breaks it may be
        done twice, which the counters show and nothing else; step(reset=True) is done once."""
        self._now(learn_pb2.LearnPart(reset=learn_pb2.Reset()))

    def _now(self, part: learn_pb2.LearnPart, steps: int = 0) -> learn_pb2.LearnPartReply:
        pending = self._session.submit(part, steps)
        assert pending is not None  # any number was welcome
        return self._session.wait(pending)


def _input_of(x: ArrayLike | bytes) -> Input:
    if isinstance(x, (bytes, bytearray, memoryview)):
        return bytes(x)
    array = np.asarray(x)
    if array.dtype == np.uint8 and array.ndim == 1:
        return array.tobytes()
    if array.ndim != 2:
        raise ValueError(f"x has {array.ndim} dimensions; expected 2: [steps, inputs]")
    return np.ascontiguousarray(array, np.float32)


def _observe(x: Input) -> learn_pb2.LearnPart:
    part = learn_pb2.LearnPart(observe=learn_pb2.Observe())
    if isinstance(x, bytes):
        part.observe.raw_bytes = x
    else:
        part.observe.floats.extend(x.ravel().tolist())
    return part
