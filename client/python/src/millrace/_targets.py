"""Arrays of targets to messages, checked against the steps they are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from millrace.v1 import learn_pb2

_TYPES = {"values": np.float32, "classes": np.int32, "probabilities": np.float32,
          "weights": np.float32}


@dataclass
class Targets:
    """Targets of T steps: rows for each of them, or one row for all. Empty: no targets."""

    rows: dict[str, NDArray[Any]]
    inferred: bool

    def cut(self, start: int, end: int) -> Targets:
        """Those of steps [start, end); a row for all stays one."""
        return Targets({name: rows if len(rows) == 1 else rows[start:end]
                        for name, rows in self.rows.items()}, self.inferred)

    def block(self, first_seq: int, steps: int) -> learn_pb2.TargetBlock:
        block = learn_pb2.TargetBlock(
            first_seq=first_seq, steps=steps,
            source=learn_pb2.TARGET_SOURCE_INFERRED if self.inferred
            else learn_pb2.TARGET_SOURCE_MEASURED)
        for name, rows in self.rows.items():
            getattr(block, name).extend(rows.ravel().tolist())
        return block


def given(values: ArrayLike | None, classes: ArrayLike | None, probabilities: ArrayLike | None
          ) -> str | None:
    """Which of the three forms of target is given. Raises ValueError for two of them."""
    names = [name for name, target in (("values", values), ("classes", classes),
                                       ("probabilities", probabilities)) if target is not None]
    if len(names) > 1:
        raise ValueError(f"got {' and '.join(names)}; expected one of them")
    return names[0] if names else None


def targets_of(steps: int, values: ArrayLike | None, classes: ArrayLike | None,
               probabilities: ArrayLike | None, weights: ArrayLike | None, inferred: bool
               ) -> Targets | None:
    """None where no target is given. Raises ValueError for rows that do not fit the steps."""
    kind = given(values, classes, probabilities)
    if kind is None:
        if weights is not None:
            raise ValueError("got weights without targets; expected values, classes or "
                             "probabilities with them")
        return None
    rows = {}
    for name, target in ((kind, {"values": values, "classes": classes,
                                 "probabilities": probabilities}[kind]), ("weights", weights)):
        if target is not None:
            rows[name] = _checked(name, np.asarray(target), steps)
    return Targets(rows, inferred)


def _checked(name: str, rows: NDArray[Any], steps: int) -> NDArray[Any]:
    if name == "classes" and not np.can_cast(rows.dtype, np.int64) and \
            not np.array_equal(rows, np.trunc(rows)):
        raise ValueError("classes has values that are no whole numbers")
    rows = np.atleast_1d(rows).astype(_TYPES[name])
    if len(rows) not in (1, steps):
        raise ValueError(f"{name} has {len(rows)} rows; expected {steps} (one a step) or 1 (for "
                         "all)")
    if name in ("classes", "weights") and rows.ndim != 1:
        raise ValueError(f"{name} has {rows.ndim} dimensions; expected 1: [steps]")
    return rows
