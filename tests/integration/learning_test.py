"""The data plane over the real runtime: refusals, fences, flow control, statistics, metrics."""

import math
import re
import threading

import grpc
import numpy as np
import pytest
from millraced import TIMEOUT_S, Server, reason_in, reason_of, vector_model
from millrace.v1 import learn_pb2, model_pb2, stats_pb2, stream_pb2

INPUTS, OUTPUTS = 4, 2
CODES = {code.value[0]: code.name for code in grpc.StatusCode}


def observe(attached, seq, steps=1, **fields):
    """A part with `steps` steps of this stream, each with its target, made from `seq` alone."""
    noise = np.random.default_rng(seq).standard_normal((steps, INPUTS + OUTPUTS))
    body = {"floats": noise[:, :INPUTS].ravel(),
            "targets": learn_pb2.TargetBlock(values=noise[:, INPUTS:].ravel())}
    body.update(fields)
    return learn_pb2.LearnPart(
        part_id=seq, stream=attached.stream, epoch=attached.epoch,
        writer_token=attached.attach.writer_token,
        observe=learn_pb2.Observe(first_seq=seq, **body))


def edited(part, **fields):
    copy = learn_pb2.LearnPart()
    copy.CopyFrom(part)
    for name, value in fields.items():
        setattr(copy, name, value)
    return copy


def test_steps_are_applied_numbered_and_answered(server):
    server.open_stream("a", "vector")
    with server.learn() as call:
        attached = call.attach("a")
        assert attached.attach.window_steps > 0
        call.send(observe(attached, 1, 3), observe(attached, 4))
        first, second = call.answer(), call.answer()
        assert (first.applied_seq, second.applied_seq) == (3, 4)
        assert len(first.observe.outputs) == 3 * OUTPUTS
        assert len(first.observe.loss) == 3
        assert first.durable_seq <= 4
        # Sent again: what was applied is skipped, the rest is not.
        call.send(observe(attached, 3, 3))
        again = call.answer()
        assert (again.observe.skipped, again.observe.first_seq, again.applied_seq) == (2, 5, 5)
    assert server.stream("a").applied_seq == 5


def no_body(part):
    part.ClearField("observe")


REFUSALS = {
    "wrong_width": (lambda p: p.observe.floats.append(1.0), "INVALID_ARGUMENT", "BAD_SHAPE"),
    "not_a_number": (lambda p: p.observe.floats.__setitem__(0, math.nan),
                     "INVALID_ARGUMENT", "NOT_FINITE"),
    "infinite": (lambda p: p.observe.floats.__setitem__(0, math.inf),
                 "INVALID_ARGUMENT", "NOT_FINITE"),
    "target_too_short": (lambda p: p.observe.targets.values.pop(),
                         "INVALID_ARGUMENT", ("BAD_TARGET", "BAD_SHAPE")),
    "negative_weight": (lambda p: p.observe.targets.weights.append(-1.0),
                        "INVALID_ARGUMENT", "BAD_TARGET"),
    "gap": (lambda p: setattr(p.observe, "first_seq", 12), "OUT_OF_RANGE", "SEQUENCE_GAP"),
    "no_number": (lambda p: setattr(p.observe, "first_seq", 0), "OUT_OF_RANGE", "SEQUENCE_GAP"),
    "no_body": (no_body, "INVALID_ARGUMENT", "BAD_PART"),
    "two_inputs": (lambda p: setattr(p.observe, "raw_bytes", b"x"),
                   "INVALID_ARGUMENT", "BAD_PART"),
    "unknown_stream": (lambda p: setattr(p, "stream", "nobody"), "NOT_FOUND", "NO_STREAM"),
    "bad_name": (lambda p: setattr(p, "stream", "../a"),
                 ("NOT_FOUND", "INVALID_ARGUMENT"), ("NO_STREAM", "BAD_NAME")),
    "old_epoch": (lambda p: setattr(p, "epoch", 77), "FAILED_PRECONDITION", "STALE_EPOCH"),
    "wrong_token": (lambda p: setattr(p, "writer_token", 77),
                    "FAILED_PRECONDITION", ("FENCED", "NOT_ATTACHED")),
}


def among(got, expected):
    return got in ((expected,) if isinstance(expected, str) else expected)


