"""What these tests share: a fake server with one stream "a", and a client of it."""

from __future__ import annotations

import pytest

import millrace
from fake_server import FakeServer, FakeStream


@pytest.fixture
def fake():
    server = FakeServer()
    server.streams["a"] = FakeStream()
    yield server
    server.stop()


@pytest.fixture
def client(fake):
    with millrace.connect(fake.address, timeout_s=10.0) as connected:
        yield connected
