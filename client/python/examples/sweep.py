"""A sweep of learning rates on live input, inside the server; the best becomes the stream.

    python sweep.py X.npy Y.npy --stream decoder --rates 1e-3,1e-4,1e-2

X [T, d] are inputs, Y [T, m] values. The stream learns at the first rate; the others are variants
of it that learn on its own input, without messages of their own. They are ranked by the loss of the
predictions as they were issued, with 95 % intervals of the paired differences. The best, if it is
better than the stream, takes the stream's place; the stream's writer does not notice, and learns on
through the rest of the recording. The variants are deleted at the end.
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np

import millrace

LEAST_STEPS = 1000


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


def tell(server: millrace.Client, stream: str, rates: dict[str, float], own_rate: float) -> str:
    """Prints the ranking; returns the variant that is better than the stream, "" for none."""
    ranking = server.variants(stream)
    print(f"rate {own_rate:<8g} loss {ranking[0].stream_mean_loss:.5f}, the stream's own")
    for variant in ranking:
        print(f"rate {rates[variant.stream]:<8g} loss {variant.mean_loss:.5f}, difference "
              f"{variant.difference:+.5f} ({variant.difference_low:+.5f} to "
              f"{variant.difference_high:+.5f})")
    best = ranking[0]
    return best.stream if best.difference < 0 else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", default="127.0.0.1:7070")
    parser.add_argument("x", type=pathlib.Path)
    parser.add_argument("y", type=pathlib.Path)
    parser.add_argument("--rates", default="1e-3,1e-4,3e-4,3e-3,1e-2")
    parser.add_argument("--stream", default="best")
    arguments = parser.parse_args()
    x, y = (np.load(path).astype(np.float32) for path in (arguments.x, arguments.y))
    if len(x) < LEAST_STEPS or len(y) != len(x) or x.ndim != 2 or y.ndim != 2:
        parser.error(f"X is {x.shape} and Y {y.shape}; expected [T, d] and [T, m] with the same T, "
                     f"at least {LEAST_STEPS}")

    name = arguments.stream
    own, *others = (float(rate) for rate in arguments.rates.split(","))
    rates = {f"{name}.rate-{rate:g}": rate for rate in others}
    half = len(x) // 2
    with millrace.connect(arguments.server) as server:
        server.create_model(name, spec(x.shape[1], y.shape[1]))
        with server.open(name, model=name, seed=1, overrides={"optimizer.rate": own}) as stream:
            for variant, rate in rates.items():
                server.fork(name, variant, changes={"optimizer.rate": rate}, follow=True)
            stream.play(x[:half], y[:half], outputs=False)
            for variant in rates:
                server.stats(variant)  # answered when the variant has caught up
            best = tell(server, name, rates, own)
            if best:
                server.promote(name, best)
            stream.play(x[half:], y[half:], outputs=False)
        for variant in rates:
            server.delete_stream(variant)
        kept = server.stream(name)
    print(f"stream '{name}' is the one with rate {rates.get(best, own):g}, at step "
          f"{kept.applied_seq}")


if __name__ == "__main__":
    main()
