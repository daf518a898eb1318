"""A real server for these tests, and the recording of the demo."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

SOURCE = pathlib.Path(os.environ["MILLRACE_SOURCE"])
PROGRAMS = pathlib.Path(os.environ["MILLRACE_BIN"])
sys.path.insert(0, str(SOURCE / "deploy" / "demo"))

import sessions as recording  # noqa: E402  of deploy/demo
from server import Command, Server  # noqa: E402


def pytest_collection_modifyitems(items):
    """Without the server's programs nothing here can run; it says so."""
    missing = [name for name in ("millraced", "millrace") if not (PROGRAMS / name).exists()]
    if missing:
        skip = pytest.mark.skip(reason=f"{' and '.join(missing)} not built in {PROGRAMS}")
        for item in items:
            item.add_marker(skip)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server a file of tests, on free ports, over a store of its own."""
    running = Server(PROGRAMS, tmp_path_factory.mktemp("server"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def command(server):
    return Command(PROGRAMS, server)


@pytest.fixture(scope="session")
def played():
    """The 14 sessions in order of time."""
    return recording.load()
