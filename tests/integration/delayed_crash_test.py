"""Targets that come late survive kill -9 like everything else: open steps, releases, scores."""

import random

import grpc
import numpy as np
from millraced import Server, reason_in, vector_model
from millrace.v1 import learn_pb2, stats_pb2, stream_pb2

INPUTS, OUTPUTS, TRIALS, SEED = 4, 2, 60, 8


def trials():
    """(first step, observations as lists of step counts, steps with a target) of each trial."""
    choose = random.Random(SEED)
    seq, life = 1, []
    for _ in range(TRIALS):
        bins = [choose.choice([1, 3, 10]) for _ in range(choose.randrange(1, 5))]
        life.append((seq, bins, choose.random() < 0.8))
        seq += sum(bins)
    return life


def events():
    """The stream's life in order: (last step observed by then, body of a part)."""
    for first, bins, labelled in trials():
        seq = first
        for steps in bins:
            floats = np.random.default_rng(seq).standard_normal(steps * INPUTS)
            seq += steps
            yield seq - 1, {"observe": learn_pb2.Observe(first_seq=seq - steps, floats=floats)}
        late = learn_pb2.LateTargets(no_target_through=seq - 1)
        if labelled:  # one target for every step of the trial
            values = np.random.default_rng(10_000 + first).standard_normal(OUTPUTS)
            late.blocks.add(first_seq=first, steps=sum(bins), values=values)
        yield seq - 1, {"late_targets": late}


LIFE = list(events())


def play(server, stop_after=None):
    """Sends everything that may not have been applied; kills the server after so many replies."""
    try:
        with server.learn() as call:
            attached = call.attach("a")
            # Observations up to applied_seq are in; a release at that very step may be or may not.
            todo = [body for last, body in LIFE
                    if last > attached.applied_seq or
                    (last == attached.applied_seq and "late_targets" in body)]
            for index, body in enumerate(todo):
                call.send(learn_pb2.LearnPart(
                    part_id=index + 1, stream="a", epoch=attached.epoch,
                    writer_token=attached.attach.writer_token, **body))
            for index in range(len(todo)):
                if index == stop_after:
                    server.process.kill()
                reply = call.answer()
                if index == 0 and reason_in(reply.status) == "TARGET_HELD":
                    continue
                assert not reply.HasField("status"), reply.status
    except grpc.RpcError as error:
        assert stop_after is not None and error.code() == grpc.StatusCode.UNAVAILABLE, error


def state_of(server):
    stream = server.stream("a", with_digest=True)
    stats = server.streams.GetStats(stats_pb2.GetStatsRequest(stream="a"))
    return stream.applied_seq, stream.learned_seq, stream.learner_digest, stats.scored_units, \
        stats.updates, stats.untargeted_steps, stats.live_loss, stream.digest


def test_late_targets_are_learned_once_whatever_crashes(tmp_path):
    def open_stream(server):
        server.create_model("delayed", vector_model(target="delayed"))
        server.open_stream("a", "delayed", seed=SEED)

    with Server(tmp_path / "whole") as server:
        open_stream(server)
        play(server)
        whole = state_of(server)
    choose = random.Random(SEED)
    store = tmp_path / "store"
    with Server(store) as server:
        open_stream(server)
        play(server, stop_after=choose.randrange(40))
    for _ in range(5):
        with Server(store) as server:
            play(server, stop_after=choose.randrange(40))
    with Server(store) as server:
        play(server)
        assert state_of(server) == whole
        settled = server.streams.SettleStream(stream_pb2.SettleStreamRequest(id="a"))
        assert settled.applied_seq == settled.learned_seq == LIFE[-1][0]
