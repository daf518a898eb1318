"""millrace.aio against millraced: the same bits as the plain form, and a loop that never waits."""

from __future__ import annotations

import asyncio
import inspect

import numpy as np
import pytest

import millrace
import millrace.aio
from server_fixture import needs_server, serving

pytestmark = needs_server

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(60, 3)).astype(np.float32)
Y = X[:, :2] - 0.5 * X[:, 1:]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    for connected, _ in serving(tmp_path_factory.mktemp("server")):
        yield connected


def test_awaited_steps_end_with_the_bits_of_plain_ones(client):
    async def play() -> str:
        async with millrace.aio.connect(client.address) as server:
            async with await server.open("awaited", "late", seed=1) as stream:
                for x, y in zip(X[:20], Y[:20]):
                    seen = await stream.observe(x)
                    assert (await stream.learn(y, seen.seq)).taken == 1
                await stream.step(X[20], Y[20])
                await stream.play(X[21:50], Y[21:50])
                await stream.skip(2)
                await stream.no_target()
                await stream.settle()
                assert (await stream.predict(X[50])).seq == 53
                assert stream.seq == 52 and repr(stream) == "AsyncStream('awaited', step 52)"
                assert (await stream.task()).target == "delayed"
                assert (await stream.stats()).target_steps == 50
            return (await server.stream("awaited", with_digest=True)).learner_digest

    with client.open("plain", "late", seed=1) as stream:
        stream.play(X[:50], Y[:50])
        stream.skip(2)
        stream.no_target()
        stream.settle()
    assert asyncio.run(play()) == client.stream("plain", with_digest=True).learner_digest


def test_tasks_that_share_a_stream_follow_each_other_and_streams_run_beside(client):
    async def play() -> list[int]:
        async with millrace.aio.connect(client.address) as server:
            streams = [await server.open(f"beside-{i}", "line") for i in range(4)]
            steps = [stream.step(x, y) for x, y in zip(X, Y) for stream in streams]
            predictions = await asyncio.gather(*steps)
            for stream in streams:
                await stream.close()
            return [p.seq for p in predictions[::4]]

    assert asyncio.run(play()) == list(range(1, 61))


def test_the_loop_goes_on_while_a_reply_is_awaited(client):
    async def play() -> tuple[int, int]:
        async with millrace.aio.connect(client.address) as server:
            async with await server.open("busy", "line") as stream:
                playing = asyncio.create_task(stream.play(np.tile(X, (200, 1)),
                                                          np.tile(Y, (200, 1))))
                turns = 0
                while not playing.done():
                    turns += 1
                    await asyncio.sleep(0)
                return turns, len(await playing)

    turns, steps = asyncio.run(play())
    assert turns > 10 and steps == 12000


def test_watching_is_an_async_iterator_that_can_be_left(client):
    async def watch() -> list[list[str]]:
        async with millrace.aio.connect(client.address) as server:
            async with await server.open("watched", "line"):
                seen = []
                async for stats in server.watch(["watched"], period_ms=100):
                    seen.append([s.stream for s in stats])
                    if len(seen) == 2:
                        break
                return seen

    assert asyncio.run(watch()) == [["watched"], ["watched"]]


def test_a_watch_that_is_cancelled_ends_at_once(client):
    async def watch() -> None:
        async with millrace.aio.connect(client.address) as server:
            replies = server.watch(["watched"], period_ms=60000)
            await anext(replies)
            waiting = asyncio.create_task(anext(replies))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(asyncio.wait_for(watch(), timeout=30))


def test_refusals_are_raised_where_they_are_awaited(client):
    async def refused() -> None:
        async with millrace.aio.connect(client.address) as server:
            with pytest.raises(millrace.Error, match="NO_MODEL"):
                await server.open("orphan", "no-such-model")
            async with await server.open("refusing", "line") as stream:
                with pytest.raises(millrace.Error, match="BAD_SHAPE"):
                    await stream.step([1.0])
                with pytest.raises(ValueError, match="y has 1 values"):
                    await stream.step(X[0], 1.0)
                assert (await stream.step(X[0], Y[0])).seq == 1
            with pytest.raises(millrace.Error, match="NO_STREAM"):
                await server.call(server.client.freeze, "nobody")

    asyncio.run(refused())


def test_an_async_stream_has_every_method_of_a_stream_with_its_parameters():
    for name, method in inspect.getmembers(millrace.Stream, inspect.isfunction):
        if not name.startswith("_"):
            twin = inspect.signature(getattr(millrace.aio.AsyncStream, name))
            assert twin.parameters == inspect.signature(method).parameters, name
