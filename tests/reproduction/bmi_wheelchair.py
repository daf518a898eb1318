"""Cross-session decoding of four commands (deploy/demo/bmi_wheelchair), five seeds.

Labels are released when a trial has ended: its labels in one release, the bins between trials
declared to have none. Rows: the stream that learns, its shadow frozen after the first session, a
fork of it frozen after the first day, the tuned reservoir, the online linear discriminant, the last
trial's label. The reservoir is compared trial by trial: paired bootstrap within sessions.
"""

from __future__ import annotations

import pathlib

import numpy as np
from numpy.typing import NDArray

import millrace
import sessions as recording
from experiment import Player
from report import Line, Picture, Report, dots

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SEEDS = (1, 2, 3, 4, 5)
DAY_TWO = slice(-3, None)
LATER = slice(1, None)
RESAMPLES = 10_000
SHIP = ("Ship deploy/models/bmi_wheelchair.textproto: slow tanh units, Gaussian classes in "
        "closed form over them, RFLO at 1e-5. It is not below the online linear discriminant "
        "anywhere, ahead of it in the first session, and steadier over seeds than the "
        "gradient-trained readout that it replaces (.952 and .943). Neither its lead over the "
        "discriminant nor the gain of learning the recurrent weights over the reservoir can "
        "be told from chance over these trials; what online learning is worth is the gap to "
        "the frozen rows, .15 on the second day.")

Decisions = list[NDArray[np.int64]]  # [T] a session


