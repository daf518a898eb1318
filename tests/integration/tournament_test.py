"""Variants of a live stream through the server program: forked, ranked, promoted, killed."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import threading
import time

import millrace
import numpy as np
import pytest
from millraced import TIMEOUT_S, Server, vector_model

BIN = pathlib.Path(os.environ["MILLRACE_BIN"])
RATES = '''
    variants { name: "fast" settings { name: "optimizer.rate" number: 3e-3 } }
    variants { name: "still" settings { name: "optimizer.rate" number: 0 } }'''


def command(server: Server, *arguments: str) -> dict | list:
    done = subprocess.run([BIN / "millrace", "--server", server.grpc, "--json", *arguments],
                          capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def recording(steps: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(2)
    x = draw.standard_normal((steps, 4)).astype(np.float32)
    return x, (x[:, :2] - x[:, 2:] + 0.1 * draw.standard_normal((steps, 2))).astype(np.float32)


@pytest.fixture
def rates(tmp_path):
    path = tmp_path / "rates.textproto"
    path.write_text(RATES)
    return str(path)


def digest(server: Server, stream: str) -> str:
    return server.stream(stream, with_digest=True).digest


def test_a_tournament_from_fork_to_promotion(server, rates):
    x, y = recording(3000)
    server.open_stream("s", "vector")
    with millrace.connect(server.grpc) as client, client.attach("s") as writer:
        writer.learn(x[:200], values=y[:200])
        forked = command(server, "stream", "fork", "s", "--variants", rates)
        assert [stream["id"] for stream in forked] == ["s.fast", "s.still"]
        client.fork("s", "twin", changes={"optimizer.rate": 3e-3})
        writer.learn(x[200:2500], values=y[200:2500])
        with client.attach("twin") as twin:
            twin.learn(x[200:2500], values=y[200:2500])
        assert digest(server, "s.fast") == digest(server, "twin")

        ranking = client.variants("s")
        assert [variant.stream for variant in ranking] == ["s.fast", "s.still"]
        fast, still = ranking
        assert fast.units == still.units >= 2000 and fast.following
        assert fast.difference_high < 0 < still.difference_low
        assert fast.mean_loss - fast.stream_mean_loss == pytest.approx(fast.difference)

        with pytest.raises(millrace.Error) as refused, client.attach("s.fast"):
            pass
        assert refused.value.reason == "IS_VARIANT"
        assert command(server, "stream", "promote", "s", "fast")["applied_seq"] == 2500
        writer.learn(x[2500:], values=y[2500:])  # the writer has not noticed
        with client.attach("twin") as twin:
            twin.learn(x[2500:], values=y[2500:])
        for one, other in (("s", "twin"), ("s.fast", "twin")):
            assert (server.stream(one, with_digest=True).learner_digest ==
                    server.stream(other, with_digest=True).learner_digest)
        for name in ("s.fast", "s.still"):
            client.delete_stream(name)
        client.delete_stream("s")


def play(server: Server, rates: str, kill_in_s: float | None) -> bool:
    """Fork, learn, promote. True where the promotion was answered."""
    x, y = recording(600)
    server.open_stream("s", "vector")
    with millrace.connect(server.grpc, timeout_s=5) as client, client.attach("s") as writer:
        command(server, "stream", "fork", "s", "--variants", rates)
        writer.learn(x, values=y)
        killer = threading.Timer(kill_in_s or 0, server.process.kill)
        if kill_in_s is not None:
            killer.start()
        try:
            promoted = client.promote("s", "s.fast").applied_seq == 600
        except millrace.Error:
            promoted = False
        if kill_in_s is not None:
            killer.join()
            server.process.wait(TIMEOUT_S)
    return promoted


def finish(server: Server) -> dict[str, str]:
    """What follows, and where everything stands at its end."""
    x, y = recording(900)
    with millrace.connect(server.grpc) as client, client.attach("s") as writer:
        writer.learn(x[600:], values=y[600:])
        assert all(variant.following for variant in client.variants("s"))
    return {name: digest(server, name) for name in ("s", "s.fast", "s.still")}


def test_a_promotion_is_whole_or_absent_and_bit_exact_after_kill_9(tmp_path, rates):
    def start(name: str) -> Server:
        server = Server(tmp_path / name).connect()
        if not any(model.name == "vector" for model in millrace.connect(server.grpc).models()):
            server.create_model("vector", vector_model())
        return server

    with start("whole") as server:
        begin = time.monotonic()
        assert play(server, rates, None)
        took_s = time.monotonic() - begin
        expected = finish(server)
    seen = set()
    for k, delay_s in enumerate((0.0, 0.0005, 0.001, 0.002, 0.004, 0.01, 0.05)):
        with start(f"killed-{k}") as server:
            answered = play(server, rates, min(delay_s, took_s))
        with start(f"killed-{k}") as server:
            places = {name: server.stream(name).applied_seq for name in expected}
            assert set(places.values()) == {600}, places
            promoted = digest(server, "s") != digest(server, "s.still") and any(
                setting.name == "optimizer.rate" for setting in server.stream("s").overrides)
            assert promoted or not answered, "an answered promotion is gone"
            seen.add(promoted)
            if not promoted:
                with millrace.connect(server.grpc) as client:
                    client.promote("s", "s.fast")
            assert finish(server) == expected
    assert True in seen
