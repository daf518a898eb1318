"""Steps, targets, numbers and results on a connection that holds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_server import FakeStream, status
from google.rpc import code_pb2

import millrace


def test_a_step_gives_its_number_and_outputs(client):
    with client.attach("a") as stream:
        assert stream.step([1, 2]).seq == 1
        second = stream.step(np.array([3, 4], np.uint8))
        assert second.seq == 2
        np.testing.assert_array_equal(second.outputs, [7, -7])
        assert second.outputs.dtype == np.float32
        assert second.label == 0 and not second.lost and math.isnan(second.loss)
        assert (stream.applied_seq, stream.next_seq, stream.durable_seq) == (2, 3, 2)


def test_bulk_rows_come_in_order_whatever_the_messages(fake, client):
    x = np.arange(600, dtype=np.float64).reshape(300, 2)
    for steps_per_message in (1, 7, 64, 1000):
        fake.streams["a"] = FakeStream()
        with client.attach("a") as stream:
            result = stream.learn(x, steps_per_message=steps_per_message)
        assert len(result) == 300 and result.last_seq == 300 and result.lost_steps == 0
        np.testing.assert_array_equal(result.outputs[:, 0], x.sum(axis=1))
        assert fake.streams["a"].rows == x.sum(axis=1).tolist()


def test_bytes_are_one_step_each(fake, client):
    with client.attach("a") as stream:
        np.testing.assert_array_equal(stream.learn(b"abc").outputs[:, 0], [97, 98, 99])
        np.testing.assert_array_equal(stream.learn(np.frombuffer(b"de", np.uint8)).outputs[:, 0],
                                      [100, 101])
        assert stream.step(b"f").seq == 6


def test_targets_are_cut_with_their_steps(fake, client):
    with client.attach("a") as stream:
        stream.learn(np.zeros((10, 2)), classes=np.arange(10), steps_per_message=3)
        assert fake.streams["a"].targets == {t + 1: t for t in range(10)}
        stream.learn(np.zeros((4, 2)), classes=[5], steps_per_message=3)
        assert [fake.streams["a"].targets[t] for t in range(11, 15)] == [5, 5, 5, 5]


def test_nothing_wanted_gives_no_outputs(client):
    with client.attach("a") as stream:
        result = stream.learn(np.zeros((5, 2)), outputs=False)
        assert result.outputs.shape == (0,) and result.steps == 5 and result.lost_steps == 0
        assert "steps 1 to 5" in repr(result)


def test_late_targets_settle_and_reset_arrive_as_events(fake, client):
    with client.attach("a") as stream:
        stream.learn(np.zeros((4, 2)))
        released = stream.late_targets(2, classes=[3], steps=2, no_target_through=4)
        assert (released.taken, released.loss) == (2, 0.5) and math.isnan(released.shadow_loss)
        assert fake.streams["a"].targets == {2: 3, 3: 3}
        assert stream.learned_seq == 4
        stream.no_target_through(4)
        stream.settle()
        stream.reset()
        assert stream.skip(3).last_seq == 7
    assert fake.streams["a"].events == ["late_targets", "late_targets", "settle", "reset"]


def test_a_refused_step_changes_nothing_and_the_next_takes_its_number(client):
    with client.attach("a") as stream:
        stream.step([1, 2])
        with pytest.raises(millrace.Error) as refused:
            stream.step([1, 2, 3])
        assert (refused.value.code, refused.value.reason) == ("INVALID_ARGUMENT", "BAD_SHAPE")
        assert "expected 2" in refused.value.sentence and "BAD_SHAPE" in str(refused.value)
        assert stream.next_seq == 2
        assert stream.step([3, 4]).seq == 2


def test_what_follows_a_refused_message_is_never_taken_for_it(fake, client):
    x = np.arange(2000, dtype=np.float32).reshape(1000, 2)
    with client.attach("a") as stream:
        fake.streams["a"].window_steps = 8
        stream.learn(x[:100])
    with client.attach("a") as stream:
        fake.refuse_once = [status(code_pb2.INVALID_ARGUMENT, "NOT_FINITE", "x is infinite")]
        with pytest.raises(millrace.Error, match="NOT_FINITE"):
            stream.learn(x[100:], steps_per_message=1)
        assert stream.next_seq == 101
        stream.learn(x[100:], steps_per_message=1)
    assert fake.streams["a"].rows == x.sum(axis=1).tolist()


def test_a_target_that_is_held_is_an_error_when_it_was_not_sent_again(client):
    with client.attach("a") as stream:
        stream.step([1, 2])
        stream.late_targets(1, classes=[0])
        with pytest.raises(millrace.Error) as held:
            stream.late_targets(1, classes=[0])
        assert held.value.reason == "TARGET_HELD"


@pytest.mark.parametrize("call, sentence", [
    (lambda s: s.learn([1.0, 2.0]), "x has 1 dimensions; expected 2"),
    (lambda s: s.learn(np.zeros((3, 2)), classes=[1, 2]), "classes has 2 rows; expected 3"),
    (lambda s: s.learn(np.zeros((3, 2)), classes=[.5, 1, 2]), "no whole numbers"),
    (lambda s: s.learn(np.zeros((1, 2)), classes=[1], values=[1]), "values and classes"),
    (lambda s: s.learn(np.zeros((1, 2)), weights=[1]), "weights without targets"),
    (lambda s: s.late_targets(1), "got no targets"),
    (lambda s: s.skip(0), "steps is 0"),
    (lambda s: s.learn(np.zeros((1, 2)), steps_per_message=0), "steps_per_message is 0"),
])
def test_arrays_that_do_not_fit_are_refused_before_anything_is_sent(fake, client, call, sentence):
    with client.attach("a") as stream:
        with pytest.raises(ValueError, match=sentence):
            call(stream)
        assert stream.next_seq == 1 and fake.streams["a"].rows == []


def test_a_stream_that_does_not_exist_cannot_be_attached(client):
    with pytest.raises(millrace.Error) as missing:
        client.attach("nobody")
    assert (missing.value.code, missing.value.reason) == ("NOT_FOUND", "NO_STREAM")


def test_a_writer_shows_where_it_stands(client):
    with client.attach("a") as stream:
        stream.step([1, 2])
        assert repr(stream) == "StreamWriter('a', epoch 1, applied 1, learned 0, durable 1)"
