"""The client against millraced: every method of it once, and what the server refuses."""

from __future__ import annotations

import math
import os
import pathlib
import sys

import numpy as np
import pytest

import millrace

SOURCE = pathlib.Path(os.environ["MILLRACE_SOURCE"])
PROGRAMS = pathlib.Path(os.environ["MILLRACE_BIN"])
sys.path.insert(0, str(SOURCE / "deploy" / "demo"))

from server import Server  # noqa: E402  of deploy/demo

pytestmark = pytest.mark.skipif(not (PROGRAMS / "millraced").exists(),
                                reason=f"millraced is not built in {PROGRAMS}")

REGRESSION = """
input { name: "vector" settings { name: "size" integer: 3 } }
cell { name: "vanilla" settings { name: "units" integer: 16 } }
head { name: "linear" settings { name: "outputs" integer: 2 } }
loss { name: "mean_squared_error" }
optimizer { name: "rmsprop" settings { name: "rate" number: 0.01 } }
"""
RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(300, 3))
Y = X[:, :2] - 0.5 * X[:, 1:]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    server = Server(PROGRAMS, tmp_path_factory.mktemp("server"))
    server.start()
    with millrace.connect(server.address, timeout_s=10.0) as connected:
        connected.create_model("line", REGRESSION)
        connected.create_model("late", REGRESSION + 'target { name: "delayed" }')
        connected.create_model("bytes", """
            input { name: "bytes" } cell { name: "vanilla" settings { name: "units" integer: 8 } }
            head { name: "linear" } loss { name: "cross_entropy" }
            target { name: "next_input" }""")
        yield connected
    assert server.stop() == 0


@pytest.fixture
def id(client, request):
    """A new stream of the model "line"."""
    name = request.node.name[:100]
    client.open_stream(name, "line", seed=1)
    return name


def test_the_example_of_the_readme_runs(client, capsys, monkeypatch):
    text = (SOURCE / "client" / "python" / "README.md").read_text(encoding="utf-8")
    example = text.split("```python")[1].split("```")[0]
    assert "127.0.0.1:7070" in example
    monkeypatch.chdir(SOURCE)
    exec(example.replace("127.0.0.1:7070", client.address), {})
    assert math.isfinite(float(capsys.readouterr().out))
    client.delete_stream("subject-1")
    client.delete_model("bci")


def test_models_are_created_shown_listed_and_deleted(client):
    made = client.create_model("short", REGRESSION)
    assert made.parameter_count == 16 * 16 + 3 * 16 + 16 + 2 * 16 + 2
    names = {setting.name for setting in made.spec.optimizer.settings}
    assert {"rate", "beta2", "epsilon"} <= names
    assert client.model("short").spec_digest == made.spec_digest
    assert [m.name for m in client.models()] == ["bytes", "late", "line", "short"]
    client.delete_model("short")
    with pytest.raises(millrace.Error) as gone:
        client.model("short")
    assert (gone.value.code, gone.value.reason) == ("NOT_FOUND", "NO_MODEL")


def test_the_parts_of_a_specification_are_told(client):
    assert {"immediate", "rflo", "snap1", "frozen"} <= {p.name for p in client.parts("rule")}
    assert {"input", "cell", "optimizer", "guard"} <= {p.kind for p in client.parts()}


def test_learning_lowers_the_loss_and_stats_and_peeks_tell(client, id):
    with client.attach(id) as stream:
        result = stream.learn(X, values=Y, residual_sd=True, novelty=True)
        assert result.outputs.shape == (300, 2) and result.residual_sd.shape == (300, 2)
        assert result.loss.shape == (300,) and result.novelty.shape == (300,)
        assert result.loss[-50:].mean() < 0.5 * result.loss[:50].mean()
        peeked = client.peek(id, X[0])
        assert peeked.seq == 301 and client.stream(id).applied_seq == 300
        stepped = stream.step(X[0], values=Y[0])
        np.testing.assert_array_equal(stepped.outputs, peeked.outputs)
        assert stepped.loss == pytest.approx(((stepped.outputs - Y[0]) ** 2).mean(), rel=1e-5)
    stats = client.stats(id)
    assert stats.target_steps == stats.scored_units == stats.updates == 301
    assert not stats.HasField("recovery") and stats.HasField("live_loss")


def test_diagnostics_are_told_on_request_and_change_nothing_that_is_learned(client, id):
    client.open_stream(id + "-watched", "line", seed=1)
    client.set(id + "-watched", {"monitor.diagnostics_every": 10})
    for name in (id, id + "-watched"):
        with client.attach(name) as stream:
            stream.learn(X, values=Y)
    assert not client.stats(id).HasField("diagnostics")
    stats = client.stats(id + "-watched")
    diagnostics = stats.diagnostics
    assert diagnostics.samples == 30 and diagnostics.seq == 300
    assert len(diagnostics.gradient_norm) == len(stats.groups)
    assert diagnostics.gradient_ratio > 0 and diagnostics.sensitivity_norm > 0
    assert abs(diagnostics.self_propagation) <= diagnostics.absolute_self_propagation
    assert not diagnostics.HasField("exact_cosine") and len(stats.advice) == 0
    digests = {client.stream(name, with_digest=True).learner_digest
               for name in (id, id + "-watched")}
    assert len(digests) == 1
    client.set(id + "-watched", {"monitor.diagnostics_every": 0})
    assert not client.stats(id + "-watched").HasField("diagnostics")


