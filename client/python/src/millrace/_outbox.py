"""What is on its way to one stream: a state machine without threads, clocks or a connection.

- A part stays here until it is answered, and after that until its steps are durable, at most one
  window of them. After a broken call the stream's own numbers say what was applied; the rest is
  sent again in order, and the server skips what of it had been applied.
- Targets that the server holds already answer ALREADY_EXISTS, which is success for a part that is
  sent again.
- What the server had no room for (WINDOW), with the steps that followed it (SEQUENCE_GAP), is sent
  again once all are answered. So is what a draining server refuses, after the next attach.
- A refused observation gives its numbers back: next_seq is its first step again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

from google.rpc import code_pb2

from millrace._errors import Error, from_status
from millrace.v1 import learn_pb2

ATTACH_PART_ID = 1  # of every attach; 0 is the server's own

# The writer is done for: nothing it could send later would fare better.
_FATAL_REASONS = {"FENCED", "STALE_EPOCH", "NOT_ATTACHED", "STREAM_CLOSED", "WRONG_SERVER"}
_FATAL_CODES = {"NOT_FOUND", "DATA_LOSS", "PERMISSION_DENIED", "UNAUTHENTICATED"}


class Pending:
    """A part on its way; steps: how many it observes (0: none)."""

    def __init__(self, part: learn_pb2.LearnPart, steps: int):
        self.part = part
        self.steps = steps
        self.bytes = part.ByteSize()
        self.sent_again = False
        self.orphaned = False  # a step before it was refused
        self.done = threading.Event()
        self.reply: learn_pb2.LearnPartReply | None = None
        self.error: Exception | None = None

    @property
    def first_seq(self) -> int:
        return self.part.observe.first_seq

    @property
    def last_seq(self) -> int:
        return self.part.observe.first_seq + self.steps - 1

    @property
    def last_target(self) -> int:
        late = self.part.late_targets
        return max([late.no_target_through, *(b.first_seq + b.steps - 1 for b in late.blocks)])

    def finish(self, reply: learn_pb2.LearnPartReply, error: Error | None) -> None:
        if not self.done.is_set():  # else it was sent again only because it was not durable
            self.reply, self.error = reply, error
            self.done.set()

    def fail(self, error: Exception) -> None:
        self.error = error
        self.done.set()


class Outbox:
    """See above. Not thread-safe: its session locks."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.epoch = self.applied_seq = self.learned_seq = self.durable_seq = 0
        self.held_targets: list[int] = []
        self.window_steps = self.window_bytes = 1
        self.next_seq = 0  # 0: never attached
        self.unanswered = 0  # parts sent on the present call
        self.going_back = False
        self.draining = False
        self._token = 0
        self._last_id = ATTACH_PART_ID
        self._waiting: OrderedDict[int, Pending] = OrderedDict()
        self._retained: deque[Pending] = deque()
        self._retained_steps = self._retained_bytes = 0

    def fits(self, steps: int, bytes: int) -> bool:
        """Whether a part may be sent now. One alone may always be, whatever its size."""
        if self.going_back:
            return False
        waiting = self._waiting.values()
        return not self._waiting or (
            sum(p.steps for p in waiting) + steps <= self.window_steps
            and sum(p.bytes for p in waiting) + bytes <= self.window_bytes)

    def add(self, pending: Pending) -> learn_pb2.LearnPart:
        """Takes a part in; returns it as it is to be sent."""
        self._last_id += 1
        pending.part.part_id = self._last_id
        if pending.steps:
            pending.part.observe.first_seq = self.next_seq
            self.next_seq += pending.steps
        self._waiting[self._last_id] = pending
        return self._stamped(pending)

    def attach(self, reply: learn_pb2.LearnPartReply) -> list[learn_pb2.LearnPart]:
        """Takes the answer to an attach; returns what is to be sent (again). Raises Error where
        this writer cannot go on."""
        if reply.status.code != code_pb2.OK:
            raise from_status(reply.status)
        self._check_place(reply)
        self.epoch, self._token = reply.epoch, reply.attach.writer_token
        self.applied_seq, self.learned_seq = reply.applied_seq, reply.learned_seq
        self.durable_seq = max(self.durable_seq, reply.durable_seq)
        self.held_targets = list(reply.attach.held_targets)
        self.window_steps = max(1, reply.attach.window_steps)
        self.window_bytes = max(1, reply.attach.window_bytes)
        if self.next_seq == 0:
            self.next_seq = self.applied_seq + 1
        self.unanswered, self.going_back, self.draining = 0, False, False
        again = self._in_doubt()
        first = next((p.first_seq for p in again if p.steps), self.next_seq)
        if first > self.applied_seq + 1:
            raise Error("DATA_LOSS", "CANNOT_RESEND",
                        f"stream '{self.stream}' was recovered at step {self.applied_seq}; this "
                        f"writer still holds steps from {first}; attach anew and go on at step "
                        f"{self.applied_seq + 1}", {"applied_seq": str(self.applied_seq)})
        for pending in again:
            pending.sent_again = True
        self._waiting = OrderedDict((p.part.part_id, p) for p in again)
        return [self._stamped(p) for p in again]

    def take(self, reply: learn_pb2.LearnPartReply) -> None:
        """Takes a reply. Raises Error where the writer is done for."""
        self.applied_seq = max(self.applied_seq, reply.applied_seq)
        self.learned_seq = max(self.learned_seq, reply.learned_seq)
        self.durable_seq = max(self.durable_seq, reply.durable_seq)
        self._release_through(self.durable_seq)
        pending = self._waiting.get(reply.part_id)
        if pending is None:
            return
        self.unanswered -= 1
        error = None if reply.status.code == code_pb2.OK else from_status(reply.status)
        if error is not None and self._goes_back(pending, error):
            self.going_back = True
        else:
            del self._waiting[reply.part_id]
            self._settle(pending, reply, error)

    def must_send_again(self) -> bool:
        """All are answered, and there was no room for some."""
        return self.going_back and not self.unanswered and not self.draining

    def send_again(self) -> list[learn_pb2.LearnPart]:
        """What there was no room for, in order."""
        self.going_back = False
        return [self._stamped(p) for p in self._waiting.values()]

    def fail(self, error: Exception) -> None:
        """For good: everybody who waits gets `error`."""
        for pending in self._waiting.values():
            pending.fail(error)
        self._waiting.clear()
        self._retained.clear()

    def _stamped(self, pending: Pending) -> learn_pb2.LearnPart:
        pending.part.stream = self.stream
        pending.part.epoch, pending.part.writer_token = self.epoch, self._token
        self.unanswered += 1
        return pending.part

    def _check_place(self, reply: learn_pb2.LearnPartReply) -> None:
        if self.next_seq == 0:
            return
        if reply.epoch != self.epoch:
            raise Error("FAILED_PRECONDITION", "STALE_EPOCH",
                        f"stream '{self.stream}' is at epoch {reply.epoch}; this writer attached "
                        f"at epoch {self.epoch}; look where it stands and attach anew", {})
        if reply.applied_seq >= self.next_seq:
            raise Error("FAILED_PRECONDITION", "FENCED",
                        f"stream '{self.stream}' stands at step {reply.applied_seq}; this writer "
                        f"has written to step {self.next_seq - 1}: another one wrote while the "
                        "call was down", {})

    def _in_doubt(self) -> list[Pending]:
        """What is to be sent again: not what was answered and applied, and no orphans."""
        self._release_through(self.applied_seq)
        for part_id in [i for i, p in self._waiting.items() if p.orphaned]:
            self._waiting.pop(part_id).fail(Error("ABORTED", "PREDECESSOR_REFUSED",
                                                  "a step before this part was refused", {}))
        kept = [*self._retained, *self._waiting.values()]
        while self._retained:
            self._release_first()
        return kept

    def _goes_back(self, pending: Pending, error: Error) -> bool:
        self.draining |= error.code == "UNAVAILABLE"
        follows = self.going_back and not pending.orphaned and error.code == "OUT_OF_RANGE"
        return error.reason == "WINDOW" or error.code == "UNAVAILABLE" or follows

    def _settle(self, pending: Pending, reply: learn_pb2.LearnPartReply,
                error: Error | None) -> None:
        """The end of one part: taken, refused, or the end of the writer."""
        if error is not None and self._held_already(pending, error):
            error = None
        pending.finish(reply, error)
        if error is None:
            self._retain(pending)
        elif error.reason in _FATAL_REASONS or error.code in _FATAL_CODES:
            raise error
        elif pending.steps and not pending.orphaned:
            self.next_seq = pending.first_seq
            for later in self._waiting.values():
                later.orphaned |= later.steps > 0

    def _held_already(self, pending: Pending, error: Error) -> bool:
        if not pending.sent_again or not pending.part.HasField("late_targets"):
            return False
        return error.code == "ALREADY_EXISTS" or (
            error.reason == "NOT_OPEN" and pending.last_target <= self.learned_seq)

    def _retain(self, pending: Pending) -> None:
        """Keeps what is not durable yet. A settle or a reset is not kept: it would happen twice."""
        if not (pending.steps or pending.part.HasField("late_targets")):
            return
        self._retained.append(pending)
        self._retained_steps += pending.steps
        self._retained_bytes += pending.bytes
        self._release_through(self.durable_seq)
        while len(self._retained) > 1 and (self._retained_steps > self.window_steps
                                           or self._retained_bytes > self.window_bytes):
            self._release_first()

    def _release_through(self, seq: int) -> None:
        """Lets go of the parts up to the last observation that ends at or before `seq`."""
        while (step := next((p for p in self._retained if p.steps), None)) and \
                step.last_seq <= seq:
            while self._release_first() is not step:
                pass

    def _release_first(self) -> Pending:
        first = self._retained.popleft()
        self._retained_steps -= first.steps
        self._retained_bytes -= first.bytes
        return first
