"""Memory: tasks on which a rule that forgets must fail and exact RTRL must hold.

Accuracy over the last fifth; chance .5, .5 and .25. A bit marked and asked for after distractors
(MemoryChain), the exclusive or of two bits some steps ago (delayed XOR), and two symbols picked
out of eight positions (selective copy). No step before the answer has a target, so a rule without a
past cannot learn to store.
"""

from __future__ import annotations

from collections.abc import Callable

import cells
import memory_tasks
from experiment import RESERVOIR, Player, accuracy
from report import Line, Report, dots, figures, table
from rows import Row, play
from tasks import Task

CHAIN, EPISODES = 10, 3000
XOR_DELAY, XOR_STEPS = 4, 40_000
CELLS = {"vanilla": 24, "gru, reset after": 16, "lstm": 16, "min_gru": 32, "glru, real": 32,
         "rg_lru": 32}
RMSPROP = ("rmsprop", {"rate": 1e-3, "beta2": 0.99})
CLIPPED = ("standard", {"clip_norm": 1.0})
FIGURE = "accuracy"
SHIP = "To be written."


def learning_rows(task: Task) -> list[Row]:
    """Each cell by the immediate rule and by exact RTRL, under a two-layer readout."""
    inputs, outputs = task.inputs.shape[1], int(task.classes.max()) + 1

    def row(cell: str, rule: str, name: str = "", **others) -> Row:
        units = CELLS[cell]
        model = cells.model(cell, units, inputs, rule=rule, optimizer=RMSPROP,
                            loss="cross_entropy", head={"hidden": 32, "outputs": outputs},
                            guard=CLIPPED, double=False)
        return Row(name or f"{cell} {units}: {rule}", model, **others)

    return [*(row(cell, rule) for cell in CELLS for rule in ("immediate", "rtrl")),
            row("vanilla", "snap1"), row("vanilla", "uoro"),
            row("vanilla", "immediate", "vanilla: reservoir", overrides=RESERVOIR),
            row("min_gru", "immediate", "min_gru: reservoir", overrides=RESERVOIR),
            row("min_gru", "rtrl", "min_gru: frozen half-way", frozen=True)]


def gain(lines: list[Line]) -> str:
    """Best exact against best immediate row."""
    best = {rule: max((line for line in lines if line.name.endswith(f": {rule}") and line.scores),
                      key=lambda line: line.mean, default=None) for rule in ("rtrl", "immediate")}
    if None in best.values():
        return ""
    exact, immediate = best["rtrl"], best["immediate"]
    return (f"Best by exact RTRL {exact.mean:.3f} ({exact.name}), by the immediate rule "
            f"{immediate.mean:.3f} ({immediate.name}).")


def run(player: Player) -> Report:
    player.seeds = player.seeds[:5]
    kinds: dict[str, Callable[[int], Task]] = {
        f"MemoryChain, {CHAIN} distractors": lambda seed: memory_tasks.memory_chain(
            seed, EPISODES, CHAIN),
        f"delayed XOR, {XOR_DELAY} steps": lambda seed: memory_tasks.delayed_xor(
            seed, XOR_STEPS, XOR_DELAY),
        "selective copy, 2 of 8": lambda seed: memory_tasks.selective_copy(seed, EPISODES),
    }
    parts, groups = [], {}
    for name, make in kinds.items():
        example = make(player.seeds[0])
        lines = play(player, learning_rows(example), make, accuracy)
        due = example.scored & (example.classes >= 0)
        lines.append(Line("always the first class", [float((example.classes[due] == 0).mean())]))
        groups[name] = lines
        parts.append(f"{name}:\n\n{table(lines, FIGURE, 3)}\n\n{gain(lines)}".rstrip())
    return Report("\n\n".join([*parts, SHIP]), {n: figures(lines) for n, lines in groups.items()},
                  dots("What must be kept", FIGURE, groups, log=False))