def test_the_exact_cosine_is_told_and_refused_where_it_has_no_meaning(client):
    exact = 'monitor { name: "standard" settings { name: "exact_cosine" flag: true }' \
            ' settings { name: "diagnostics_every" integer: 10 } }'
    with pytest.raises(millrace.Error, match="which has no gradient to compare"):
        client.create_model("never", REGRESSION + exact + 'rule { name: "frozen" }')
    client.create_model("compared", REGRESSION + exact)
    client.open_stream("compared", "compared", seed=1)
    with client.attach("compared") as stream:
        stream.learn(X, values=Y)
    diagnostics = client.stats("compared").diagnostics
    assert 0 < diagnostics.exact_cosine < 1 and diagnostics.exact_norm_ratio > 0
    client.delete_stream("compared")
    client.delete_model("compared")


def test_steps_one_by_one_and_in_bulk_end_with_the_same_bits(client):
    for name in ("single", "bulk"):
        client.open_stream(name, "line", seed=9)
    with client.attach("single") as stream:
        rows = [stream.step(x, values=y).outputs for x, y in zip(X, Y)]
    with client.attach("bulk") as stream:
        result = stream.learn(X, values=Y, steps_per_message=17)
    np.testing.assert_array_equal(result.outputs, rows)
    digests = {client.stream(name, with_digest=True).digest for name in ("single", "bulk")}
    assert len(digests) == 1 and len(digests.pop()) == 64


def test_targets_that_come_later_end_with_the_same_learner_as_targets_on_time(client):
    for name in ("on-time", "later"):
        client.open_stream(name, "late", seed=4)
    with client.attach("on-time") as stream:
        stream.learn(X, values=Y)
        stream.settle()
    with client.attach("later") as stream:
        stream.learn(X)
        released = stream.late_targets(1, values=Y, no_target_through=300)
        assert released.taken == 300 and math.isfinite(released.loss)
        assert len(client.attach("later").held_targets) > 0
    client.settle("later")
    digests = {client.stream(name, with_digest=True).learner_digest
               for name in ("on-time", "later")}
    assert len(digests) == 1


def test_bytes_are_learned_from_the_next_byte(client):
    client.open_stream("text", "bytes")
    with client.attach("text") as stream:
        result = stream.learn(b"abcabcabc" * 40)
        assert result.probabilities.shape == (360, 256)
        np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, rtol=1e-5)
        assert np.isnan(result.loss[0]) and np.isfinite(result.loss[1:]).all()


def test_a_shadow_predicts_beside_the_stream(client, id):
    with client.attach(id) as stream:
        stream.learn(X, values=Y)
        client.take_shadow(id)
        result = stream.learn(X, values=Y, shadow=True)
        assert result.shadow_outputs.shape == (300, 2) and np.isfinite(result.shadow_loss).all()
    stats = client.stats(id)
    assert stats.shadow_seq == 300
    # Exponential averages over the units since the shadow was taken, half-life 100.
    weights = 0.5 ** (np.arange(300)[::-1] / 100)
    assert stats.gain == pytest.approx(
        np.average(result.shadow_loss - result.loss, weights=weights), rel=1e-4)


def test_freeze_set_reset_skip_and_fork_do_what_they_say(client, id):
    with client.attach(id) as stream:
        stream.learn(X, values=Y)
        assert client.freeze(id).frozen
        before = client.stats(id).updates
        stream.learn(X, values=Y)
        assert client.stats(id).updates == before
        assert not client.unfreeze(id).frozen
        changed = client.set(id, {"optimizer.rate": 1e-4})
        assert [s.number for s in changed.overrides if s.name == "optimizer.rate"] == [1e-4]
        stream.reset()
        assert stream.skip(5).steps == 5
        client.reset(id)
        stream.step(X[0], reset=True)
        stream.step(X[0], reset=True)
        stats = client.stats(id)
        assert (stats.skipped_steps, stats.resets) == (5, 3)  # two resets fell on one step
        fork = client.fork(id, f"{id}-fork")
        assert fork.applied_seq == 607
        same = {client.stream(name, with_digest=True).learner_digest
                for name in (id, f"{id}-fork")}
        assert len(same) == 1


