"""A language model that adapts as it reads: any file, byte after byte.

    python byte_stream.py FILE [--bytes 200000]

Prints the bits per byte of every stretch as it was predicted before it was read, beside what the
counts of single bytes so far would give; and the stretch's most surprising byte.
"""

from __future__ import annotations

import argparse
import pathlib

import numpy as np

import millrace

SPEC = pathlib.Path(__file__).resolve().parents[3] / "deploy/models/bytes.textproto"


class Counts:
    """Probabilities of single bytes by their counts so far (Laplace's rule): the trivial rival."""

    def __init__(self) -> None:
        self._seen = np.ones(256)

    def bits(self, text: bytes) -> float:
        """Bits of a text, each byte predicted before it is counted."""
        total = 0.0
        for byte in text:
            total -= float(np.log2(self._seen[byte] / self._seen.sum()))
            self._seen[byte] += 1
        return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", default="127.0.0.1:7070")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--bytes", type=int, default=200_000, help="how many to read")
    parser.add_argument("--stretch", type=int, default=10_000, help="bytes a line")
    parser.add_argument("--stream", default="byte-stream")
    arguments = parser.parse_args()
    text = arguments.file.read_bytes()[:arguments.bytes]

    counts, nats, counted = Counts(), 0.0, 0.0
    with millrace.connect(arguments.server) as server:
        server.create_model(arguments.stream, SPEC)
        with server.open(arguments.stream, model=arguments.stream) as stream:
            for start in range(0, len(text), arguments.stretch):
                part = text[start:start + arguments.stretch]
                loss = stream.play(part, outputs=False).loss  # of the prediction of each byte
                loss = np.nan_to_num(loss)                    # the first was never predicted
                single = counts.bits(part)
                nats, counted = nats + float(loss.sum()), counted + single
                worst = int(loss.argmax())
                print(f"{start + len(part):9d} bytes: {loss.mean() / np.log(2):.3f} bits per byte "
                      f"(counts {single / len(part):.3f}); most surprising: "
                      f"{part[max(0, worst - 10):worst + 1]!r}")
    print(f"all: {nats / np.log(2) / len(text):.3f} bits per byte "
          f"(counts {counted / len(text):.3f})")


if __name__ == "__main__":
    main()
