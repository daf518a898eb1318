"""From a recording of your own to a picture of recovery: two .npy files.

    python recovery.py X.npy Y.npy --picture recovery.png

X [T, d] are inputs. Y are targets: [T] or [T, 1] of whole numbers from 0 are classes (-1: none),
anything else values [T, m]. A net learns the first part of the recording (--shadow, by default its
first third); then a frozen copy of it, the shadow, goes on beside it. The picture shows the loss of
both, the shifts that were detected, and how much of the shadow's loss the live net won back.
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np
from numpy.typing import NDArray

import millrace
from millrace import plots

MOMENTS = 200  # of the picture


def spec(inputs: int, outputs: int, loss: str) -> str:
    """A net of 64 gated units with the inputs past it."""
    return f"""
        input {{
          name: "vector"
          settings {{ name: "size" integer: {inputs} }}
          settings {{ name: "normalise" flag: true }}
        }}
        cell {{ name: "gru" settings {{ name: "units" integer: 64 }} }}
        head {{
          name: "linear"
          settings {{ name: "outputs" integer: {outputs} }}
          settings {{ name: "direct" flag: true }}
        }}
        loss {{ name: "{loss}" }}
        optimizer {{
          name: "rmsprop"
          settings {{ name: "rate" number: 1e-3 }}
          settings {{ name: "rate_readout" number: 3e-3 }}
        }}"""


def as_classes(y: NDArray[np.float32]) -> NDArray[np.int64] | None:
    """Classes [T] if that is what y holds."""
    whole = y.shape[1] == 1 and np.isfinite(y).all() and (y == np.trunc(y)).all()
    return y[:, 0].astype(np.int64) if whole and y.min() >= -1 and y.max() >= 1 else None


def create(server: millrace.Client, name: str, text: str) -> None:
    """The model, unless an earlier run left one."""
    try:
        server.create_model(name, text)
    except millrace.Error as error:
        if error.reason != "EXISTS":
            raise
        raise SystemExit(f"'{name}' is there from an earlier run; give another --stream, or "
                         f"remove it: millrace stream delete {name}; millrace model delete {name}"
                         ) from None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", default="127.0.0.1:7070")
    parser.add_argument("x", type=pathlib.Path)
    parser.add_argument("y", type=pathlib.Path)
    parser.add_argument("--shadow", type=float, default=1 / 3,
                        help="part of the recording after which the shadow is taken")
    parser.add_argument("--stream", default="recovery")
    parser.add_argument("--picture", type=pathlib.Path, default=pathlib.Path("recovery.png"))
    arguments = parser.parse_args()
    x = np.load(arguments.x).astype(np.float32)
    y = np.load(arguments.y).astype(np.float32)
    x, y = (rows.reshape(len(rows), -1) if rows.ndim else rows for rows in (x, y))
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) < 2:
        parser.error(f"X is {list(x.shape)} and Y {list(y.shape)}; expected [T, d] and [T] or "
                     "[T, m] with the same T")
    classes = as_classes(y)
    loss, outputs = ("mean_squared_error", y.shape[1]) if classes is None else (
        "cross_entropy", int(classes.max()) + 1)

    history, block = plots.History(), max(1, len(x) // MOMENTS)
    taken = int(len(x) * arguments.shadow) // block * block
    with millrace.connect(arguments.server) as server:
        create(server, arguments.stream, spec(x.shape[1], outputs, loss))
        with server.open(arguments.stream, model=arguments.stream) as stream:
            for start in range(0, len(x), block):
                if start == taken and start > 0:
                    server.take_shadow(stream.id)
                rows = slice(start, start + block)
                stream.play(x[rows], (y if classes is None else classes)[rows], outputs=False)
                history.add(stream.stats())
            stats = stream.stats()
    plots.recovery(history).savefig(arguments.picture)
    shadow = f", frozen {stats.shadow_loss:.4g}" if stats.HasField("shadow_loss") else ""
    won = f", recovery {stats.recovery:.2f}" if stats.HasField("recovery") else ""
    print(f"{len(x)} steps, loss at the end: live {stats.live_loss:.4g}{shadow}{won}; "
          f"{stats.shifts} shifts")
    print(f"wrote {arguments.picture}")


if __name__ == "__main__":
    try:
        main()
    except millrace.Error as refused:
        raise SystemExit(str(refused)) from None
