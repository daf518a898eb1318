"""A decoder in use: spike counts to commands, labels at trial ends, electrodes that drift.

    python bci_drift.py --recording deploy/demo/bmi_wheelchair --picture recovery.png

Plays recorded sessions bin after bin. The intended direction is told when a trial has ended, never
before. After --healthy sessions the decoder of that moment is kept as the frozen shadow and the
electrodes drift: some fall silent, some see other cells. What is printed is how often the live
decoder and the frozen one were right, session by session.
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np
from numpy.typing import NDArray

import millrace
from millrace import plots

SPEC = pathlib.Path(__file__).resolve().parents[3] / "deploy/models/bmi_wheelchair.textproto"


def trials(column: NDArray[np.int64]) -> list[tuple[int, int]]:
    """[start, end) of the stretches in which the trial column does not change."""
    cuts = [0, *(np.flatnonzero(np.diff(column)) + 1).tolist(), len(column)]
    return list(zip(cuts[:-1], cuts[1:]))


def drifted(counts: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Every fourth electrode falls silent, every other third changes its cell with a neighbour."""
    random = np.random.default_rng(seed)
    order = random.permutation(counts.shape[1])
    changed = counts.copy()
    swapped, silent = order[:counts.shape[1] // 3], order[-(counts.shape[1] // 4):]
    changed[:, swapped] = counts[:, np.roll(swapped, 1)]
    changed[:, silent] = 0
    return changed


def play(stream: millrace.Stream, counts: NDArray[np.uint8], labels: NDArray[np.int64],
         history: plots.History) -> tuple[float, float]:
    """One session; returns the accuracies of the live decoder and of the shadow (NaN: none)."""
    right = shadow_right = labelled = 0
    for start, end in trials(labels[:, 1]):
        # A bin at a time in a real loop: stream.observe(counts[t]).
        seen = stream.writer.learn(counts[start:end], shadow=True,
                                   reset_before=[0] if start == 0 else [])
        label = int(labels[start, 0])
        if label < 0:  # between trials
            stream.no_target()
            continue
        stream.learn(label, seen.first_seq, steps=end - start)
        history.add(stream.stats())
        labelled += end - start
        right += int((seen.outputs.argmax(axis=1) == label).sum())
        if seen.shadow_outputs.size:
            shadow_right += int((seen.shadow_outputs.argmax(axis=1) == label).sum())
    stream.settle()
    has_shadow = stream.stats().HasField("shadow_seq")
    return right / labelled, shadow_right / labelled if has_shadow else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", default="127.0.0.1:7070")
    parser.add_argument("--recording", type=pathlib.Path, required=True,
                        help="folder of NAME_counts.npy [T, 21] and NAME_labels.npy [T, 2]: "
                        "class (-1: none) and trial")
    parser.add_argument("--sessions", type=int, default=6)
    parser.add_argument("--healthy", type=int, default=3, help="sessions before the drift")
    parser.add_argument("--stream", default="bci-drift")
    parser.add_argument("--picture", type=pathlib.Path)
    arguments = parser.parse_args()
    files = sorted(arguments.recording.glob("*_counts.npy"))[:arguments.sessions]
    if not files:
        parser.error(f"{arguments.recording} has no NAME_counts.npy")

    history = plots.History()
    with millrace.connect(arguments.server) as server:
        server.create_model(arguments.stream, SPEC)
        with server.open(arguments.stream, model=arguments.stream, seed=7) as stream:
            for number, file in enumerate(files):
                counts = np.load(file)
                labels = np.load(str(file).replace("_counts", "_labels")).astype(np.int64)
                if number == arguments.healthy:
                    # What the healthy decoder lost is what recovery is measured against.
                    server.set(stream.id, {"monitor.reference_loss": stream.stats().live_loss})
                    server.take_shadow(stream.id)
                if number >= arguments.healthy:
                    counts = drifted(counts, seed=1)
                live, shadow = play(stream, counts, labels, history)
                kept = "" if np.isnan(shadow) else f"  frozen {shadow:.3f}"
                print(f"{file.name.removesuffix('_counts.npy')}: live {live:.3f}{kept}")
    if arguments.picture:
        plots.recovery(history, title="electrodes drift").savefig(arguments.picture)
        print(f"wrote {arguments.picture}")


if __name__ == "__main__":
    main()
