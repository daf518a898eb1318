"""kill -9 and SIGTERM in the middle of learning, as a client of Python sees them."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from conftest import PROGRAMS, SOURCE, Server
from google.protobuf import text_format

import millrace
from millrace.v1 import model_pb2

SEED = 5
SPECIFICATION = SOURCE / "deploy" / "models" / "bmi_wheelchair.textproto"


@pytest.fixture
def own_server(tmp_path):
    """A server for one test: it is killed."""
    running = Server(PROGRAMS, tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def bins(played):
    """The first day in one piece: counts [T, 21], labels [T]."""
    day = played[:11]
    return (np.concatenate([session.counts for session in day]),
            np.concatenate([session.labels for session in day]))


def open_twins(client, target, *ids):
    """Streams of the demo's model, its targets coming as `target` says."""
    specification = text_format.Parse(SPECIFICATION.read_text(encoding="utf-8"),
                                      model_pb2.ModelSpec())
    if target != specification.target.name:
        specification.target.Clear()
        specification.target.name = target
    client.create_model("bmi", specification)
    for id in ids:
        client.open_stream(id, "bmi", seed=SEED)


def assert_same_bits(client, one, other, steps):
    first, second = (client.stream(id, with_digest=True) for id in (one, other))
    assert first.applied_seq == second.applied_seq == steps
    assert first.learner_digest == second.learner_digest
    assert first.digest == second.digest
    stats = [client.stats(id) for id in (one, other)]
    for counter in ("target_steps", "scored_units", "updates", "live_loss", "mean_loss"):
        assert getattr(stats[0], counter) == getattr(stats[1], counter), counter


def test_a_kill_in_the_middle_of_a_bulk_leaves_no_hole_and_no_double(own_server, bins):
    counts, labels = bins
    with millrace.connect(own_server.address) as client:
        open_twins(client, "with_observation", "survivor", "twin")
        answered = {}
        with client.attach("survivor") as stream:
            learning = threading.Thread(target=lambda: answered.update(
                result=stream.learn(counts, classes=labels)))
            learning.start()
            for _ in range(2):
                start = stream.applied_seq
                while stream.applied_seq < start + len(counts) // 4 and learning.is_alive():
                    learning.join(timeout=0.001)
                own_server.kill()
                assert stream.applied_seq < len(counts), "it was over before it was killed"
                own_server.start()
            learning.join()
            survived = answered["result"]
            assert stream.applied_seq == stream.durable_seq == len(counts)
        with client.attach("twin") as stream:
            expected = stream.learn(counts, classes=labels)
        assert_same_bits(client, "survivor", "twin", len(counts))
        # Every prediction that arrived is the one the twin got; the rest is marked as lost.
        lost = np.isnan(survived.outputs).any(axis=1)
        assert lost.sum() == survived.lost_steps < 2 * 4096
        np.testing.assert_array_equal(survived.outputs[~lost], expected.outputs[~lost])


def test_a_restart_by_sigterm_goes_on_with_the_same_bits(own_server, bins):
    counts, labels = (part[:7000] for part in bins)
    half = 4000
    with millrace.connect(own_server.address) as client:
        open_twins(client, "delayed", "restarted", "twin")

        def first_half(stream):
            # Steps 3501 to 4000 stay open, a target held among them: that is state too.
            stream.learn(counts[:half])
            stream.late_targets(1, classes=labels[:3000], no_target_through=3500)
            stream.late_targets(3700, classes=[2])

        def second_half(stream):
            stream.learn(counts[half:])
            stream.late_targets(3701, classes=labels[3700:], no_target_through=len(counts))
            stream.settle()

        with client.attach("restarted") as stream:
            first_half(stream)
        before = client.stream("restarted", with_digest=True)
        assert own_server.stop() == 0
        own_server.start()
        after = client.stream("restarted", with_digest=True)
        assert (after.digest, after.learner_digest) == (before.digest, before.learner_digest)
        assert after.applied_seq == half and after.learned_seq == before.learned_seq
        with client.attach("restarted") as stream:
            assert stream.held_targets[-1] == 3700
            second_half(stream)
        with client.attach("twin") as stream:
            first_half(stream)
            second_half(stream)
        assert_same_bits(client, "restarted", "twin", len(counts))
        assert not client.stats("restarted").resumed_inexactly
