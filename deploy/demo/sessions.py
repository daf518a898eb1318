"""The recording the demo plays, and the online discriminant on it under the same release rule."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discriminant import NO_LABEL, OnlineDiscriminant

FOLDER = pathlib.Path(__file__).resolve().parent / "bmi_wheelchair"
CLASSES = 4
CLASS_COLUMN, TRIAL_COLUMN = 0, 1


@dataclass
class Session:
    """One session: counts [T, 21], labels [T] (-1 between trials), trials [T] (-1 between)."""

    name: str
    counts_file: pathlib.Path
    labels_file: pathlib.Path
    counts: NDArray[np.uint8]
    labels: NDArray[np.int64]
    trials: NDArray[np.int64]


def load() -> list[Session]:
    """The 14 sessions in order of time."""
    sessions = []
    for counts_file in sorted(FOLDER.glob("*_counts.npy")):
        name = counts_file.name.removesuffix("_counts.npy")
        labels_file = FOLDER / f"{name}_labels.npy"
        columns = np.load(labels_file).astype(np.int64)
        sessions.append(Session(name, counts_file, labels_file, np.load(counts_file),
                                columns[:, CLASS_COLUMN], columns[:, TRIAL_COLUMN]))
    return sessions


def segments(trials: NDArray[np.int64]) -> list[tuple[int, int]]:
    """[start, end) of the stretches in which the trial column does not change."""
    cuts = [0, *(np.flatnonzero(np.diff(trials)) + 1), len(trials)]
    return list(zip(cuts[:-1], cuts[1:]))


def last_labels(played: list[Session]) -> list[NDArray[np.int64]]:
    """The last trial's label, as it is known at each bin; -1 before the first of all."""
    known, decisions = -1, []
    for session in played:
        decided = np.empty(len(session.labels), np.int64)
        for start, end in segments(session.trials):
            decided[start:end] = known
            released = session.labels[start:end][session.labels[start:end] >= 0]
            known = int(released[-1]) if len(released) else known
        decisions.append(decided)
    return decisions


def discriminant_decisions(sessions: list[Session]) -> list[NDArray[np.int64]]:
    """The online linear discriminant's decision on every bin, [T] a session. It gets the labels of
    a trial when the trial column changes, and those still open at the end of a session."""
    decoder = OnlineDiscriminant(inputs=sessions[0].counts.shape[1], classes=CLASSES)
    decisions = []
    for session in sessions:
        decoder.start_session()
        decided = np.empty(len(session.labels), np.int64)
        for t, counts in enumerate(session.counts):
            if t > 0 and session.trials[t] != session.trials[t - 1]:
                decoder.release(session.labels[t - decoder.open_bins:t])
            decided[t] = decoder.observe(counts)
        decoder.release(session.labels[len(session.labels) - decoder.open_bins:])
        decisions.append(decided)
    return decisions


def accuracy(decisions: NDArray[np.int64], session: Session) -> float:
    """Fraction of the labelled bins that were decided right."""
    labelled = session.labels != NO_LABEL
    return float(np.mean(decisions[labelled] == session.labels[labelled]))
