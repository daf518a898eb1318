"""The client for asyncio: the same calls, awaited; the event loop never waits for the network.

    async with millrace.aio.connect("127.0.0.1:7070") as server:
        async with await server.open("subject-1", "bci") as stream:
            prediction = await stream.step(x, y)
            async for stats in server.watch(["subject-1"]):
                ...

Every stream has a thread of its own, on which its calls run one after the other: several tasks may
share a stream, and their steps follow each other. Cancelling a task does not take back a step that
was sent. What is not here, e.g. `Client.fork`, goes through
`server.call(server.client.fork, "a", "b")`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc
from numpy.typing import ArrayLike

import millrace
from millrace import _errors
from millrace._client import Client, Spec
from millrace._learner import Stream, Task
from millrace._results import LearnResult, Prediction, TargetsResult
from millrace.v1 import model_pb2, stats_pb2, stream_pb2

T = TypeVar("T")
_ADMINISTRATION_THREADS = 4


class AsyncStream:
    """millrace.Stream, awaited. An async context manager: leaving it ends the call."""

    def __init__(self, stream: Stream, thread: ThreadPoolExecutor):
        self.stream = stream
        self._thread = thread

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncStream('{self.id}', step {self.seq})"

    @property
    def id(self) -> str:
        """The stream's name."""
        return self.stream.id

    @property
    def seq(self) -> int:
        """Number of the last step observed."""
        return self.stream.seq

    async def task(self) -> Task:
        """What the stream's model learns."""
        return await self.call(lambda: self.stream.task)

    async def call(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Any function of the stream or its writer, in order with the other calls:
        `await stream.call(stream.stream.writer.wait_durable)`."""
        return await _run(self._thread, function, *arguments, **named)

    async def step(self, x: ArrayLike | bytes, y: ArrayLike | None = None, *,
                   weight: float | None = None, reset: bool = False) -> Prediction:
        """As Stream.step."""
        return await self.call(self.stream.step, x, y, weight=weight, reset=reset)

    async def predict(self, x: ArrayLike | bytes) -> Prediction:
        """As Stream.predict."""
        return await self.call(self.stream.predict, x)

    async def observe(self, x: ArrayLike | bytes, *, reset: bool = False) -> Prediction:
        """As Stream.observe."""
        return await self.call(self.stream.observe, x, reset=reset)

    async def learn(self, y: ArrayLike, seq: int | None = None, *, steps: int = 0,
                    weight: ArrayLike | None = None, inferred: bool = False) -> TargetsResult:
        """As Stream.learn."""
        return await self.call(self.stream.learn, y, seq, steps=steps, weight=weight,
                               inferred=inferred)

    async def no_target(self, through: int | None = None) -> TargetsResult:
        """As Stream.no_target."""
        return await self.call(self.stream.no_target, through)

    async def play(self, x: ArrayLike | bytes, y: ArrayLike | None = None, *,
                   weight: ArrayLike | None = None, outputs: bool = True) -> LearnResult:
        """As Stream.play."""
        return await self.call(self.stream.play, x, y, weight=weight, outputs=outputs)

    async def skip(self, steps: int) -> LearnResult:
        """As Stream.skip."""
        return await self.call(self.stream.skip, steps)

    async def settle(self) -> None:
        """As Stream.settle."""
        await self.call(self.stream.settle)

    async def stats(self) -> stats_pb2.StreamStats:
        """As Stream.stats."""
        return await self.call(self.stream.stats)

    async def close(self) -> None:
        """Ends the call, once what was asked before is done. The stream stays."""
        await self.call(self.stream.close)
        self._thread.shutdown(wait=False)


class AsyncClient:
    """millrace.Client, awaited. An async context manager: leaving it closes the connection."""

    def __init__(self, client: Client):
        self.client = client
        self._threads = ThreadPoolExecutor(_ADMINISTRATION_THREADS, "millrace")

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient('{self.client.address}')"

    async def close(self) -> None:
        """Closes the connection; its streams end."""
        await self.call(self.client.close)
        self._threads.shutdown(wait=False)

    async def call(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Any function that waits, on a thread: `await server.call(server.client.freeze, "a")`."""
        return await _run(self._threads, function, *arguments, **named)

    async def create_model(self, name: str, spec: Spec) -> model_pb2.Model:
        """As Client.create_model."""
        return await self.call(self.client.create_model, name, spec)

    async def open(self, id: str, model: str = "", *, seed: int | None = None,
                   overrides: dict[str, bool | int | float | str] | None = None) -> AsyncStream:
        """As Client.open."""
        thread = ThreadPoolExecutor(1, f"millrace {id}")
        try:
            stream = await _run(thread, self.client.open, id, model, seed=seed,
                                overrides=overrides)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return AsyncStream(stream, thread)

    async def stream(self, id: str, *, with_digest: bool = False) -> stream_pb2.Stream:
        """As Client.stream."""
        return await self.call(self.client.stream, id, with_digest=with_digest)

    async def stats(self, id: str) -> stats_pb2.StreamStats:
        """As Client.stats."""
        return await self.call(self.client.stats, id)

    async def watch(self, ids: list[str], period_ms: int = 1000
                    ) -> AsyncIterator[list[stats_pb2.StreamStats]]:
        """As Client.watch, until the iterator is closed."""
        replies = self.client.watching(ids, period_ms)
        thread = ThreadPoolExecutor(1, "millrace watch")
        try:
            while (reply := await _run(thread, next, replies, None)) is not None:
                yield list(reply.stats)
        except grpc.RpcError as error:
            raise _errors.from_rpc(error) from None
        finally:
            replies.cancel()  # also ends the thread's wait
            thread.shutdown(wait=False)


def connect(address: str, *, credentials: grpc.ChannelCredentials | None = None,
            timeout_s: float = 30.0) -> AsyncClient:
    """As millrace.connect."""
    return AsyncClient(millrace.connect(address, credentials=credentials, timeout_s=timeout_s))


async def _run(threads: ThreadPoolExecutor, function: Callable[..., T], *arguments: Any,
               **named: Any) -> T:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, lambda: function(*arguments, **named))
