"""A decoder in a closed loop over the Lab Streaming Layer, timed from sample to prediction.

    python lsl_loop.py --seconds 120

Sends random counts as an LSL stream at --rate_hz, joins it to a stream of the server through
millrace.lsl, and takes the predictions from the LSL stream that comes back. Every input is the
target of the step before, so every step learns: --units tanh units, immediate rule. Prints how long
predictions took and how many were later than the next sample.
"""

from __future__ import annotations

import argparse
import threading
import time

import numpy as np
import pylsl

import millrace
from millrace import lsl


def spec(inputs: int, units: int) -> str:
    """A net whose target is its input's next row, so that every step has one."""
    return f"""
        input {{ name: "vector" settings {{ name: "size" integer: {inputs} }} }}
        cell {{ name: "vanilla" settings {{ name: "units" integer: {units} }} }}
        head {{ name: "linear" settings {{ name: "outputs" integer: {inputs} }} }}
        loss {{ name: "mean_squared_error" }}
        rule {{ name: "immediate" }}
        optimizer {{ name: "rmsprop" settings {{ name: "rate" number: 1e-4 }} }}
        target {{ name: "next_input" }}"""


def send(outlet: pylsl.StreamOutlet, steps: int, channels: int, rate_hz: float) -> None:
    """Samples on time, each stamped with the moment at which it was due, as a device's are."""
    random = np.random.default_rng(1)
    start = pylsl.local_clock()
    for number in range(steps):
        due = start + number / rate_hz
        time.sleep(max(0.0, due - pylsl.local_clock()))
        outlet.push_sample(random.poisson(2.0, channels).tolist(), due)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", default="127.0.0.1:7070")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate_hz", type=float, default=50.0)
    parser.add_argument("--channels", type=int, default=192)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--most_late", type=int, help="fail where more predictions than this came "
                        "after the next sample")
    parser.add_argument("--stream", default="lsl-loop")
    arguments = parser.parse_args()
    steps = int(arguments.seconds * arguments.rate_hz)

    name = f"{arguments.stream}-counts"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "Counts", arguments.channels,
                                                 arguments.rate_hz, "float32", name))
    delays_ms: list[float] = []
    with millrace.connect(arguments.server) as server:
        server.create_model(arguments.stream, spec(arguments.channels, arguments.units))
        with server.open(arguments.stream, model=arguments.stream) as stream, \
                lsl.Bridge(stream, lsl.inlet(name=name),
                           predictions=f"{arguments.stream}-predictions") as bridge:
            back = lsl.inlet(name=f"{arguments.stream}-predictions")
            back.open_stream(timeout=10)

            def receive() -> None:
                while len(delays_ms) < steps:
                    row, stamp = back.pull_sample(timeout=5)
                    if row is None:
                        return
                    delays_ms.append(1e3 * (pylsl.local_clock() - stamp))

            bridge.step(timeout_s=0.01)  # opens the inlet before the first sample
            outlet.wait_for_consumers(10)
            threads = [threading.Thread(target=receive), threading.Thread(
                target=send, args=(outlet, steps, arguments.channels, arguments.rate_hz))]
            for thread in threads:
                thread.start()
            tally = bridge.run(seconds=arguments.seconds + 1)
            for thread in threads:
                thread.join()
    late = sum(delay > 1e3 / arguments.rate_hz for delay in delays_ms)
    p50, p99, worst = np.percentile(delays_ms, [50, 99, 100])
    print(f"{tally.steps} of {steps} samples, {tally.skipped} skipped; {len(delays_ms)} "
          f"predictions, {late} late; from sample to prediction: p50 {p50:.2f} ms, p99 {p99:.2f} "
          f"ms, longest {worst:.2f} ms")
    if arguments.most_late is not None and late > arguments.most_late:
        raise SystemExit(f"{late} predictions were late; expected at most {arguments.most_late}")


if __name__ == "__main__":
    main()
