"""The data plane: one attached stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from millrace._session import Session
from millrace.v1 import learn_pb2, learn_pb2_grpc

Floats = NDArray[np.float32]


def _empty() -> Floats:
    return np.zeros((0,), np.float32)


@dataclass
class Prediction:
    """One step's prediction, as served.

    seq: the step's number. outputs: [m] (logits for classification); None where the step was
    applied but its reply was lost with a broken connection. probabilities: [m], classification
    only, else empty. The others are empty unless asked for, or where there is no shadow.
    loss: served loss, if the target came with the step (or, for next-input targets, the loss of
    the prediction of this input); else NaN.
    """

    seq: int
    outputs: Floats | None
    probabilities: Floats = field(default_factory=_empty)
    shadow_outputs: Floats = field(default_factory=_empty)
    residual_sd: Floats = field(default_factory=_empty)
    novelty: float = float("nan")
    loss: float = float("nan")
    served_shadow: bool = False


@dataclass
class LearnResult:
    """T steps' predictions; rows of steps whose reply was lost are NaN.

    first_seq: number of the first row. outputs, probabilities, shadow_outputs, residual_sd: [T, m]
    or empty. novelty, loss, shadow_loss: [T] or empty; see Prediction.
    """

    first_seq: int
    outputs: Floats
    probabilities: Floats
    shadow_outputs: Floats
    residual_sd: Floats
    novelty: Floats
    loss: Floats
    shadow_loss: Floats


@dataclass
class TargetsResult:
    """What a release of targets did: targets taken, targets that were held already, and the mean
    served loss of what it scored (NaN where nothing was)."""

    taken: int
    skipped: int
    loss: float
    shadow_loss: float


def prediction_of_peek(reply: learn_pb2.PeekResponse) -> Prediction:
    return Prediction(reply.next_seq, np.array(reply.outputs, np.float32),
                      np.array(reply.probabilities, np.float32),
                      np.array(reply.shadow_outputs, np.float32),
                      np.array(reply.residual_sd, np.float32), reply.novelty)


def _block(first_seq: int, steps: int, values: ArrayLike | None, classes: ArrayLike | None,
           probabilities: ArrayLike | None, weights: ArrayLike | None,
           inferred: bool) -> learn_pb2.TargetBlock | None:
    """A target block; None where no target is given."""
    if values is None and classes is None and probabilities is None:
        return None
    block = learn_pb2.TargetBlock(
        first_seq=first_seq, steps=steps,
        source=learn_pb2.TARGET_SOURCE_INFERRED if inferred
        else learn_pb2.TARGET_SOURCE_MEASURED)
    for name, given, kind in (("values", values, np.float32), ("classes", classes, np.int32),
                              ("probabilities", probabilities, np.float32),
                              ("weights", weights, np.float32)):
        if given is not None:
            getattr(block, name).extend(np.asarray(given, dtype=kind).ravel().tolist())
    return block


class StreamWriter:
    """The one writer of a stream. A context manager: leaving it ends the call.

    applied_seq, learned_seq, durable_seq follow the server's replies. A broken connection is opened
    again for up to timeout_s, and what was not answered is sent again; the server skips what it had
    applied, so nothing is learned twice and nothing is left out. Not thread-safe.
    """

    def __init__(self, stub: learn_pb2_grpc.LearningStub, id: str, *, timeout_s: float):
        self.id = id
        self._session = Session(stub, id, timeout_s)
        self._next_seq = self._session.applied_seq + 1

    def __enter__(self) -> StreamWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the call. The stream stays."""
        self._session.close()

    @property
    def epoch(self) -> int:
        """Raised by rollback."""
        return self._session.epoch

    @property
    def applied_seq(self) -> int:
        """Last step observed."""
        return self._session.applied_seq

    @property
    def learned_seq(self) -> int:
        """Last step closed and learned from."""
        return self._session.learned_seq

    @property
    def durable_seq(self) -> int:
        """Last step that survives what the model's durability promises."""
        return self._session.durable_seq

    @property
    def held_targets(self) -> list[int]:
        """At attach: open steps whose targets were held."""
        return self._session.held_targets

    def step(self, x: ArrayLike | bytes, *, values: ArrayLike | None = None,
             label: int | None = None, probabilities: ArrayLike | None = None,
             weight: float | None = None, reset: bool = False, learn: bool = True,
             shadow: bool = False, novelty: bool = False) -> Prediction:
        """One step: x is [d], or one byte. Its target, if known: values [m], a label, or
        probabilities [m]. Raises Error, and then nothing has changed."""
        row = x if isinstance(x, bytes) else np.asarray(x, np.float32).reshape(1, -1)
        result = self.learn(row, values=values, classes=None if label is None else [label],
                            probabilities=probabilities,
                            weights=None if weight is None else [weight],
                            reset_before=[0] if reset else [], score_only=[] if learn else [0],
                            shadow=shadow, novelty=novelty, residual_sd=True)
        lost = result.outputs.size == 0 or bool(np.isnan(result.outputs[0]).all())

        def first(rows: Floats) -> Floats:
            return rows[0] if len(rows) else _empty()

        def scalar(rows: Floats) -> float:
            return float(rows[0]) if len(rows) else float("nan")

        return Prediction(result.first_seq, None if lost else first(result.outputs),
                          first(result.probabilities), first(result.shadow_outputs),
                          first(result.residual_sd), scalar(result.novelty), scalar(result.loss))

    def learn(self, x: ArrayLike | bytes, *, values: ArrayLike | None = None,
              classes: ArrayLike | None = None, probabilities: ArrayLike | None = None,
              weights: ArrayLike | None = None, inferred: bool = False,
              reset_before: Sequence[int] = (), score_only: Sequence[int] = (),
              outputs: bool = True, shadow: bool = False, residual_sd: bool = False,
              novelty: bool = False, steps_per_message: int = 64) -> LearnResult:
        """T steps in order: x is [T, d], or T bytes.

        Targets, if known: values [T, m] (NaN: not known), classes [T] (-1: none) or probabilities
        [T, m], with weights [T] or [1]. reset_before, score_only: offsets within x. Messages are
        sent ahead of their replies. Raises the first Error; steps before it are applied.
        """
        if not isinstance(x, bytes):
            x = np.ascontiguousarray(x, np.float32)
            if x.ndim != 2:
                raise ValueError(f"x has {x.ndim} dimensions; expected 2: [steps, inputs]")
        targets = [np.asarray(t) if t is not None else None
                   for t in (values, classes, probabilities, weights)]
        want = learn_pb2.Want(nothing=not outputs, shadow=shadow, residual_sd=residual_sd,
                              novelty=novelty)
        first_seq, waiting = self._next_seq, []
        for start in range(0, len(x), steps_per_message):
            end = min(start + steps_per_message, len(x))
            part = learn_pb2.LearnPart(observe=learn_pb2.Observe(first_seq=self._next_seq,
                                                                 want=want))
            observe = part.observe
            if isinstance(x, bytes):
                observe.raw_bytes = x[start:end]
            else:
                observe.floats.extend(x[start:end].ravel().tolist())
            cut = [t[start:end] if t is not None and len(t) == len(x) else t for t in targets]
            block = _block(0, 0, *cut, inferred)
            if block is not None:
                observe.targets.CopyFrom(block)
            observe.reset_before.extend(o - start for o in reset_before if start <= o < end)
            observe.score_only.extend(o - start for o in score_only if start <= o < end)
            waiting.append((end - start, self._session.submit(part, end - start)))
            self._next_seq += end - start
        return self._collect(first_seq, waiting)

    def _collect(self, first_seq: int, waiting: list) -> LearnResult:
        names = ("outputs", "probabilities", "shadow_outputs", "residual_sd", "novelty", "loss",
                 "shadow_loss")
        pieces: dict[str, list[tuple[int, Floats]]] = {name: [] for name in names}
        total = 0
        try:
            for steps, pending in waiting:
                observed = pending.result().observe
                for name in names:
                    flat = np.array(getattr(observed, name), np.float32)
                    # Steps applied before a reconnection have no rows: theirs are the first.
                    if observed.steps and flat.size:
                        pieces[name].append((total + steps - observed.steps,
                                             flat.reshape(observed.steps, -1)))
                total += steps
        except Exception:
            self._next_seq = self._session.applied_seq + 1
            raise
        rows = {name: _join(total, found, name in ("novelty", "loss", "shadow_loss"))
                for name, found in pieces.items()}
        return LearnResult(first_seq, **rows)

    def skip(self, steps: int) -> LearnResult:
        """Advances `steps` steps without input (lost packets)."""
        part = learn_pb2.LearnPart(observe=learn_pb2.Observe(first_seq=self._next_seq, skip=steps))
        first_seq, pending = self._next_seq, self._session.submit(part, steps)
        self._next_seq += steps
        return self._collect(first_seq, [(steps, pending)])

    def late_targets(self, first_seq: int, *, steps: int = 0, values: ArrayLike | None = None,
                     classes: ArrayLike | None = None, probabilities: ArrayLike | None = None,
                     weights: ArrayLike | None = None, inferred: bool = False,
                     no_target_through: int = 0) -> TargetsResult:
        """Targets of steps from first_seq, one row a step, or one row for `steps` steps. One call
        is one release. no_target_through: open steps up to it will get none."""
        given = next(t for t in (classes, values, probabilities) if t is not None)
        block = _block(first_seq, steps or len(np.asarray(given)), values, classes, probabilities,
                       weights, inferred)
        return self._release(learn_pb2.LateTargets(blocks=[block] if block else [],
                                                   no_target_through=no_target_through))

    def no_target_through(self, seq: int) -> TargetsResult:
        """Declares that open steps up to `seq` will get no target."""
        return self._release(learn_pb2.LateTargets(no_target_through=seq))

    def _release(self, late: learn_pb2.LateTargets) -> TargetsResult:
        reply = self._session.submit(learn_pb2.LearnPart(late_targets=late), 0).result()
        late_reply = reply.late_targets
        return TargetsResult(
            late_reply.taken, late_reply.skipped,
            late_reply.loss if late_reply.HasField("loss") else float("nan"),
            late_reply.shadow_loss if late_reply.HasField("shadow_loss") else float("nan"))

    def settle(self) -> None:
        """The learner runs through every closed step at once."""
        self._session.submit(learn_pb2.LearnPart(settle=learn_pb2.Settle()), 0).result()

    def reset(self) -> None:
        """Hidden state and sensitivities become zero; weights stay."""
        self._session.submit(learn_pb2.LearnPart(reset=learn_pb2.Reset()), 0).result()


def _join(total: int, pieces: list[tuple[int, Floats]], flat: bool) -> Floats:
    """Rows [total, ...] from pieces that start at their offsets; NaN where there is none."""
    if not pieces:
        return _empty()
    width = pieces[0][1].shape[1]
    rows = np.full((total, width), np.nan, np.float32)
    for start, piece in pieces:
        rows[start:start + len(piece)] = piece
    return rows[:, 0] if flat else rows
