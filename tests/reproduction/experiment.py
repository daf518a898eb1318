"""Runs a model over a task on a real server: seeds are streams of a model, played side by side."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

import millrace
from millrace.v1 import model_pb2
from tasks import Task

SEEDS = (42, 123, 7, 2024, 31337)  # those of the papers
Overrides = dict[str, bool | int | float | str]
# The recurrent net stays as it was drawn: what the readout alone can do.
RESERVOIR: Overrides = {"optimizer.rate_recurrent": 0.0, "optimizer.rate_input": 0.0,
                        "optimizer.rate_bias": 0.0}


@dataclass
class Run:
    """One model, every seed: outputs [seeds][T, m], as predicted before the target was known."""

    outputs: list[NDArray[np.float32]]
    wall_s: float
    stream_bytes: int = 0
    parameters: int = 0

    @property
    def step_us(self) -> float:
        """Wall time a step of one stream, all of them running."""
        return 1e6 * self.wall_s / sum(len(rows) for rows in self.outputs)


@dataclass
class Player:
    """Plays tasks through `server`. Models are made as they are needed, streams deleted when they
    have been played. The names begin with `name`. how: plays a stream in another way than by
    showing every step with its target."""

    server: millrace.Client
    name: str
    seeds: Sequence[int] = SEEDS
    how: Callable[[millrace.StreamWriter, Task], NDArray[np.float32]] | None = None
    models: dict[str, model_pb2.Model] = field(default_factory=dict)

    def model(self, spec: model_pb2.ModelSpec) -> model_pb2.Model:
        """The model of this specification."""
        digest = hashlib.sha256(spec.SerializeToString(deterministic=True)).hexdigest()[:16]
        if digest not in self.models:
            self.models[digest] = self.server.create_model(f"{self.name}-{digest}", spec)
        return self.models[digest]

    def play(self, spec: model_pb2.ModelSpec, task: Task | Callable[[int], Task], *,
             overrides: Overrides | None = None, frozen: bool = False,
             steps_per_message: int = 256) -> Run:
        """Plays the task (or a task of each seed) on one stream a seed. overrides: settings of all
        streams that differ from the model's. frozen: learning stops at the task's shift."""
        model = self.model(spec)
        if isinstance(task, Task):
            tasks = [task] * len(self.seeds)
        else:
            tasks = [task(seed) for seed in self.seeds]

        def one(seed: int, its: Task) -> NDArray[np.float32]:
            id = f"{model.name}-{seed}"
            self.server.open_stream(id, model.name, seed=seed, overrides=overrides)
            try:
                return self._play_stream(id, its, frozen, steps_per_message)
            finally:
                self.server.delete_stream(id)

        started = time.monotonic()
        with ThreadPoolExecutor(len(self.seeds)) as pool:
            outputs = list(pool.map(one, self.seeds, tasks))
        return Run(outputs, time.monotonic() - started, model.stream_bytes, model.parameter_count)

    def _play_stream(self, id: str, task: Task, frozen: bool, steps_per_message: int
                     ) -> NDArray[np.float32]:
        cuts = [0, task.shift, len(task)] if frozen else [0, len(task)]
        pieces = []
        with self.server.attach(id) as stream:
            if self.how is not None:
                return self.how(stream, task)
            for start, end in zip(cuts[:-1], cuts[1:]):
                if start > 0:
                    self.server.freeze(id)
                targets = ({"values": task.values[start:end]} if task.values is not None
                           else {"classes": task.classes[start:end]})
                resets = [step - start for step in task.resets if start <= step < end]
                pieces.append(stream.learn(task.inputs[start:end], reset_before=resets,
                                           steps_per_message=steps_per_message, **targets).outputs)
        return np.concatenate(pieces)


def squared_error(outputs: NDArray, task: Task) -> float:
    """Mean squared error of the scored steps; infinite where a prediction is not finite."""
    assert task.values is not None
    at = task.scored & ~np.isnan(task.values).any(axis=1)
    error = np.mean((outputs[at] - task.values[at]) ** 2)
    return float(error) if np.isfinite(error) else float("inf")


def accuracy(outputs: NDArray, task: Task) -> float:
    """Fraction of the scored steps whose largest output is their class."""
    assert task.classes is not None
    at = task.scored & (task.classes >= 0)
    return float(np.mean(outputs[at].argmax(axis=1) == task.classes[at]))
