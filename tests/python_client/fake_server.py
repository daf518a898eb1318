"""A server in this process that keeps the wire's rules for one kind of stream, and can break calls
at a chosen part. An output is the sum of the step's inputs, so every row tells whose it is."""

from __future__ import annotations

import threading
from concurrent import futures
from dataclasses import dataclass, field

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from millrace.v1 import learn_pb2, learn_pb2_grpc, stats_pb2, stream_pb2, stream_pb2_grpc


@dataclass
class Break:
    """Ends a Learn call: after `applied` data parts, of which the first `answered` are replied to.
    hang: it is not ended, it goes silent."""

    applied: int
    answered: int
    hang: bool = False


@dataclass
class FakeStream:
    inputs: int = 2
    epoch: int = 1
    token: int = 0
    rows: list[float] = field(default_factory=list)  # of every applied step
    targets: dict[int, int] = field(default_factory=dict)  # step: class
    learned_seq: int = 0
    durable_seq: int | None = None  # None: as applied
    events: list[str] = field(default_factory=list)
    window_steps: int = 4096
    window_bytes: int = 1 << 20
    most_steps: int = 1 << 30  # a part beyond is refused: WINDOW
    attach_seen: list[int] = field(default_factory=list)  # last_durable_seq of each


def status(code: int, reason: str, sentence: str, **metadata: str) -> status_pb2.Status:
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="millrace", metadata=metadata))
    return status_pb2.Status(code=code, message=sentence, details=[detail])


