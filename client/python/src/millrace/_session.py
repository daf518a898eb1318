"""One Learn call for one stream: a reading thread, deadlines and reconnection. What is sent, sent
again or given up is the outbox's affair."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

import grpc

from millrace._errors import Error, from_rpc
from millrace._outbox import ATTACH_PART_ID, Outbox, Pending
from millrace.v1 import learn_pb2, learn_pb2_grpc

_RETRIED = {"UNAVAILABLE", "CANCELLED", "UNKNOWN", "INTERNAL"}
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.05, 1.0
_NO_ROOM_PAUSE_S = 0.02


class Session:
    """submit() and wait() are for one thread; replies are read on another.

    A call that breaks is opened again, again and again for timeout_s. A part that gets no reply
    within timeout_s while the call stands ends the session: it may have been applied.
    """

    def __init__(self, stub: learn_pb2_grpc.LearningStub, stream: str, timeout_s: float,
                 last_durable_seq: int):
        self._stub = stub
        self._stream = stream
        self._timeout_s = timeout_s
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._lost: Exception | None = None
        self._heard = time.monotonic()
        self.outbox = Outbox(stream)
        self.outbox.durable_seq = last_durable_seq
        self._connect()
        self._reader = threading.Thread(target=self._read, name=f"millrace {stream}", daemon=True)
        self._reader.start()

    # The calling thread.

    def submit(self, part: learn_pb2.LearnPart, steps: int, first_seq: int = 0) -> Pending | None:
        """Sends a part, waiting while the stream's window is full. Numbers observed steps; None,
        and nothing is sent, where that would not be first_seq (0: any), because a step before it
        was refused."""
        pending = Pending(part, steps)
        with self._changed:
            self._await(lambda: self.outbox.fits(steps, pending.bytes))
            if first_seq and self.outbox.next_seq != first_seq:
                return None
            self._send([self.outbox.add(pending)])
        return pending

    def wait(self, pending: Pending) -> learn_pb2.LearnPartReply:
        """The reply; raises Error where the part was refused or the stream is lost."""
        with self._changed:
            if not pending.done.is_set():
                self._await(pending.done.is_set)
        if pending.error is not None:
            raise pending.error
        assert pending.reply is not None
        return pending.reply

    def wait_durable(self, seq: int) -> None:
        """Waits until the server calls step `seq` durable."""
        with self._changed:
            self._await(lambda: self.outbox.durable_seq >= seq)

    def _await(self, condition: Callable[[], bool]) -> None:
        """Waits, the lock held, for a condition; raises where the session is lost or silent."""
        self._heard = time.monotonic()
        while not condition():
            if self._lost is not None:
                raise self._lost
            left = self._heard + self._timeout_s - time.monotonic()
            if left <= 0:
                self._lose(Error("DEADLINE_EXCEEDED", "IN_DOUBT",
                                 f"stream '{self._stream}' did not answer within "
                                 f"{self._timeout_s} s; what was sent may have been applied: "
                                 "attach anew and look at applied_seq", {}))
                self._call.cancel()
            else:
                self._changed.wait(left)

    def close(self) -> None:
        """Ends the call in an orderly way; a server that does not answer is cut off."""
        self._closed.set()
        with self._changed:
            self._requests.put(None)
        self._reader.join(timeout=1.0)
        self._call.cancel()
        self._reader.join(timeout=self._timeout_s)

    # The reading thread.

    def _read(self) -> None:
        while True:
            error: Error | None = None
            try:
                for reply in self._call:
                    self._take(reply)
            except grpc.RpcError as broken:
                error = from_rpc(broken)
            except Error as fatal:
                error = fatal
                self._call.cancel()
            with self._changed:
                self._requests.put(None)
                if self._closed.is_set():
                    error = Error("CANCELLED", "", "the stream was closed by this client", {})
                if self._lost is not None or self._closed.is_set() or (
                        error is not None and error.code not in _RETRIED):
                    final = error or self._lost
                    assert final is not None
                    return self._lose(final)
            try:
                self._connect()
            except Error as refused:
                with self._changed:
                    return self._lose(refused)

    def _take(self, reply: learn_pb2.LearnReply) -> None:
        with self._changed:
            self._heard = time.monotonic()
            for part in reply.parts:
                self.outbox.take(part)
            if self.outbox.draining and self.outbox.unanswered == 0:
                self._call.cancel()
            self._changed.notify_all()
            no_room = self.outbox.must_send_again()
        if no_room:
            self._closed.wait(_NO_ROOM_PAUSE_S)
            with self._changed:
                self._send(self.outbox.send_again())
                self._changed.notify_all()

    def _send(self, parts: list[learn_pb2.LearnPart]) -> None:
        for part in parts:
            self._requests.put(learn_pb2.LearnRequest(parts=[part]))

    def _lose(self, error: Exception) -> None:
        """For good. The lock is held."""
        self._lost = self._lost or error
        self.outbox.fail(self._lost)
        self._changed.notify_all()

    # Either, but never both at a time.

    def _connect(self) -> None:
        """Opens the call and attaches, again and again until the deadline; sends again what is not
        answered."""
        deadline = time.monotonic() + self._timeout_s
        pause = _FIRST_PAUSE_S
        while True:
            with self._changed:  # the time it takes to come back is not the server's silence
                self._heard = time.monotonic() + pause
            try:
                return self._attach(deadline)
            except Error as error:
                if error.code not in _RETRIED or time.monotonic() + pause > deadline:
                    raise
            if self._closed.wait(pause):
                raise Error("CANCELLED", "", "the stream was closed by this client", {})
            pause = min(2 * pause, _LAST_PAUSE_S)

    def _attach(self, deadline: float) -> None:
        requests: queue.SimpleQueue[learn_pb2.LearnRequest | None] = queue.SimpleQueue()
        attach = learn_pb2.LearnPart(
            part_id=ATTACH_PART_ID, stream=self._stream,
            attach=learn_pb2.Attach(last_durable_seq=self.outbox.durable_seq))
        requests.put(learn_pb2.LearnRequest(parts=[attach]))
        try:
            call = self._stub.Learn(_until_none(requests))
        except ValueError as closed:  # how gRPC reports a channel that was closed
            raise Error("FAILED_PRECONDITION", "CLIENT_CLOSED", str(closed), {}) from None
        alarm = threading.Timer(max(0.0, deadline - time.monotonic()), call.cancel)
        alarm.daemon = True
        alarm.start()
        try:
            first = next(call)
            with self._changed:
                again = self.outbox.attach(first.parts[0])
                self._call, self._requests = call, requests
                self._send(again)
                self._changed.notify_all()
        except (grpc.RpcError, StopIteration, Error) as broken:
            requests.put(None)
            call.cancel()
            if isinstance(broken, grpc.RpcError):
                raise from_rpc(broken) from None
            raise broken if isinstance(broken, Error) else Error(
                "UNAVAILABLE", "", "the server ended the call", {}) from None
        finally:
            alarm.cancel()


def _until_none(requests: queue.SimpleQueue[learn_pb2.LearnRequest | None]
                ) -> Iterator[learn_pb2.LearnRequest]:
    while (request := requests.get()) is not None:
        yield request
