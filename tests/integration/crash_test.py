"""Nothing is lost: kill -9 and restarts against one run without interruption, bit for bit."""

import random

import grpc
import numpy as np
import pytest
from millraced import Server, reason_of, vector_model
from millrace.v1 import learn_pb2

INPUTS, OUTPUTS, PARTS = 4, 2, 400
SEED = 20


def recording():
    """The stream's whole life: a list of (first step, steps, fields of Observe)."""
    choose = random.Random(SEED)
    life, seq = [], 1
    for _ in range(PARTS):
        steps = choose.choice([1, 1, 2, 7, 40])
        noise = np.random.default_rng(seq).standard_normal((steps, INPUTS + OUTPUTS))
        fields = {"floats": noise[:, :INPUTS].ravel().tolist()}
        if choose.random() < 0.05:
            fields = {"skip": steps}
        elif choose.random() < 0.8:
            fields["targets"] = learn_pb2.TargetBlock(values=noise[:, INPUTS:].ravel())
        if choose.random() < 0.1:
            fields["reset_before"] = [choose.randrange(steps)]
        life.append((seq, steps, fields))
        seq += steps
    return life


LIFE = recording()
LAST = LIFE[-1][0] + LIFE[-1][1] - 1


def part_of(attached, index):
    seq, _, fields = LIFE[index]
    return learn_pb2.LearnPart(part_id=index + 1, stream="a", epoch=attached.epoch,
                               writer_token=attached.attach.writer_token,
                               observe=learn_pb2.Observe(first_seq=seq, **fields))


def play(server, acknowledged, stop_after=None):
    """Sends all that is not applied; returns the last durable_seq seen. `stop_after` replies, the
    server is killed."""
    try:
        with server.learn() as call:
            attached = call.attach("a", last_durable_seq=acknowledged)
            assert not attached.HasField("status"), attached.status
            assert attached.applied_seq >= acknowledged
            todo = [i for i, (seq, steps, _) in enumerate(LIFE)
                    if seq + steps - 1 > attached.applied_seq]
            for index in todo:
                call.send(part_of(attached, index))
            applied = attached.applied_seq
            for count, index in enumerate(todo):
                if count == stop_after:
                    server.process.kill()
                reply = call.reply()
                while reply.part_id == 0:
                    acknowledged = max(acknowledged, reply.durable_seq)
                    reply = call.reply()
                assert not reply.HasField("status"), reply.status
                seq, steps, _ = LIFE[index]
                assert (reply.part_id, reply.applied_seq) == (index + 1, seq + steps - 1)
                assert reply.observe.skipped == max(0, applied + 1 - seq)  # no double
                applied = reply.applied_seq
                acknowledged = max(acknowledged, reply.durable_seq)
    except grpc.RpcError as error:
        assert stop_after is not None and error.code() == grpc.StatusCode.UNAVAILABLE, error
    return acknowledged


def state_of(server):
    stream = server.stream("a", with_digest=True)
    return stream.applied_seq, stream.digest, stream.learner_digest


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    states = {}
    for durability in ("DURABILITY_PROCESS", "DURABILITY_SYNC"):
        with Server(tmp_path_factory.mktemp("whole") / "store") as server:
            server.create_model("vector", vector_model(durability=durability))
            server.open_stream("a", "vector", seed=SEED)
            play(server, 0)
            states[durability] = state_of(server)
    return states


@pytest.mark.parametrize("durability, flags", [
    ("DURABILITY_PROCESS", []),
    ("DURABILITY_SYNC", []),
    # Snapshots all the time, so that crashes fall into them.
    ("DURABILITY_PROCESS", ["--snapshot_steps", "50"]),
])
def test_killed_at_random_instants_it_has_no_hole_and_no_double(store, uninterrupted, durability,
                                                               flags):
    choose = random.Random(durability + str(flags))
    with Server(store, *flags) as server:
        server.create_model("vector", vector_model(durability=durability))
        server.open_stream("a", "vector", seed=SEED)
        acknowledged = play(server, 0, stop_after=choose.randrange(60))
    for _ in range(4):
        with Server(store, *flags) as server:
            acknowledged = play(server, acknowledged, stop_after=choose.randrange(60))
    with Server(store, *flags) as server:
        play(server, acknowledged)
        assert state_of(server) == uninterrupted[durability]
        assert server.stream("a").applied_seq == LAST


def test_a_drain_exits_0_and_the_stream_goes_on_bit_for_bit(store, uninterrupted):
    acknowledged = 0
    for end in (30, 100):
        with Server(store) as server:
            if end == 30:
                server.create_model("vector", vector_model())
                server.open_stream("a", "vector", seed=SEED)
            with server.learn() as call:
                attached = call.attach("a")
                first = next(i for i, (seq, _, _) in enumerate(LIFE) if seq > attached.applied_seq)
                for index in range(first, end):
                    call.send(part_of(attached, index))
                    acknowledged = call.answer().durable_seq
                assert server.terminate() == 0
                with pytest.raises(grpc.RpcError) as ended:
                    while True:
                        call.reply()
                assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
    with Server(store) as server:
        assert server.stream("a").durable_seq == LIFE[99][0] + LIFE[99][1] - 1
        play(server, acknowledged)
        assert state_of(server) == uninterrupted["DURABILITY_PROCESS"]


def test_a_drain_answers_what_was_taken_and_names_its_reason(store):
    with Server(store) as server:
        server.create_model("vector", vector_model())
        server.open_stream("a", "vector", seed=SEED)
        with server.learn() as call:
            attached = call.attach("a")
            for index in range(PARTS):
                call.send(part_of(attached, index))
            answered = call.answer().applied_seq
            server.process.terminate()
            with pytest.raises(grpc.RpcError) as ended:
                while True:
                    reply = call.answer()
                    assert not reply.HasField("status"), reply.status
                    answered = reply.applied_seq
            assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
            assert reason_of(ended.value) == "DRAINING"
        assert server.process.wait(60) == 0
    with Server(store) as server:
        assert server.stream("a").applied_seq == answered  # nothing applied without an answer
