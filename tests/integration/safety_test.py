"""Guarded serving through the server program: a recording poisoned midway, and one that is not.

The bounds are those of the monitor's documentation: every block of guard_units scored units but the
last before the change is within the margin; from the unit on from which each is worse than the
margin allows, the change comes within 2 guard_units - 1 units.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import grpc
import millrace
import numpy as np
import pytest
from millraced import TIMEOUT_S, Server

BIN = pathlib.Path(os.environ["MILLRACE_BIN"])
UNITS, MARGIN = 50, 0.25
TRUSTED_AT, POISONED_AT, CLEAN_AT, END = 1500, 2000, 2200, 3000
SPEC = '''
    input { name: "vector" settings { name: "size" integer: 8 } }
    cell { name: "vanilla" settings { name: "units" integer: 24 }
           settings { name: "leak" number: 0.5 } }
    head { name: "linear" settings { name: "outputs" integer: 2 } }
    loss { name: "mean_squared_error" }
    rule { name: "immediate" }
    optimizer { name: "rmsprop" settings { name: "rate" number: 1e-3 }
                settings { name: "rate_readout" number: 3e-3 } }
    target { name: "with_observation" }'''


def recording(poisoned: bool) -> tuple[np.ndarray, np.ndarray]:
    """A linear map of correlated inputs; wrong targets (of the opposite sign) for a while."""
    draw = np.random.default_rng(5)
    x = np.zeros((END, 8), np.float32)
    for t in range(1, END):
        x[t] = 0.8 * x[t - 1] + 0.6 * draw.standard_normal(8)
    y = (x @ draw.standard_normal((8, 2)) / 3 + 0.3 * draw.standard_normal((END, 2)))
    y = y.astype(np.float32)
    if poisoned:
        y[POISONED_AT:CLEAN_AT] *= -1
    return x, y


def command(server: Server, *arguments: str) -> dict:
    done = subprocess.run([BIN / "millrace", "--server", server.grpc, "--json", *arguments],
                          capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Played:
    """A recording through a guarded stream, one message a step; losses [END] against `y`."""

    def __init__(self, server: Server, stream: str, x: np.ndarray, y: np.ndarray,
                 messages: int = 1):
        self.served, self.shadow = np.full(END, np.nan), np.full(END, np.nan)
        self.serves_shadow = np.zeros(END, bool)
        with millrace.connect(server.grpc) as client:
            if stream not in [s.id for s in client.streams()]:
                client.open_stream(stream, "decoder", seed=3)
            with client.attach(stream) as writer:
                for t in range(0, END, messages):
                    if t == TRUSTED_AT:
                        command(server, "stream", "guard", stream, "--take_shadow", "--margin",
                                str(MARGIN), "--units", str(UNITS))
                    self.step(writer, x, y, slice(t, t + messages))
        self.stats = command(server, "stats", stream)

    def step(self, writer, x, y, rows) -> None:
        seen = writer.learn(x[rows], values=y[rows], shadow=True)
        self.served[rows] = ((seen.outputs - y[rows]) ** 2).sum(1) / 2
        if seen.shadow_outputs is not None and seen.shadow_outputs.size:
            self.shadow[rows] = ((seen.shadow_outputs - y[rows]) ** 2).sum(1) / 2
            self.serves_shadow[rows] = np.all(seen.outputs == seen.shadow_outputs, axis=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("safety") / "store") as running:
        running.create_model("decoder", SPEC)
        yield running


def test_a_stream_that_is_not_poisoned_stays_live(server):
    played = Played(server, "sound", *recording(poisoned=False))
    assert played.stats["serving"] == "live" and not played.stats["guard_tripped"]
    assert not played.serves_shadow[TRUSTED_AT + 1:].any()
    blocks(played, END)


def blocks(played: Played, change: int) -> None:
    """Every whole block before the last that ends at `change` is within the margin."""
    end = change if played.stats["guard_tripped"] else END
    last = end - UNITS if played.stats["guard_tripped"] else end
    for begin in range(TRUSTED_AT, last - UNITS + 1, UNITS):
        rows = slice(begin, begin + UNITS)
        assert played.served[rows].mean() <= (1 + MARGIN) * played.shadow[rows].mean() + 1e-6


def test_a_poisoned_stream_goes_over_to_its_shadow_within_two_blocks(server):
    played = Played(server, "poisoned", *recording(poisoned=True))
    assert played.stats["serving"] == "shadow"
    assert played.stats["guarded"] and played.stats["guard_tripped"] and played.stats["frozen"]
    # The first step of the shadow: where the change took place.
    change = int(np.flatnonzero(played.serves_shadow[TRUSTED_AT + 1:])[0]) + TRUSTED_AT + 1
    assert played.serves_shadow[change:].all()
    # Wrong targets are followed at first, which is worse than not to follow them in no block or in
    # the first; when they are right again the learner is the worse one.
    assert POISONED_AT < change <= CLEAN_AT + 2 * UNITS - 1
    assert (change - TRUSTED_AT) % UNITS == 0
    blocks(played, change)
    # From the change on what is served is the trusted decoder's to the bit.
    np.testing.assert_array_equal(played.served[change:], played.shadow[change:])
    # On the whole: within the margin, but for one block.
    served, trusted = played.served[TRUSTED_AT:], played.shadow[TRUSTED_AT:]
    last = slice(change - UNITS, change)
    excess = played.served[last].sum() - (1 + MARGIN) * played.shadow[last].sum()
    assert served.sum() <= (1 + MARGIN) * trusted.sum() + excess


def test_how_steps_are_grouped_into_messages_does_not_move_the_change(server):
    x, y = recording(poisoned=True)
    digests = set()
    for name, steps in (("one-by-one", 1), ("in-bulk", 30)):  # no block ends where a message does
        Played(server, name, x, y, steps)
        digests.add(command(server, "stream", "show", name)["learner_digest"])
    assert len(digests) == 1


def test_an_operator_switches_by_hand_and_the_guard_returns_on_request_only(server):
    x, y = recording(poisoned=False)
    server.open_stream("by-hand", "decoder")
    with millrace.connect(server.grpc) as client, client.attach("by-hand") as writer:
        with pytest.raises(millrace.Error) as refused:
            client.set("by-hand", {"monitor.serve": "shadow"})
        assert refused.value.reason == "NO_SHADOW" and "take it first" in str(refused.value)
        writer.learn(x[:500], values=y[:500])
        command(server, "stream", "shadow", "by-hand")
        assert command(server, "stream", "serve", "by-hand", "shadow")["serving"] == "shadow"
        learned = client.stats("by-hand").updates
        seen = writer.learn(x[500:600], values=y[500:600], shadow=True)
        np.testing.assert_array_equal(seen.outputs, seen.shadow_outputs)
        assert client.stats("by-hand").updates == learned + 100  # the learner goes on beside it
        assert command(server, "stream", "promote", "by-hand", "--force")["shadow_seq"] == 600
        assert command(server, "stream", "serve", "by-hand", "live")["serving"] == "live"
        command(server, "stream", "guard", "by-hand", "--units", "10")
        writer.learn(x[600:700], values=-9 * y[600:700])
        writer.learn(x[700:800], values=y[700:800])
        assert command(server, "stream", "serve", "by-hand")["guard_tripped"]
        done = subprocess.run([BIN / "millrace", "--server", server.grpc, "stream", "promote",
                               "by-hand"], capture_output=True, text=True)
        assert done.returncode == 1 and "--force" in done.stderr
        command(server, "stream", "unfreeze", "by-hand")
        assert command(server, "stream", "serve", "by-hand")["serving"] == "live"


def test_what_is_served_survives_a_crash(tmp_path):
    x, y = recording(poisoned=True)
    store = tmp_path / "store"
    with Server(store) as first:
        first.create_model("decoder", SPEC)
        played = Played(first, "poisoned", x, y)
        before = command(first, "stream", "show", "poisoned")["digest"]
        first.kill()
    with Server(store) as again:
        stats = command(again, "stats", "poisoned")
        assert (stats["serving"], stats["guard_tripped"]) == ("shadow", True)
        assert command(again, "stream", "show", "poisoned")["digest"] == before
        assert played.stats["applied_seq"] == stats["applied_seq"]