class FakeServer(learn_pb2_grpc.LearningServicer, stream_pb2_grpc.StreamsServicer):
    """`streams` by id; `breaks` are taken one a call, None for a call that lasts."""

    def __init__(self) -> None:
        self.streams: dict[str, FakeStream] = {}
        self.breaks: list[Break | None] = []
        self.calls = 0
        self.parts = 0  # data parts that came
        self.refuse_once: list[status_pb2.Status] = []  # for the next observations
        self.hold = threading.Event()  # observations wait for it
        self.hold.set()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
        learn_pb2_grpc.add_LearningServicer_to_server(self, self._server)
        stream_pb2_grpc.add_StreamsServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        self.hold.set()
        self._stopped.set()
        self._server.stop(0).wait()

    # The data plane.

    def Learn(self, request_iterator, context):
        with self._lock:
            self.calls += 1
            broken = self.breaks.pop(0) if self.breaks else None
        applied = 0
        for request in request_iterator:
            for part in request.parts:
                with self._lock:
                    reply = self._part(part)
                if part.HasField("attach"):
                    yield learn_pb2.LearnReply(parts=[reply])
                    continue
                self.hold.wait()
                applied += 1
                self.parts += 1
                if broken is None or applied <= broken.answered:
                    yield learn_pb2.LearnReply(parts=[reply])
                if broken is not None and applied == broken.applied:
                    if broken.hang:
                        self._stopped.wait()
                    context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke")

    def _part(self, part):
        reply = learn_pb2.LearnPartReply(part_id=part.part_id, stream=part.stream)
        stream = self.streams.get(part.stream)
        if stream is None:
            reply.status.CopyFrom(status(code_pb2.NOT_FOUND, "NO_STREAM",
                                         f"stream '{part.stream}' does not exist"))
            return reply
        fault = None
        if part.HasField("attach"):
            stream.token += 1
            stream.attach_seen.append(part.attach.last_durable_seq)
            reply.attach.writer_token = stream.token
            reply.attach.window_steps = stream.window_steps
            reply.attach.window_bytes = stream.window_bytes
            reply.attach.held_targets.extend(sorted(stream.targets))
        elif part.writer_token != stream.token or part.epoch != stream.epoch:
            fault = status(code_pb2.FAILED_PRECONDITION, "FENCED", "a newer writer has attached")
        elif part.HasField("observe"):
            fault = self._observe(stream, part.observe, reply.observe)
        elif part.HasField("late_targets"):
            fault = self._late(stream, part.late_targets, reply.late_targets)
        else:
            stream.events.append(part.WhichOneof("body"))
        if fault is not None:
            reply.ClearField("result")
            reply.status.CopyFrom(fault)
        reply.epoch, reply.applied_seq = stream.epoch, len(stream.rows)
        reply.learned_seq = stream.learned_seq
        reply.durable_seq = (len(stream.rows) if stream.durable_seq is None
                             else stream.durable_seq)
        return reply

    def _observe(self, stream, observe, result):
        if self.refuse_once:
            return self.refuse_once.pop(0)
        steps = observe.skip or len(observe.raw_bytes) or len(observe.floats) // stream.inputs
        if len(observe.floats) % stream.inputs:
            return status(code_pb2.INVALID_ARGUMENT, "BAD_SHAPE",
                          f"x has {len(observe.floats)} values; expected {stream.inputs}")
        if steps > stream.most_steps:
            return status(code_pb2.RESOURCE_EXHAUSTED, "WINDOW", "beyond the window")
        at = len(stream.rows)
        if observe.first_seq > at + 1:
            return status(code_pb2.OUT_OF_RANGE, "SEQUENCE_GAP", "a gap", expected_seq=str(at + 1))
        result.first_seq, result.skipped = at + 1, min(steps, at + 1 - observe.first_seq)
        result.steps = steps - result.skipped
        for t in range(result.skipped, steps):
            row = (float(observe.raw_bytes[t]) if observe.raw_bytes else
                   sum(observe.floats[t * stream.inputs:(t + 1) * stream.inputs]))
            stream.rows.append(row)
            if not observe.want.nothing:
                result.outputs.extend([row, -row])
            if observe.targets.classes:
                stream.targets[len(stream.rows)] = observe.targets.classes[
                    t if len(observe.targets.classes) == steps else 0]
        return None

    def _late(self, stream, late, result):
        steps = [(block.first_seq + i, block.classes[i if len(block.classes) > 1 else 0])
                 for block in late.blocks for i in range(block.steps)]
        if any(seq > len(stream.rows) for seq, _ in steps):
            return status(code_pb2.OUT_OF_RANGE, "NOT_OPEN", "not observed yet")
        held = [seq for seq, _ in steps if seq in stream.targets]
        if held:
            return status(code_pb2.ALREADY_EXISTS, "TARGET_HELD", f"step {held[0]} has one")
        stream.targets.update(steps)
        stream.events.append("late_targets")
        result.taken, result.loss = len(steps), 0.5
        stream.learned_seq = max(stream.learned_seq, late.no_target_through)
        return None

    def Peek(self, request, context):
        return learn_pb2.PeekResponse(next_seq=len(self.streams[request.stream].rows) + 1,
                                      outputs=[sum(request.floats), len(request.raw_byte)])

    # Administration, as far as errors, pages and watching go.

    def GetStream(self, request, context):
        if request.id in self.streams:
            return stream_pb2.Stream(id=request.id)
        fault = status(code_pb2.NOT_FOUND, "NO_STREAM", f"stream '{request.id}' does not exist",
                       stream=request.id)
        context.set_trailing_metadata((("grpc-status-details-bin", fault.SerializeToString()),))
        context.abort(grpc.StatusCode.NOT_FOUND, fault.message)

    def ListStreams(self, request, context):
        names = sorted(self.streams)
        at = int(request.page_token or 0)
        more = str(at + 2) if at + 2 < len(names) else ""
        return stream_pb2.ListStreamsResponse(
            streams=[stream_pb2.Stream(id=name) for name in names[at:at + 2]],
            next_page_token=more)

    def WatchStats(self, request, context):
        for applied in range(3):
            yield stats_pb2.WatchStatsResponse(stats=[
                stats_pb2.StreamStats(stream=name, applied_seq=applied)
                for name in request.streams])
        context.abort(grpc.StatusCode.UNAVAILABLE, "the server goes")
