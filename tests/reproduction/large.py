"""The jumping sine at n = 256 and 1024, with what a stream takes of memory and time.

Mean squared error of the next value after the jump; init B, Adam 1e-3. Full RTRL costs 2 n^4
operations and n^3 numbers: at 256 it is timed over a few steps, at 1024 only its memory is told.
"""

from __future__ import annotations

import dataclasses

import tasks
from core import Core, add_recovery, trivial_rows
from experiment import Player, squared_error
from report import Line, Report, dots, figures, table
from rows import Row, scored

FIGURE = "MSE after the jump"
TIMED_STEPS = 20
SHIP = "To be written."
MIDDLE = Core("B", 256, published={"ring 4": "0.0038 +- 0.0009", "full": "0.0017 +- 0.0027",
                                   "decay 0.95": "0.45 to 0.60"})
WIDE = Core("B", 1024)


def bytes_shown(count: int) -> str:
    return f"{count / 1e6:.3g} MB" if count < 1e9 else f"{count / 1e9:.3g} GB"


def single(row: Row) -> Row:
    """The same in float32: at this size memory is what counts."""
    spec = type(row.spec)()
    spec.CopyFrom(row.spec)
    spec.number_type = 1
    return dataclasses.replace(row, spec=spec)


def played(player: Player, row: Row, task: tasks.Task) -> Line:
    """A row with its memory and its time a step."""
    few = dataclasses.replace(player, seeds=player.seeds[:row.seeds])
    run = few.play(row.spec, task, overrides=row.overrides, frozen=row.frozen,
                   steps_per_message=64)
    line = scored(row, run, few, task, squared_error)
    line.more = {"a stream": bytes_shown(run.stream_bytes), "us a step": f"{run.step_us:.0f}"}
    return line


def timed(player: Player, row: Row, steps: int) -> Line:
    """A row that is too dear to be played through: memory, and time over a few steps, if any."""
    if steps == 0:
        needed = player.model(row.spec).stream_bytes
        return Line(row.name, [], row.published, more={"a stream": bytes_shown(needed)})
    part = tasks.sine(steps=steps)
    run = player.play(row.spec, part, steps_per_message=4)
    return Line(f"{row.name} (timed only)", [], row.published,
                more={"a stream": bytes_shown(run.stream_bytes), "us a step": f"{run.step_us:.0f}"})


def run(player: Player) -> Report:
    task = tasks.sine()
    player.seeds = player.seeds[:5]
    groups = {}
    rows = [MIDDLE.decay(0.0), MIDDLE.decay(0.95), MIDDLE.row("snap1", "SnAp-1", "snap1"),
            MIDDLE.sgd(1e-2), MIDDLE.ring(4), *MIDDLE.still()]
    lines = [played(player, single(row), task) for row in rows]
    lines += trivial_rows(task)
    add_recovery(lines)
    player.seeds = player.seeds[:1]
    groups["n = 256"] = [*lines, timed(player, single(MIDDLE.full()), TIMED_STEPS)]
    player.seeds = (1, 2, 3, 4, 5)
    rows = [WIDE.decay(0.0), WIDE.sgd(1e-3), WIDE.still()[0], WIDE.still()[2]]
    lines = [played(player, single(row), task) for row in rows] + trivial_rows(task)
    groups["n = 1024"] = [*lines, timed(player, single(WIDE.ring(4)), 0),
                          timed(player, single(WIDE.full()), 0)]
    parts = [f"{name}:\n\n{table(lines, FIGURE)}" for name, lines in groups.items()]
    return Report("\n\n".join([*parts, SHIP]), {n: figures(lines) for n, lines in groups.items()},
                  dots("Sine at n = 256 and 1024, init B, float32", FIGURE, groups))
