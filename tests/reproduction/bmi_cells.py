"""Every cell and rule on the four commands of bmi_wheelchair, with one gradient-trained readout and
one set of rates; and every cell as a reservoir under a readout in closed form.

Accuracy per labelled bin, labels released when a trial has ended; the protocol, the discriminant
and the models tuned for it are bmi_wheelchair's.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

import bmi_wheelchair as decoding
import cells
import millrace
import sessions as recording
import spec
from experiment import RESERVOIR, Overrides, Player
from millrace.v1 import model_pb2
from report import Line, Report, dots, figures, spread, table

UNITS = 64
OPTIMIZER = ("adamw", {"beta1": 0.0, "beta2": 0.99, "rate": 1e-5, "rate_readout": 1.5e-3,
                       "weight_decay": 0.12})
LINEAR = ("linear", {"outputs": recording.CLASSES})
GAUSSIAN = ("gaussian", {"outputs": recording.CLASSES, "forgetting": 0.9988,
                         "mean_forgetting": 0.993, "ridge": 0.08})
FIGURE = "mean of the 13 sessions after the first"
SLOW = {"leak": 0.05, "recurrent_gain": 0.6, "input_gain": 1.2}  # of vanilla: time constant 2 s
STILL = {**RESERVOIR, "optimizer.rate": 0.0}
SHIP = ("What decodes is slowness: units with a time constant of 2 s (vanilla and CTRNN with "
        "leak .05) come first under either readout, then the RG-LRU, whose radii start near "
        "one; cells at their usual initial values forget within a few bins and lose 3 to 10 "
        "points. The rule is worth at most two points (exact over immediate, LRU), mostly "
        "nothing: with these rates the readout learns. The readout in closed form is better "
        "in the first session by five points throughout. RetNet and the complex GLRU, whose "
        "outputs grow with the cube of the input, need rates of their own. Ship: see "
        "bmi_wheelchair.")


def model(cell: str, rule: str, closed_form: bool = False) -> model_pb2.ModelSpec:
    part, settings = cells.cell(cell, UNITS)
    if cell == "vanilla":
        settings = {**settings, **SLOW}
    if cell == "ctrnn":
        settings = {**settings, "leak": 0.05}
    return spec.model(
        inputs=21, cell=(part, settings), head=GAUSSIAN if closed_form else LINEAR,
        loss="cross_entropy", rule=rule, optimizer=OPTIMIZER, target="delayed", double=False,
        guard=("standard", {}),
        normalise={"transform": "square_root", "normalise": True, "window": 500})


def rules_of(cell: str) -> list[str]:
    """Full RTRL of a dense net of this size takes minutes a pass: SnAp-1 stands for it."""
    if cell == "gru, reset before":  # its parameters reach other units within one step
        return ["immediate"]
    return ["immediate", "snap1"] if cell in cells.DENSE else ["immediate", "rtrl"]


def decoded(player: Player, name: str, seed: int, overrides: Overrides | None,
            played: list[recording.Session]) -> NDArray[np.float64]:
    """Accuracy of each session, [14]."""
    id = f"{name}-{seed}"
    player.server.open_stream(id, name, seed=seed, overrides=overrides)
    with player.server.attach(id) as stream:
        decisions = [decoding.play_session(stream, session, shadow=False)[0]
                     for session in played]
    player.server.delete_stream(id)
    return decoding.accuracies(decisions, played)


def line(player: Player, name: str, of: model_pb2.ModelSpec, played: list[recording.Session],
         overrides: Overrides | None = None) -> Line:
    """One row: every seed's mean of the 13 sessions, and of the second day."""
    try:
        made = player.model(of).name
    except millrace.Error as error:
        if error.reason not in ("BAD_SPEC", "NOT_CARRIED_OUT"):
            raise
        return Line(name, [], refusal=str(error))
    with ThreadPoolExecutor(len(player.seeds)) as pool:
        runs = list(pool.map(lambda seed: decoded(player, made, seed, overrides, played),
                             player.seeds))
    return Line(name, [float(np.mean(r[decoding.LATER])) for r in runs], more={
        "second day": spread([float(np.mean(r[decoding.DAY_TWO])) for r in runs], 3),
        "first session": spread([float(r[0]) for r in runs], 3)})


def run(player: Player) -> Report:
    player.seeds = decoding.SEEDS
    played = recording.load()
    lines = []
    for cell in (*cells.DENSE, *cells.DIAGONAL):
        lines += [line(player, f"{cell}: {rule}", model(cell, rule), played)
                  for rule in rules_of(cell)]
        lines.append(line(player, f"{cell}: reservoir, Gaussian classes",
                          model(cell, "immediate", closed_form=True), played, STILL))
    for name, decisions in (("online linear discriminant",
                             recording.discriminant_decisions(played)),
                            ("last trial's label", recording.last_labels(played))):
        scores = decoding.accuracies(decisions, played)
        lines.append(Line(name, [float(np.mean(scores[decoding.LATER]))], more={
            "second day": f"{np.mean(scores[decoding.DAY_TWO]):.3f}",
            "first session": f"{scores[0]:.3f}"}))
    return Report(f"{table(lines, FIGURE, 3)}\n\n{SHIP}", figures(lines),
                  dots(f"Cells and rules, n = {UNITS}, one readout for all", FIGURE,
                       {"accuracy": lines}, log=False))
