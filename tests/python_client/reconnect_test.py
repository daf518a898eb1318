"""Broken calls, full windows, fencing: nothing twice, nothing left out."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from fake_server import Break, status
from google.rpc import code_pb2

import millrace

X = np.arange(400, dtype=np.float32).reshape(200, 2)


def test_a_broken_call_is_taken_up_without_a_double_and_lost_rows_are_nan(fake, client):
    # Of 20 messages of 10 steps, 6 are applied and 4 answered before the call breaks.
    fake.breaks = [Break(applied=6, answered=4)]
    with client.attach("a") as stream:
        result = stream.learn(X, steps_per_message=10)
    assert fake.streams["a"].rows == X.sum(axis=1).tolist()
    assert fake.calls == 2
    assert result.lost_steps == 20
    lost = np.isnan(result.outputs[:, 0])
    assert np.flatnonzero(lost).tolist() == list(range(40, 60))
    np.testing.assert_array_equal(result.outputs[~lost, 0], X.sum(axis=1)[~lost])


def test_many_breaks_one_after_the_other_are_survived(fake, client):
    fake.breaks = [Break(3, 1), Break(1, 0), Break(2, 2), Break(5, 0), None]
    with client.attach("a") as stream:
        stream.learn(X, steps_per_message=7)
        stream.learn(X, steps_per_message=64)
    assert fake.streams["a"].rows == 2 * X.sum(axis=1).tolist()


def test_one_step_whose_reply_is_lost_says_so(fake, client):
    fake.breaks = [Break(applied=1, answered=0)]
    with client.attach("a") as stream:
        prediction = stream.step([1, 2])
        assert prediction.lost and prediction.outputs.size == 0 and prediction.label == -1
        assert stream.step([3, 4]).seq == 2
    assert fake.streams["a"].rows == [3, 7]


def test_targets_held_when_they_are_sent_again_are_a_success(fake, client):
    fake.breaks = [Break(applied=2, answered=1)]
    with client.attach("a") as stream:
        stream.learn(X[:5])
        released = stream.late_targets(1, classes=[1, 2, 3])
        assert released.taken == 0 and np.isnan(released.loss)
        assert stream.held_targets == [1, 2, 3]
    assert fake.streams["a"].targets == {1: 1, 2: 2, 3: 3}


def test_what_was_answered_but_not_durable_is_sent_again_where_it_was_lost(fake, client):
    fake.streams["a"].durable_seq = 0
    fake.breaks = [Break(applied=4, answered=3)]
    original = fake._part

    def recover_at_ten(part):
        if part.HasField("attach") and fake.calls == 2:
            del fake.streams["a"].rows[10:]
        return original(part)

    fake._part = recover_at_ten
    with client.attach("a") as stream:
        stream.learn(X, steps_per_message=10)
    assert fake.streams["a"].rows == X.sum(axis=1).tolist()


def test_a_stream_recovered_below_what_is_still_held_is_an_error(fake, client):
    fake.breaks = [Break(applied=4, answered=3)]
    original = fake._part

    def forget(part):
        if part.HasField("attach") and fake.calls == 2:
            del fake.streams["a"].rows[10:]
        return original(part)

    fake._part = forget
    with client.attach("a") as stream:
        with pytest.raises(millrace.Error) as lost:
            stream.learn(X, steps_per_message=10)
        assert (lost.value.code, lost.value.reason) == ("DATA_LOSS", "CANNOT_RESEND")
        assert lost.value.metadata == {"applied_seq": "10"}


def test_a_fenced_writer_is_not_taken_up_again(fake, client):
    with client.attach("a") as old:
        old.step([1, 2])
        with client.attach("a") as new:
            for _ in range(2):
                with pytest.raises(millrace.Error) as fenced:
                    old.step([3, 4])
                assert fenced.value.reason == "FENCED"
            assert fake.parts == 2  # the second time nothing was sent
            assert new.step([5, 6]).seq == 2
    assert fake.calls == 2
    assert fake.streams["a"].rows == [3, 11]


def test_a_writer_whose_place_was_taken_while_its_call_was_down_gives_up(fake, client):
    fake.breaks = [Break(applied=1, answered=1)]
    original = fake._part

    def overtaken(part):
        if part.HasField("attach") and fake.calls == 2:
            fake.streams["a"].rows.extend([0.0, 0.0])
        return original(part)

    fake._part = overtaken
    with client.attach("a") as stream:
        stream.step([1, 2])
        with pytest.raises(millrace.Error) as fenced:
            for _ in range(100):
                stream.step([3, 4])
        assert fenced.value.reason == "FENCED"


def test_no_more_steps_are_under_way_than_the_window_allows(fake, client):
    fake.streams["a"].window_steps = 40
    fake.hold.clear()
    with client.attach("a") as stream:
        thread = threading.Thread(target=stream.learn, args=(X,), kwargs={"steps_per_message": 10})
        thread.start()
        with stream._session._changed:
            # The fake answers nothing: the window fills and stays full.
            full = stream._session._changed.wait_for(
                lambda: not stream._place.fits(10, 0) or not thread.is_alive(), timeout=10)
            assert full and stream.next_seq == 41
        fake.hold.set()
        thread.join()
    assert fake.streams["a"].rows == X.sum(axis=1).tolist()


def test_what_the_server_has_no_room_for_is_sent_again_in_order(fake, client):
    no_room = status(code_pb2.RESOURCE_EXHAUSTED, "WINDOW", "beyond the window")
    with client.attach("a") as stream:
        stream.learn(X[:50])
        fake.refuse_once = [no_room, no_room]
        stream.learn(X[50:], steps_per_message=5)
    assert fake.streams["a"].rows == X.sum(axis=1).tolist()


def test_a_draining_server_is_waited_for(fake, client):
    with client.attach("a") as stream:
        fake.refuse_once = [status(code_pb2.UNAVAILABLE, "DRAINING", "the server drains")]
        result = stream.learn(X, steps_per_message=50)
    assert fake.calls == 2 and result.lost_steps == 0
    assert fake.streams["a"].rows == X.sum(axis=1).tolist()


def test_a_server_that_goes_silent_is_given_up_after_the_deadline(fake):
    fake.breaks = [Break(applied=1, answered=0, hang=True)]
    with millrace.connect(fake.address, timeout_s=0.5) as client, client.attach("a") as stream:
        with pytest.raises(millrace.Error) as silent:
            stream.step([1, 2])
        assert (silent.value.code, silent.value.reason) == ("DEADLINE_EXCEEDED", "IN_DOUBT")


def test_a_server_that_is_gone_for_good_is_an_error(fake):
    with millrace.connect(fake.address, timeout_s=1.0) as client, client.attach("a") as stream:
        stream.step([1, 2])
        fake.stop()
        with pytest.raises(millrace.Error) as gone:
            stream.step([3, 4])
        assert gone.value.code == "UNAVAILABLE"


def test_the_durable_number_is_waited_for_and_handed_on(fake, client):
    with client.attach("a") as stream:
        stream.step([1, 2])
        stream.wait_durable()
        durable = stream.durable_seq
    with client.attach("a", last_durable_seq=durable):
        assert fake.streams["a"].attach_seen == [0, 1]


def test_leaving_the_context_ends_the_call_and_the_reading_thread(fake, client):
    with client.attach("a") as stream:
        stream.step([1, 2])
    assert not stream._session._reader.is_alive()
    with pytest.raises(millrace.Error, match="closed"):
        stream.step([3, 4])


def test_closing_the_client_ends_its_streams(fake):
    client = millrace.connect(fake.address, timeout_s=5.0)
    stream = client.attach("a")
    client.close()
    with pytest.raises(millrace.Error, match="CLIENT_CLOSED"):
        stream.step([1, 2])
    with pytest.raises(millrace.Error, match="CLIENT_CLOSED"):
        client.stats("a")
    stream.close()