def test_rollback_rewinds_and_fences_the_writer(client, id):
    with client.attach(id) as stream:
        stream.learn(X[:100], values=Y[:100])
        kept = client.stream(id, with_digest=True).digest
        taken = client.snapshot(id)
        assert taken.applied_seq == 100
        assert taken.event in [snapshot.event for snapshot in client.snapshots(id)]
        stream.learn(X[100:], values=Y[100:])
        rolled = client.rollback(id)
        assert rolled.applied_seq == 100 and rolled.epoch == stream.epoch + 1
        assert client.stream(id, with_digest=True).digest == kept
        with pytest.raises(millrace.Error) as stale:
            stream.step(X[0])
        assert stale.value.reason in ("STALE_EPOCH", "FENCED")
    with client.attach(id) as stream:
        assert (stream.next_seq, stream.epoch) == (101, rolled.epoch)


def test_a_newer_writer_fences_the_older(client, id):
    with client.attach(id) as old, client.attach(id) as new:
        with pytest.raises(millrace.Error) as fenced:
            old.step(X[0])
        assert (fenced.value.code, fenced.value.reason) == ("FAILED_PRECONDITION", "FENCED")
        assert new.step(X[0]).seq == 1


def test_streams_are_listed_closed_opened_again_and_deleted(client, id):
    assert id in [stream.id for stream in client.streams("line")]
    assert client.close_stream(id).closed
    with pytest.raises(millrace.Error) as closed:
        client.attach(id)
    assert closed.value.reason == "STREAM_CLOSED"
    assert not client.open_stream(id).closed
    client.delete_stream(id)
    with pytest.raises(millrace.Error) as gone:
        client.stream(id)
    assert gone.value.reason == "NO_STREAM"


def test_watching_goes_on_until_it_is_closed(client, id):
    watch = client.watch([id], period_ms=100)
    assert [stats.stream for stats in next(watch)] == [id]
    assert next(watch)[0].applied_seq == 0
    watch.close()


def at(index, value):
    bad = X[:2].copy()
    bad[1, index] = value
    return bad


@pytest.mark.parametrize("fault, code, reason", [
    (lambda s: s.learn(X[:2, :2]), "INVALID_ARGUMENT", "BAD_SHAPE"),
    (lambda s: s.learn(at(0, np.inf)), "INVALID_ARGUMENT", "NOT_FINITE"),
    (lambda s: s.learn(at(2, np.nan)), "INVALID_ARGUMENT", "NOT_FINITE"),
    (lambda s: s.learn(X[:2], values=[[1, 2], [3, np.inf]]), "INVALID_ARGUMENT", "NOT_FINITE"),
    (lambda s: s.learn(X[:2], classes=[0, 1]), "INVALID_ARGUMENT", "BAD_TARGET"),
    (lambda s: s.learn(X[:2], values=Y[:2], weights=[1, -1]), "INVALID_ARGUMENT", "BAD_TARGET"),
    (lambda s: s.learn(b"ab"), "INVALID_ARGUMENT", "BAD_SHAPE"),
])
def test_a_faulty_part_is_refused_whole_and_changes_nothing(client, fault, code, reason):
    client.open_stream("faulty", "line", seed=2)
    before = client.stream("faulty", with_digest=True)
    with client.attach("faulty") as stream:
        with pytest.raises(millrace.Error) as refused:
            fault(stream)
        assert (refused.value.code, refused.value.reason) == (code, reason)
        assert "expect" in refused.value.sentence
        assert stream.next_seq == before.applied_seq + 1
    after = client.stream("faulty", with_digest=True)
    assert (after.digest, after.event) == (before.digest, before.event)


@pytest.mark.parametrize("fault, code, reason", [
    (lambda c: c.create_model("no spaces", REGRESSION), "INVALID_ARGUMENT", "BAD_NAME"),
    (lambda c: c.create_model("line", REGRESSION), "ALREADY_EXISTS", "EXISTS"),
    (lambda c: c.create_model("x", REGRESSION.replace("vanilla", "lstm-of-yore")),
     "INVALID_ARGUMENT", "BAD_SPEC"),
    (lambda c: c.create_model("x", REGRESSION + "weight_sharing: WEIGHT_SHARING_SHARED"),
     "UNIMPLEMENTED", "NOT_CARRIED_OUT"),
    (lambda c: c.open_stream("y", "nobody"), "NOT_FOUND", "NO_MODEL"),
    (lambda c: c.open_stream("y", "line", overrides={"cell.units": 3}), "INVALID_ARGUMENT",
     "BAD_SPEC"),
    (lambda c: c.peek("nobody"), "NOT_FOUND", "NO_STREAM"),
    (lambda c: c.rollback("nobody"), "NOT_FOUND", "NO_STREAM"),
])
def test_a_refused_call_says_why(client, fault, code, reason):
    with pytest.raises(millrace.Error) as refused:
        fault(client)
    assert (refused.value.code, refused.value.reason) == (code, reason)


def test_a_model_with_streams_is_not_deleted(client, id):
    with pytest.raises(millrace.Error) as refused:
        client.delete_model("line")
    assert (refused.value.code, refused.value.reason) == ("FAILED_PRECONDITION", "HAS_STREAMS")
