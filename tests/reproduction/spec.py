"""Model specifications from Python values: a part is a name with its settings."""

from __future__ import annotations

import math
from typing import Any

from millrace.v1 import model_pb2

Part = tuple[str, dict[str, Any]]

# The papers' runs are neither clipped nor rescued: what diverges is to be seen.
UNGUARDED: Part = ("standard", {"clip_norm": 0.0, "on_divergence": "skip", "good_every": 0,
                                "freeze_within": 0})


def setting(name: str, value: bool | int | float | str) -> model_pb2.Setting:
    """One setting, typed as its value is."""
    kind = {bool: "flag", int: "integer", float: "number", str: "text"}[type(value)]
    return model_pb2.Setting(name=name, **{kind: value})


def part(given: Part | str) -> model_pb2.Part:
    name, values = (given, {}) if isinstance(given, str) else given
    return model_pb2.Part(name=name, settings=[setting(n, v) for n, v in values.items()])


def model(*, inputs: int, cell: Part, head: Part, loss: Part | str = "mean_squared_error",
          rule: Part | str | None = None, optimizer: Part | str = "adam",
          guard: Part = UNGUARDED, target: Part | str = "with_observation",
          normalise: Part | None = None, double: bool = True) -> model_pb2.ModelSpec:
    """A model of `inputs` numbers a step. double: computes in float64, as the replications did.

    normalise: settings of the input besides its size. Nothing is journalled: a run that is broken
    off is repeated.
    """
    spec = model_pb2.ModelSpec(
        input=part(("vector", {"size": inputs, **(normalise or {})})), cell=part(cell),
        head=part(head), loss=part(loss), optimizer=part(optimizer), guard=part(guard),
        target=part(target), durability=model_pb2.DURABILITY_APPLIED,
        number_type=model_pb2.NUMBER_TYPE_FLOAT64 if double else model_pb2.NUMBER_TYPE_FLOAT32)
    if rule is not None:
        spec.rule.CopyFrom(part(rule))
    return spec


def gains(init: str, units: int, inputs: int) -> tuple[dict[str, float], float]:
    """Gains of the cell and of the readout. Init "A": W ~ N(0, 1/n), U ~ N(0, 1), V ~ N(0, 1/n).
    Init "B": all N(0, 0.1^2)."""
    if init == "A":
        return {"recurrent_gain": 1.0, "input_gain": math.sqrt(inputs)}, 1.0
    return {"recurrent_gain": 0.1 * math.sqrt(units),
            "input_gain": 0.1 * math.sqrt(inputs)}, 0.1 * math.sqrt(units)


def vanilla(init: str, *, units: int = 64, width: int = 1, leak: float = 1.0,
            **others: Any) -> model_pb2.ModelSpec:
    """The papers' network: tanh units, `width` inputs and as many outputs."""
    of_cell, of_head = gains(init, units, width)
    return model(inputs=width, cell=("vanilla", {"units": units, "leak": leak, **of_cell}),
                 head=("linear", {"outputs": width, "gain": of_head}), **others)
