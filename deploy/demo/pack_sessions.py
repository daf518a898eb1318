#!/usr/bin/env python3
"""Pack the wheelchair sessions for the demo: spike counts as uint8, labels as int16.

usage: pack_sessions.py SOURCE_DIR [--out DIR]

SOURCE_DIR holds, for each session, <session>_X.npy (float32 [T, N] spike counts per 100 ms bin) and
<session>_Y.npy (float32 [T, 4] joystick x, joystick y, class, trial). For each the script writes
<session>_counts.npy (uint8 [T, N]) and <session>_labels.npy (int16 [T, 2]: class, trial; -1 between
trials), then SHA256SUMS over every .npy and .csv file in DIR. The joystick is left out: the demo
decodes the class.

A value that the narrow type cannot hold exactly stops the script: nothing is rounded or truncated.
The output depends only on the input, so running it again changes no byte.
"""

from __future__ import annotations

import argparse
import hashlib
import pathlib

import numpy as np
import numpy.typing

CLASS_COLUMN, TRIAL_COLUMN = 2, 3


def narrowed(values: np.ndarray, dtype: np.typing.DTypeLike, what: str) -> np.ndarray:
    """Convert `values` to `dtype`; raise ValueError unless every value survives exactly."""
    with np.errstate(invalid="ignore"):
        narrow = values.astype(dtype)
    changed = np.argwhere(narrow.astype(values.dtype) != values)
    if len(changed):
        where = tuple(int(i) for i in changed[0])
        raise ValueError(
            f"{what} has {values[where]!r} at {where}; {np.dtype(dtype)} cannot hold it exactly"
        )
    return np.ascontiguousarray(narrow)


def pack_session(counts_path: pathlib.Path, out: pathlib.Path) -> str:
    """Write the packed pair of one session into `out` and return the session's name."""
    session = counts_path.name.removesuffix("_X.npy")
    targets_path = counts_path.with_name(f"{session}_Y.npy")
    counts = np.load(counts_path)
    targets = np.load(targets_path)
    if len(counts) != len(targets):
        raise ValueError(
            f"{session} has {len(counts)} rows of counts and {len(targets)} of targets"
        )
    labels = targets[:, [CLASS_COLUMN, TRIAL_COLUMN]]
    np.save(out / f"{session}_counts.npy", narrowed(counts, np.uint8, counts_path.name))
    np.save(out / f"{session}_labels.npy", narrowed(labels, np.int16, targets_path.name))
    return session


def write_checksums(folder: pathlib.Path) -> None:
    """Write `folder`/SHA256SUMS in the form that `sha256sum --check` reads."""
    files = sorted(p for p in folder.iterdir() if p.suffix in (".npy", ".csv"))
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=pathlib.Path)
    default_out = pathlib.Path(__file__).resolve().parent / "bmi_wheelchair"
    parser.add_argument("--out", type=pathlib.Path, default=default_out)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    sources = sorted(arguments.source.glob("*_X.npy"))
    if not sources:
        raise SystemExit(f"{arguments.source} holds no *_X.npy")
    for source in sources:
        print(pack_session(source, arguments.out))
    write_checksums(arguments.out)


if __name__ == "__main__":
    main()