@pytest.mark.parametrize("case", REFUSALS)
def test_a_bad_part_gets_its_code_and_reason_changes_nothing_and_others_go_on(server, case):
    spoil, code, reason = REFUSALS[case]
    for stream in ("a", "b"):
        server.open_stream(stream, "vector", seed=3)
    with server.learn() as call:
        a, b = call.attach("a"), call.attach("b")
        call.send(observe(a, 1), observe(b, 1))
        call.answer()
        call.answer()
        before = server.stream("a", with_digest=True).digest

        bad = observe(a, 2)
        spoil(bad)
        call.send(edited(bad, part_id=900), observe(b, 2))
        replies = {reply.part_id: reply for reply in (call.answer(), call.answer())}
        refused, good = replies[900], replies[2]
        assert among(CODES[refused.status.code], code), refused.status
        assert among(reason_in(refused.status), reason), refused.status
        assert refused.status.message and refused.WhichOneof("result") is None
        assert (good.stream, good.applied_seq) == ("b", 2)
        assert server.stream("a", with_digest=True).digest == before
        call.send(observe(a, 2))
        assert call.answer().applied_seq == 2


def test_a_gap_names_the_expected_number(server):
    server.open_stream("a", "vector")
    with server.learn() as call:
        call.send(observe(call.attach("a"), 5))
        status = call.answer().status
    info = next(iter(status.details))
    assert b"expected_seq" in info.value and "1" in status.message


SHARED = vector_model() + "\nweight_sharing: WEIGHT_SHARING_SHARED"
ADMIN_FAULTS = {
    "model_not_there": (lambda s: s.models.GetModel(model_pb2.GetModelRequest(name="none")),
                        "NOT_FOUND", "NO_MODEL"),
    "model_exists": (lambda s: s.create_model("vector", vector_model(inputs=5)),
                     "ALREADY_EXISTS", "EXISTS"),
    "model_name": (lambda s: s.create_model("a/b", vector_model()),
                   "INVALID_ARGUMENT", "BAD_NAME"),
    "unknown_part": (lambda s: s.create_model("m", vector_model().replace("vanilla", "lstm9")),
                     "INVALID_ARGUMENT", "BAD_SPEC"),
    "unknown_setting": (lambda s: s.create_model("m", vector_model().replace("units", "unit")),
                        "INVALID_ARGUMENT", "BAD_SPEC"),
    "shared_weights": (lambda s: s.create_model("m", SHARED), "UNIMPLEMENTED", "NOT_CARRIED_OUT"),
    "model_in_use": (lambda s: s.models.DeleteModel(model_pb2.DeleteModelRequest(name="vector")),
                     "FAILED_PRECONDITION", "HAS_STREAMS"),
    "stream_of_no_model": (lambda s: s.open_stream("b", "none"), "NOT_FOUND", "NO_MODEL"),
    "stream_name": (lambda s: s.open_stream("..%2f", "vector"), "INVALID_ARGUMENT", "BAD_NAME"),
    "stream_not_there": (lambda s: s.stream("none"), "NOT_FOUND", "NO_STREAM"),
    "no_snapshot": (lambda s: s.streams.RollbackStream(
        stream_pb2.RollbackStreamRequest(id="a", event=99)), "NOT_FOUND", "NO_SNAPSHOT"),
    "unknown_rate": (lambda s: s.streams.SetStream(stream_pb2.SetStreamRequest(
        id="a", settings=[model_pb2.Setting(name="optimizer.speed", number=1)])),
        "INVALID_ARGUMENT", "BAD_SPEC"),
    "export": (lambda s: list(s.streams.ExportStream(stream_pb2.ExportStreamRequest(id="a"))),
               "UNIMPLEMENTED", "NOT_CARRIED_OUT"),
    "import": (lambda s: s.streams.ImportStream(iter([stream_pb2.ImportStreamRequest(id="c")])),
               "UNIMPLEMENTED", "NOT_CARRIED_OUT"),
}


@pytest.mark.parametrize("case", ADMIN_FAULTS)
def test_an_administrative_fault_gets_its_code_reason_and_sentence(server, case):
    call, code, reason = ADMIN_FAULTS[case]
    server.open_stream("a", "vector")
    with pytest.raises(grpc.RpcError) as refused:
        call(server)
    assert (refused.value.code().name, reason_of(refused.value)) == (code, reason)
    assert refused.value.details()
    assert server.stream("a").applied_seq == 0