def play_session(stream: millrace.StreamWriter, session: recording.Session, shadow: bool
                 ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Plays one session; the decisions of the stream and (if there is one) of its shadow."""
    live = np.empty(len(session.labels), np.int64)
    frozen = np.full(len(session.labels), -1)
    for start, end in recording.segments(session.trials):
        result = stream.learn(session.counts[start:end], shadow=shadow,
                              reset_before=[0] if start == 0 else [])
        live[start:end] = result.probabilities.argmax(axis=1)
        if result.shadow_outputs.size:
            frozen[start:end] = result.shadow_outputs.argmax(axis=1)
        last = result.first_seq + end - start - 1
        if (session.labels[start:end] >= 0).any():
            stream.late_targets(result.first_seq, classes=session.labels[start:end],
                                no_target_through=last)
        else:
            stream.no_target_through(last)
    stream.settle()
    return live, frozen


def play(server: millrace.Client, id: str, model: str, seed: int,
         played: list[recording.Session]) -> dict[str, Decisions]:
    """All sessions; "live", "shadow" (after the first session), "day_one" (fork after day one)."""
    server.open_stream(id, model, seed=seed)
    decided: dict[str, Decisions] = {"live": [], "shadow": [], "day_one": []}
    with server.attach(id) as stream:
        for i, session in enumerate(played):
            live, shadow = play_session(stream, session, shadow=i > 0)
            decided["live"].append(live)
            decided["shadow"].append(shadow)
            if i == 0:
                server.take_shadow(id)
            if i == len(played) - 4:
                server.fork(id, f"{id}-day-one")
                server.freeze(f"{id}-day-one")
    with server.attach(f"{id}-day-one") as stream:
        decided["day_one"] = [play_session(stream, session, shadow=False)[0]
                              for session in played[DAY_TWO]]
    return decided


def accuracies(decided: Decisions, played: list[recording.Session]) -> NDArray[np.float64]:
    """Accuracy per labelled bin, [sessions]."""
    return np.array([recording.accuracy(d, s) for d, s in zip(decided, played)])


def trial_accuracy(decided: Decisions, played: list[recording.Session]) -> float:
    """Fraction of trials whose most frequent decision is right, mean over sessions."""
    means = []
    for decision, session in zip(decided, played):
        right = []
        for trial in np.unique(session.trials[session.labels >= 0]):
            at = (session.trials == trial) & (session.labels >= 0)
            votes = np.bincount(decision[at], minlength=recording.CLASSES)
            right.append(votes.argmax() == session.labels[at][0])
        means.append(np.mean(right))
    return float(np.mean(means))


def balanced_accuracy(decided: Decisions, played: list[recording.Session]) -> float:
    """Mean over classes of the accuracy per bin, mean over sessions."""
    means = []
    for decision, session in zip(decided, played):
        classes = np.unique(session.labels[session.labels >= 0])
        means.append(np.mean([np.mean(decision[session.labels == c] == c) for c in classes]))
    return float(np.mean(means))


def paired_difference(a: list[Decisions], b: list[Decisions], played: list[recording.Session]
                      ) -> tuple[float, float, float]:
    """Mean over sessions of accuracy(a) - accuracy(b), mean over seeds, with the 95 % interval of a
    bootstrap over trials within sessions."""
    random = np.random.default_rng(0)
    means, resampled = [], []
    for i, session in enumerate(played):
        trials = np.unique(session.trials[session.labels >= 0])
        bins, gained = np.empty(len(trials)), np.empty(len(trials))
        for k, trial in enumerate(trials):
            at = (session.trials == trial) & (session.labels >= 0)
            right = [np.mean([np.sum(run[i][at] == session.labels[at]) for run in runs])
                     for runs in (a, b)]
            bins[k], gained[k] = at.sum(), right[0] - right[1]
        drawn = random.integers(len(trials), size=(RESAMPLES, len(trials)))
        means.append(gained.sum() / bins.sum())
        resampled.append(gained[drawn].sum(axis=1) / bins[drawn].sum(axis=1))
    low, high = np.percentile(np.mean(resampled, axis=0), [2.5, 97.5])
    return float(np.mean(means)), float(low), float(high)


def spread(values: list[float]) -> str:
    """Mean +- population standard deviation over seeds."""
    return f"{np.mean(values):.3f} +- {np.std(values):.3f}"


def row(name: str, runs: list[NDArray[np.float64]]) -> tuple[str, dict]:
    """One row: accuracies [seeds][14 sessions, or the last three]."""
    whole = len(runs[0]) > 3  # a fork after the first day has the last three only
    first = spread([r[0] for r in runs]) if whole else "-"
    later = spread([float(np.mean(r[LATER])) for r in runs]) if whole else "-"
    day_two = [float(np.mean(r[DAY_TWO])) for r in runs]
    each = " ".join(f"{v:.3f}" for v in np.mean(runs, axis=0)[DAY_TWO])
    text = f"| {name} | {first} | {later} | {spread(day_two)} | {each} |"
    return text, {"sessions": np.round(runs, 4).tolist(), "day_two": np.round(day_two, 4).tolist()}


def run(player: Player) -> Report:
    played = recording.load()
    server, models = player.server, ROOT / "deploy" / "models"
    server.create_model("learns", models / "bmi_wheelchair.textproto")
    server.create_model("reservoir", models / "bmi_wheelchair_reservoir.textproto")
    learns = [play(server, f"learns-{s}", "learns", s, played) for s in SEEDS]
    reservoir = [play(server, f"reservoir-{s}", "reservoir", s, played) for s in SEEDS]

    def each(runs: list[dict[str, Decisions]], kind: str) -> list[NDArray[np.float64]]:
        part = played[DAY_TWO] if kind == "day_one" else played
        return [accuracies(r[kind], part) for r in runs]

    rows = {
        "learns online": each(learns, "live"),
        "its shadow, frozen after session 1": each(learns, "shadow"),
        "its fork, frozen after day 1": each(learns, "day_one"),
        "reservoir, tuned": each(reservoir, "live"),
        "online linear discriminant": [accuracies(recording.discriminant_decisions(played),
                                                  played)],
        "last trial's label": [accuracies(recording.last_labels(played), played)],
    }
    rows["its shadow, frozen after session 1"] = [
        np.concatenate([[np.nan], r[1:]]) for r in rows["its shadow, frozen after session 1"]]
    shown, figures = accuracy_table(rows)
    live = [r["live"] for r in learns]
    notes, more = comparisons(live, [r["live"] for r in reservoir], rows, played)
    return Report(f"{shown}\n\n{notes}\n\n{SHIP}",
                  {"seeds": list(SEEDS), **figures, **more}, picture(rows))


def accuracy_table(rows: dict[str, list[NDArray[np.float64]]]) -> tuple[str, dict]:
    """The table and its figures."""
    lines = ["| | first session, from nothing | mean of the 13 after | mean of day 2 | "
             "each of day 2 |", "|---|---|---|---|---|"]
    figures = {}
    for name, runs in rows.items():
        text, figures[name] = row(name, runs)
        lines.append(text.replace("nan +- nan", "-"))
    return "\n".join(lines), figures


def comparisons(live: list[Decisions], still: list[Decisions],
                rows: dict[str, list[NDArray[np.float64]]], played: list[recording.Session]
                ) -> tuple[str, dict]:
    """What the table does not show: differences over trials, gaps to the shadow, other scores."""
    lines, figures = [], {}
    other = {"reservoir": still, "discriminant": [recording.discriminant_decisions(played)]}
    for name, part in (("day two", DAY_TWO), ("the 13 sessions", LATER)):
        for beside, runs in other.items():
            difference = paired_difference([r[part] for r in live], [r[part] for r in runs],
                                           played[part])
            figures[f"learns - {beside}, {name}"] = difference
            lines.append(f"- learns - {beside} on {name}: {difference[0]:+.4f}, 95 % "
                         f"{difference[1]:+.4f} to {difference[2]:+.4f} (paired over trials)")
    gaps = [float(np.mean(a[DAY_TWO]) - np.mean(b[DAY_TWO])) for a, b in
            zip(rows["learns online"], rows["its shadow, frozen after session 1"])]
    figures["learns - shadow on day two"] = gaps
    lines.append(f"- learns - shadow on day two, each seed: {' '.join(f'{g:.3f}' for g in gaps)}; "
                 f"mean {np.mean(gaps):.3f}")
    figures["per trial"] = [trial_accuracy(r[LATER], played[LATER]) for r in live]
    figures["balanced"] = [balanced_accuracy(r[LATER], played[LATER]) for r in live]
    lines.append(f"- learns, the 13 sessions: per trial {spread(figures['per trial'])}, "
                 f"balanced over classes {spread(figures['balanced'])}")
    return "\n".join(lines), figures


def picture(rows: dict[str, list[NDArray[np.float64]]]) -> Picture:
    """Both summaries of every row, each seed a dot."""
    later = [Line(name, [float(np.mean(r[LATER])) for r in runs])
             for name, runs in rows.items() if len(runs[0]) > 3]
    day_two = [Line(name, [float(np.mean(r[DAY_TWO])) for r in runs])
               for name, runs in rows.items()]
    return dots("Four commands from motor cortex, labels released when a trial has ended",
                "accuracy per labelled bin",
                {"mean of the 13 sessions after the first": later, "second day": day_two},
                log=False)
