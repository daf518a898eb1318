"""A real server for a module of tests, and the command beside it."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Iterator

import pytest

import millrace

SOURCE = pathlib.Path(os.environ["MILLRACE_SOURCE"])
PROGRAMS = pathlib.Path(os.environ["MILLRACE_BIN"])
RECORDINGS = pathlib.Path(os.environ["MILLRACE_DATA"])
sys.path.insert(0, str(SOURCE / "deploy" / "demo"))

from server import Command, Server  # noqa: E402  of deploy/demo

needs_server = pytest.mark.skipif(not (PROGRAMS / "millraced").exists(),
                                  reason=f"millraced is not built in {PROGRAMS}")


def model(*, inputs: int, outputs: int, loss: str, target: str = "with_observation",
          rate: float = 0.01) -> str:
    """A small net, in text form."""
    return f"""
        input {{ name: "vector" settings {{ name: "size" integer: {inputs} }} }}
        cell {{ name: "vanilla" settings {{ name: "units" integer: 16 }} }}
        head {{ name: "linear" settings {{ name: "outputs" integer: {outputs} }} }}
        loss {{ name: "{loss}" }}
        optimizer {{ name: "rmsprop" settings {{ name: "rate" number: {rate} }} }}
        target {{ name: "{target}" }}"""


def serving(folder: pathlib.Path) -> Iterator[tuple[millrace.Client, Command]]:
    """A server over `folder` while the fixture lasts; it must end in an orderly way."""
    server = Server(PROGRAMS, folder)
    server.start()
    with millrace.connect(server.address, timeout_s=60.0) as client:
        client.create_model("line", model(inputs=3, outputs=2, loss="mean_squared_error"))
        client.create_model("late", model(inputs=3, outputs=2, loss="mean_squared_error",
                                          target="delayed"))
        client.create_model("one", model(inputs=3, outputs=1, loss="mean_squared_error"))
        client.create_model("one_late", model(inputs=3, outputs=1, loss="mean_squared_error",
                                              target="delayed"))
        client.create_model("classes", model(inputs=3, outputs=3, loss="cross_entropy"))
        client.create_model("classes_late", model(inputs=3, outputs=3, loss="cross_entropy",
                                                  target="delayed"))
        client.create_model("bytes", """
            input { name: "bytes" } cell { name: "vanilla" settings { name: "units" integer: 8 } }
            head { name: "linear" } loss { name: "cross_entropy" }
            target { name: "next_input" }""")
        yield client, Command(PROGRAMS, server)
    assert server.stop() == 0