def test_a_repeated_request_gets_the_first_answer(server):
    request = stream_pb2.OpenStreamRequest(id="a", model="vector", seed=5, request_id="r1")
    first = server.streams.OpenStream(request)
    assert first.created
    assert server.streams.OpenStream(request) == first


def test_a_message_over_the_limit_ends_its_call_alone(store):
    with Server(store, "--max_message_bytes", "65536") as server:
        server.create_model("vector", vector_model())
        server.open_stream("a", "vector")
        with server.learn() as other, server.learn() as call:
            attached = other.attach("a")
            call.send(observe(attached, 1, steps=10_000))
            with pytest.raises(grpc.RpcError) as refused:
                call.reply()
            assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            other.send(observe(attached, 1))
            assert other.answer().applied_seq == 1


def test_a_reader_that_does_not_read_holds_up_no_other_call(store):
    with Server(store, "--learn_budget_bytes", "100000", "--window_steps", "1000000",
                "--window_bytes", "100000000") as server:
        server.create_model("wide", vector_model(outputs=256))
        server.create_model("vector", vector_model())
        server.open_stream("slow", "wide")
        server.open_stream("quick", "vector")
        with server.learn() as unread, server.learn() as call:
            slow = unread.attach("slow")
            for seq in range(1, 50_001, 1000):  # 50 MB of replies
                unread.send(observe(slow, seq, 1000, targets=None))
            quick = call.attach("quick")
            for seq in range(1, 101):
                call.send(observe(quick, seq))
                assert call.answer().applied_seq == seq
            assert server.stream("slow").applied_seq < 50_000
            unread.close()
            assert [unread.answer().applied_seq for _ in range(50)][-1] == 50_000


def test_a_newer_writer_fences_the_older_one(server):
    server.open_stream("a", "vector")
    with server.learn() as older, server.learn() as newer:
        first = older.attach("a")
        older.send(observe(first, 1))
        assert older.answer().applied_seq == 1
        second = newer.attach("a")
        assert second.applied_seq == 1
        older.send(observe(first, 2))
        assert reason_in(older.answer().status) in ("FENCED", "STALE_EPOCH")
        newer.send(observe(second, 2))
        assert newer.answer().applied_seq == 2


def test_rollback_raises_the_epoch_and_fences_the_writer(server):
    server.open_stream("a", "vector")
    with server.learn() as call:
        attached = call.attach("a")
        call.send(observe(attached, 1))
        call.answer()
        digest = server.stream("a", with_digest=True).digest
        server.streams.SnapshotStream(stream_pb2.SnapshotStreamRequest(id="a"))
        call.send(observe(attached, 2))
        assert call.answer().applied_seq == 2
        rolled = server.streams.RollbackStream(stream_pb2.RollbackStreamRequest(id="a"))
        assert (rolled.applied_seq, rolled.epoch) == (1, attached.epoch + 1)
        assert server.stream("a", with_digest=True).digest == digest
        call.send(observe(attached, 2))
        assert reason_in(call.answer().status) == "STALE_EPOCH"


@pytest.mark.parametrize("durability", ["DURABILITY_PROCESS", "DURABILITY_SYNC"])
def test_durable_seq_reaches_a_client_that_has_nothing_to_send(store, durability):
    with Server(store) as server:
        server.create_model("vector", vector_model(durability=durability))
        server.open_stream("a", "vector")
        with server.learn() as call:
            call.send(observe(call.attach("a"), 1, 10))
            reply = call.reply()
            while reply.durable_seq < 10:
                reply = call.reply()


def test_peek_and_statistics_change_nothing(server):
    server.open_stream("a", "vector")
    with server.learn() as call:
        call.send(observe(call.attach("a"), 1, 5))
        call.answer()
    before = server.stream("a", with_digest=True)
    peeked = server.learning.Peek(learn_pb2.PeekRequest(stream="a", floats=[0.1] * INPUTS))
    assert (peeked.next_seq, len(peeked.outputs)) == (6, OUTPUTS)
    assert server.streams.GetStats(stats_pb2.GetStatsRequest(stream="a")).updates == 5
    assert server.stream("a", with_digest=True) == before


