"""The list of cells at about the same size, each with settings that suit the papers' series."""

from __future__ import annotations

import spec
from millrace.v1 import model_pb2

# Cells whose Jacobian is dense: exact RTRL costs O(n^4) there, everywhere else as much as a trace.
DENSE = ("vanilla", "ctrnn", "lstm", "gru, reset after", "gru, reset before", "slstm", "block_gru")
DIAGONAL = ("elstm", "rwkv", "retnet", "s4d", "lru", "glru, real", "glru, complex", "rg_lru",
            "min_gru")
_SETTINGS: dict[str, dict] = {
    "gru, reset after": {"reset": "after"}, "gru, reset before": {"reset": "before"},
    "slstm": {"heads": 4}, "block_gru": {"blocks": 4}, "glru, real": {"complex": False},
    "glru, complex": {"complex": True},
}


def cell(name: str, units: int) -> spec.Part:
    """The part of a cell of `units` units."""
    return name.split(",")[0], {"units": units, **_SETTINGS.get(name, {})}


def model(name: str, units: int, width: int, **others) -> model_pb2.ModelSpec:
    """A cell between `width` inputs and as many outputs, its readout drawn as in init A."""
    head = others.pop("head", {})
    name_of_head = "mlp" if head.get("hidden") else "linear"
    if name_of_head == "linear":
        head = {"gain": 1.0, **head}
    return spec.model(inputs=width, cell=cell(name, units),
                      head=(name_of_head, {"outputs": width, **head}), **others)
