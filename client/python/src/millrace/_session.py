"""One Learn call for one stream: a reading thread, flow control, and reconnection.

What is not answered is kept and sent again after a reconnection; sequence numbers make the server
skip what it had applied. A target that was taken before the connection broke answers TARGET_HELD,
which is success for a part that is sent again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator

import grpc
from google.rpc import code_pb2

from millrace import _errors
from millrace.v1 import learn_pb2, learn_pb2_grpc

RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)
FIRST_PAUSE_S, LAST_PAUSE_S = 0.05, 1.0


class Pending:
    """A part on its way."""

    def __init__(self, part: learn_pb2.LearnPart, steps: int):
        self.part = part
        self.steps = steps
        self.sent_again = False
        self._done = threading.Event()
        self._reply: learn_pb2.LearnPartReply | None = None
        self._error: Exception | None = None

    def result(self) -> learn_pb2.LearnPartReply:
        """Waits for the reply; raises Error where the part was refused or the stream is lost."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        assert self._reply is not None
        return self._reply

    def finish(self, reply: learn_pb2.LearnPartReply) -> None:
        held = self.sent_again and reply.status.code == code_pb2.ALREADY_EXISTS
        if reply.status.code != code_pb2.OK and not held:
            self._error = _errors.from_status(reply.status)
        self._reply = reply
        self._done.set()

    def fail(self, error: Exception) -> None:
        self._error = error
        self._done.set()


class Session:
    """See above. submit() is for one thread; replies are read on another."""

    def __init__(self, stub: learn_pb2_grpc.LearningStub, stream: str, timeout_s: float):
        self._stub = stub
        self._stream = stream
        self._timeout_s = timeout_s
        self._changed = threading.Condition()
        self._in_flight: OrderedDict[int, Pending] = OrderedDict()
        self._steps_in_flight = 0
        self._last_id = 0
        self._closed = False
        self._lost: Exception | None = None
        self.epoch = self.applied_seq = self.learned_seq = self.durable_seq = 0
        self.held_targets: list[int] = []
        self._window_steps = 1
        self._token = 0
        self._connect(time.monotonic() + timeout_s)
        self._reader = threading.Thread(target=self._read, name=f"millrace {stream}", daemon=True)
        self._reader.start()

    # The calling thread.

    def submit(self, part: learn_pb2.LearnPart, steps: int) -> Pending:
        """Sends a part, waiting while the stream's window is full."""
        pending = Pending(part, steps)
        with self._changed:
            self._changed.wait_for(lambda: self._lost is not None or not self._in_flight or
                                   self._steps_in_flight + steps <= self._window_steps)
            if self._lost is not None:
                raise self._lost
            self._last_id += 1
            part.part_id, part.stream = self._last_id, self._stream
            part.epoch, part.writer_token = self.epoch, self._token
            self._in_flight[part.part_id] = pending
            self._steps_in_flight += steps
            self._requests.put(learn_pb2.LearnRequest(parts=[part]))
        return pending

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._requests.put(None)
        self._reader.join(timeout=self._timeout_s)
        self._call.cancel()

    # The reading thread.

    def _read(self) -> None:
        while True:
            error: grpc.RpcError | None = None
            try:
                for reply in self._call:
                    for part in reply.parts:
                        self._take(part)
            except grpc.RpcError as broken:
                error = broken
            with self._changed:
                if self._closed:
                    return self._lose(_errors.Error("CANCELLED", "", "the stream was closed", {}))
            if error is not None and error.code() not in RETRIED:
                return self._lose(_errors.from_rpc(error))
            try:
                self._connect(time.monotonic() + self._timeout_s)
            except _errors.Error as lost:
                return self._lose(lost)

    def _take(self, reply: learn_pb2.LearnPartReply) -> None:
        with self._changed:
            if reply.epoch:
                self.durable_seq = max(self.durable_seq, reply.durable_seq)
            pending = self._in_flight.pop(reply.part_id, None)
            if pending is None:
                return
            if reply.epoch:
                self.applied_seq, self.learned_seq = reply.applied_seq, reply.learned_seq
            self._steps_in_flight -= pending.steps
            pending.finish(reply)
            self._changed.notify_all()

    def _lose(self, error: Exception) -> None:
        with self._changed:
            self._lost = error
            for pending in self._in_flight.values():
                pending.fail(error)
            self._in_flight.clear()
            self._changed.notify_all()

    # Either, but never both at a time.

    def _connect(self, deadline: float) -> None:
        """Opens the call and attaches, again and again until the deadline; sends again what is not
        answered."""
        pause = FIRST_PAUSE_S
        while True:
            requests: queue.SimpleQueue[learn_pb2.LearnRequest | None] = queue.SimpleQueue()
            attach = learn_pb2.LearnPart(stream=self._stream, attach=learn_pb2.Attach(
                last_durable_seq=self.durable_seq))
            requests.put(learn_pb2.LearnRequest(parts=[attach]))
            call = self._stub.Learn(_until_none(requests))
            try:
                reply = next(iter(call)).parts[0]
            except (grpc.RpcError, StopIteration) as broken:
                final = isinstance(broken, grpc.RpcError) and broken.code() not in RETRIED
                if final or time.monotonic() + pause > deadline:
                    requests.put(None)
                    raise (_errors.from_rpc(broken) if isinstance(broken, grpc.RpcError)
                           else _errors.Error("UNAVAILABLE", "", "the call ended", {})) from None
                time.sleep(pause)
                pause = min(2 * pause, LAST_PAUSE_S)
                continue
            if reply.status.code != code_pb2.OK:
                requests.put(None)
                call.cancel()
                raise _errors.from_status(reply.status)
            self._resume(call, requests, reply)
            return

    def _resume(self, call: grpc.Call, requests: queue.SimpleQueue,
                reply: learn_pb2.LearnPartReply) -> None:
        with self._changed:
            self._call, self._requests = call, requests
            self.epoch, self._token = reply.epoch, reply.attach.writer_token
            self.applied_seq, self.learned_seq = reply.applied_seq, reply.learned_seq
            self.durable_seq = reply.durable_seq
            self.held_targets = list(reply.attach.held_targets)
            self._window_steps = max(1, reply.attach.window_steps)
            for pending in self._in_flight.values():
                pending.sent_again = True
                pending.part.epoch, pending.part.writer_token = self.epoch, self._token
                requests.put(learn_pb2.LearnRequest(parts=[pending.part]))


def _until_none(requests: queue.SimpleQueue) -> Iterator[learn_pb2.LearnRequest]:
    while (request := requests.get()) is not None:
        yield request