def test_learn_once_answers_like_learn(server):
    server.open_stream("a", "vector")
    attached = server.learning.LearnOnce(learn_pb2.LearnRequest(parts=[learn_pb2.LearnPart(
        part_id=1, stream="a", attach=learn_pb2.Attach())])).parts[0]
    answer = server.learning.LearnOnce(learn_pb2.LearnRequest(
        parts=[observe(attached, 1), edited(observe(attached, 2), stream="none"),
               observe(attached, 2)]))
    assert [part.part_id for part in answer.parts] == [1, 2, 2]
    assert reason_in(answer.parts[1].status) == "NO_STREAM"
    assert answer.parts[2].applied_seq == 2


def test_watched_statistics_follow_the_stream(server):
    server.open_stream("a", "vector")
    server.open_stream("b", "vector")
    watch = server.streams.WatchStats(
        stats_pb2.WatchStatsRequest(streams=["a", "b"], period_ms=100), timeout=TIMEOUT_S)
    assert [stats.applied_seq for stats in next(watch).stats] == [0, 0]
    with server.learn() as call:
        call.send(observe(call.attach("b"), 1, 20))
        call.answer()
    for message in watch:
        a, b = message.stats
        if b.applied_seq == 20:
            assert (a.applied_seq, b.updates, b.HasField("live_loss")) == (0, 20, True)
            break
    server.streams.DeleteStream(stream_pb2.DeleteStreamRequest(id="a"))
    assert any(len(message.stats) == 1 for message in watch)
    watch.cancel()


SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? '
                    r'(Na[nN]|[+-]Inf|[-+]?[\d.]+(?:e[-+]?\d+)?)')


def samples(text):
    """{(name, labels): value} of a page in Prometheus' text format; every line must parse."""
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            assert not line or re.match(r"# (HELP|TYPE) \w+ .+", line), line
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        key = (match[1], match[2] or "")
        assert key not in found, line
        found[key] = float(match[3])
    return found


def test_metrics_parse_and_agree_with_what_was_sent(store):
    with Server(store, "--watch_streams", "a") as server:
        server.create_model("vector", vector_model())
        for stream in ("a", "b"):
            server.open_stream(stream, "vector")
        with server.learn() as call:
            a, b = call.attach("a"), call.attach("b")
            call.send(observe(a, 1, 100), observe(b, 1, 50), observe(b, 500))
            for _ in range(3):
                call.answer()
            found = samples(server.metrics())
            assert found["millrace_learn_calls_open", ""] == 1
        model = 'model="vector"'
        assert found["millrace_steps_total", model] == 150
        assert found["millrace_updates_total", model] == 150
        assert found["millrace_parts_refused_total", 'reason="SEQUENCE_GAP"'] == 1
        assert found["millrace_streams", model + ',state="resident"'] == 2
        assert found["millrace_live_loss_streams", model] == 2
        assert found["millrace_stream_applied_steps", 'stream="a"'] == 100
        assert ("millrace_stream_applied_steps", 'stream="b"') not in found
        assert found["millrace_rpcs_total", 'code="OK",method="Streams/OpenStream"'] == 2
        assert found["millrace_journal_write_seconds_count", ""] >= 1
        assert found["millrace_journal_written_bytes_total", ""] > 150 * INPUTS * 4
        assert found["millrace_healthy", ""] == 1
        assert found["process_start_time_seconds", ""] > 1e9
        assert any(name == "millrace_build_info" for name, _ in found)


def test_many_streams_of_one_call_learn_side_by_side(server):
    streams = [f"s{i}" for i in range(50)]
    for stream in streams:
        server.open_stream(stream, "vector")
    with server.learn() as call:
        attached = [call.attach(stream) for stream in streams]
        sender = threading.Thread(target=lambda: [
            call.send(*(observe(one, seq) for one in attached)) for seq in range(1, 21)])
        sender.start()
        last = dict.fromkeys(streams, 0)
        for _ in range(20 * len(streams)):
            reply = call.answer()
            assert not reply.HasField("status"), reply.status
            assert reply.applied_seq == last[reply.stream] + 1
            last[reply.stream] = reply.applied_seq
        sender.join()
    digests = {server.stream(stream, with_digest=True).digest for stream in streams}
    assert len(digests) == 1  # equal seeds, equal steps
