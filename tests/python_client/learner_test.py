"""millrace.Stream against millraced: what y means, and that it is the writer in other words."""

from __future__ import annotations

import re

import numpy as np
import pytest

import millrace
from server_fixture import needs_server, serving

pytestmark = needs_server

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(60, 3)).astype(np.float32)
Y = X[:, :2] - 0.5 * X[:, 1:]
LABELS = X.argmax(axis=1)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    for connected, _ in serving(tmp_path_factory.mktemp("server")):
        yield connected


@pytest.fixture
def opened(client, request):
    """Opens a stream of a model, named after the test."""
    def one(model: str, suffix: str = "") -> millrace.Stream:
        name = re.sub("[^A-Za-z0-9]+", "-", request.node.name)[:100] + suffix
        streams.append(client.open(name, model, seed=1))
        return streams[-1]

    streams: list[millrace.Stream] = []
    yield one
    for stream in streams:
        stream.close()


def digest(client: millrace.Client, stream: millrace.Stream) -> str:
    return client.stream(stream.id, with_digest=True).digest


def test_a_step_is_predicted_first_and_then_learned(client, opened):
    stream = opened("line")
    foreseen = stream.predict(X[0])
    assert stream.seq == 0
    stepped = stream.step(X[0], Y[0])
    np.testing.assert_array_equal(stepped.outputs, foreseen.outputs)
    assert stream.seq == stepped.seq == 1
    assert stepped.loss == pytest.approx(((stepped.outputs - Y[0]) ** 2).mean(), rel=1e-5)
    assert repr(stream) == f"Stream('{stream.id}', step 1)"


@pytest.mark.parametrize("model, y", [("line", Y), ("classes", LABELS),
                                      ("classes", LABELS.astype(np.float64)),
                                      ("one", Y[:, 0]), ("classes", np.eye(3)[LABELS])])
def test_steps_bulk_and_the_writer_end_with_the_same_bits(client, opened, model, y):
    single, bulk, raw = opened(model), opened(model, "-bulk"), opened(model, "-raw")
    for x, target in zip(X, y):
        single.step(x, target)
    bulk.play(X, y)
    if model == "classes":
        raw.writer.learn(X, **({"classes": y} if y.ndim == 1 else {"probabilities": y}))
    else:
        raw.writer.learn(X, values=y.reshape(len(y), -1))
    assert digest(client, single) == digest(client, bulk) == digest(client, raw)


@pytest.mark.parametrize("model, y", [("late", Y), ("classes_late", LABELS),
                                      ("one_late", Y[:, 0])])
def test_targets_that_come_later_end_as_those_that_come_with_their_step(client, opened, model, y):
    later, at_once = opened(model), opened(model, "-at-once")
    for x, target in zip(X, y):
        seen = later.observe(x)
        assert later.learn(target, seen.seq).taken == 1
    at_once.play(X, y)
    later.settle()
    at_once.settle()
    digests = {client.stream(s.id, with_digest=True).learner_digest for s in (later, at_once)}
    assert len(digests) == 1


def test_one_label_covers_a_trial_and_what_has_none_is_declared(client, opened):
    stream = opened("classes_late")
    trial = stream.play(X[:20])
    told = stream.learn(2, trial.first_seq, steps=20)
    assert told.taken == 20 and np.isfinite(told.loss)
    stream.play(X[20:30])
    stream.no_target()
    stream.settle()
    assert stream.writer.learned_seq == 30
    stats = stream.stats()
    assert (stats.target_steps, stats.untargeted_steps) == (20, 10)


def test_the_last_step_is_the_default_and_a_block_has_a_row_a_step(opened):
    stream = opened("late")
    stream.play(X[:5])
    assert stream.learn(Y[:4], 1).taken == 4
    assert stream.learn(Y[4]).taken == 1
    stream.settle()
    assert stream.writer.learned_seq == 5


def test_minus_one_and_nan_are_no_class(opened):
    stream = opened("classes")
    stream.play(X[:4], [0, -1, np.nan, 2])
    assert stream.stats().target_steps == 2
    stream.step(X[4], -1)
    stream.step(X[5], float("nan"))
    assert stream.stats().target_steps == 2


def test_bytes_predict_their_next_and_take_no_target(opened):
    stream = opened("bytes")
    stream.step(b"a")
    assert stream.play(b"bcd").outputs.shape == (3, 256)
    with pytest.raises(ValueError, match="takes no y"):
        stream.step(b"a", 1)
    with pytest.raises(ValueError, match="x has 2 bytes"):
        stream.step(b"ab")
    assert stream.seq == 4


def test_lost_samples_keep_the_clock_and_a_reset_is_in_band(opened):
    stream = opened("line")
    stream.step(X[0], Y[0])
    assert stream.skip(3).last_seq == 4
    stream.step(X[1], Y[1], reset=True, weight=0.0)
    stats = stream.stats()
    assert (stats.skipped_steps, stats.resets) == (3, 1)


@pytest.mark.parametrize("model, call, sentence", [
    ("line", lambda s: s.learn(Y[0], 1), "takes no targets after their step"),
    ("line", lambda s: s.step(X[0], 1.0), "y has 1 values; expected 2"),
    ("line", lambda s: s.play(X[:2], Y[0]), "y has 1 rows; expected 2"),
    ("line", lambda s: s.play(X[:2], np.zeros((1, 1, 1))), "y has 3 dimensions"),
    ("classes", lambda s: s.step(X[0], 0.5), "a whole number"),
    ("classes", lambda s: s.play(X[:2], np.zeros((1, 1, 1))), "y has 3 dimensions"),
])
def test_what_does_not_fit_is_refused_before_anything_is_sent(opened, model, call, sentence):
    stream = opened(model)
    with pytest.raises(ValueError, match=sentence):
        call(stream)
    assert stream.seq == 0


def test_a_stream_that_cannot_be_opened_says_why(client):
    with pytest.raises(millrace.Error) as missing:
        client.open("orphan", "no-such-model")
    assert missing.value.reason == "NO_MODEL"
