"""A sweep of learning rates as streams of one model, on live input; the best becomes the stream.

    python sweep.py X.npy Y.npy --stream decoder --rates 1e-4,1e-3,1e-2

X [T, d] are inputs, Y [T, m] values. Every rate is a stream of one model, from the same initial
weights, and gets the same steps. They are ranked by the loss of the predictions as they were
issued, over the second half, with the standard error over blocks. The best is forked, its whole
state at that step, into --stream, which learns on from there; the others are deleted.
"""

from __future__ import annotations

import argparse
import pathlib
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

import millrace

BLOCK = 100


def spec(inputs: int, outputs: int) -> str:
    """A net of 64 units for values."""
    return f"""
        input {{
          name: "vector"
          settings {{ name: "size" integer: {inputs} }}
          settings {{ name: "normalise" flag: true }}
        }}
        cell {{ name: "gru" settings {{ name: "units" integer: 64 }} }}
        head {{ name: "linear" settings {{ name: "outputs" integer: {outputs} }} }}
        loss {{ name: "mean_squared_error" }}
        optimizer {{ name: "rmsprop" }}"""


def play(streams: dict[float, millrace.Stream], x: NDArray[np.float32], y: NDArray[np.float32]
         ) -> dict[float, NDArray[np.float64]]:
    """Every block through every stream; returns each rate's mean loss of each block."""
    losses: dict[float, list[float]] = {rate: [] for rate in streams}
    for start in range(0, len(x) - BLOCK + 1, BLOCK):
        rows = slice(start, start + BLOCK)
        for rate, stream in streams.items():
            losses[rate].append(float(stream.play(x[rows], y[rows], outputs=False).loss.mean()))
    return {rate: np.array(blocks) for rate, blocks in losses.items()}


def ranked(losses: dict[float, NDArray[np.float64]]) -> list[tuple[float, float, float]]:
    """(mean loss over the second half, its standard error, rate), the best first. What diverged
    comes last."""
    late = {rate: blocks[len(blocks) // 2:] for rate, blocks in losses.items()}
    rows = [(float(b.mean()) if np.isfinite(b).all() else float("inf"),
             float(b.std() / np.sqrt(len(b))), rate) for rate, b in late.items()]
    return sorted(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", default="127.0.0.1:7070")
    parser.add_argument("x", type=pathlib.Path)
    parser.add_argument("y", type=pathlib.Path)
    parser.add_argument("--rates", default="1e-4,3e-4,1e-3,3e-3,1e-2")
    parser.add_argument("--stream", default="best")
    arguments = parser.parse_args()
    x, y = (np.load(path).astype(np.float32) for path in (arguments.x, arguments.y))
    if len(x) < 2 * BLOCK or len(y) != len(x) or x.ndim != 2 or y.ndim != 2:
        parser.error(f"X is {x.shape} and Y {y.shape}; expected [T, d] and [T, m] with the same T, "
                     f"at least {2 * BLOCK}")

    names = {float(rate): f"{arguments.stream}-rate-{rate}" for rate in arguments.rates.split(",")}
    with millrace.connect(arguments.server) as server:
        server.create_model(arguments.stream, spec(x.shape[1], y.shape[1]))
        with ExitStack() as attached:
            losses = play({rate: attached.enter_context(server.open(
                name, model=arguments.stream, seed=1, overrides={"optimizer.rate": rate}))
                for rate, name in names.items()}, x, y)
        table = ranked(losses)
        for loss, error, rate in table:
            print(f"rate {rate:<8g} loss {loss:.5f} +- {error:.5f}")
        best = server.fork(names[table[0][2]], arguments.stream)
        for name in names.values():
            server.delete_stream(name)
    print(f"stream '{best.id}' is the one with rate {table[0][2]:g}, at step {best.applied_seq}")


if __name__ == "__main__":
    main()
