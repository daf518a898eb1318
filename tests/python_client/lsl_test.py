"""millrace.lsl over the real liblsl: lost samples, targets, predictions that come back."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

pylsl = pytest.importorskip("pylsl")
from server_fixture import needs_server, serving  # noqa: E402

from millrace import lsl  # noqa: E402

RATE_HZ = 50.0
RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(60, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    for connected, _ in serving(tmp_path_factory.mktemp("server")):
        yield connected


class Source:
    """An LSL outlet of this test, and an inlet that is joined to it."""

    def __init__(self, channels: int, rate_hz: float = RATE_HZ):
        self.id = f"test-{uuid.uuid4()}"
        described = pylsl.StreamInfo(self.id, "Test", channels, rate_hz, "float32", self.id)
        self.outlet = pylsl.StreamOutlet(described)
        self.inlet = lsl.inlet(source_id=self.id)
        self.inlet.open_stream(timeout=10)

    def push(self, rows, places) -> None:
        for row, place in zip(rows, places):
            self.outlet.push_sample(np.atleast_1d(row).tolist(), 100.0 + place / RATE_HZ)


def places_with_jitter(kept: list[int], size: float) -> list[float]:
    return [place + size * float(RANDOM.uniform(-1, 1)) for place in kept]


@pytest.mark.parametrize("rate_error", [-0.003, 0.0, 0.003])
def test_jitter_and_a_rate_that_is_not_quite_nominal_lose_nothing(rate_error):
    clock = lsl.SampleClock(RATE_HZ)
    stamps = [7.0 + p * (1 + rate_error) / RATE_HZ
              for p in places_with_jitter(list(range(5000)), 0.2)]
    assert [clock.lost(stamp) for stamp in stamps] == [0] * 5000


def test_what_is_missing_is_counted_where_it_is_missing():
    clock = lsl.SampleClock(RATE_HZ)
    kept = [p for p in range(1000) if p not in (10, 500, 501, 502)]
    lost = [clock.lost(p / RATE_HZ) for p in places_with_jitter(kept, 0.2)]
    assert {kept[i]: n for i, n in enumerate(lost) if n} == {11: 1, 503: 3}


def test_a_stamp_that_came_late_is_made_good():
    clock = lsl.SampleClock(RATE_HZ)
    stamps = [0, 1, 2.6, 3, 4, 6, 7]
    lost = [max(0, clock.lost(p / RATE_HZ)) for p in stamps]
    assert sum(lost) == 1 and len(stamps) + sum(lost) == 8  # places 0 to 7


def test_an_irregular_stream_has_no_gaps():
    clock = lsl.SampleClock(0.0)
    assert [clock.lost(stamp) for stamp in (0.0, 100.0, 3.0)] == [0, 0, 0]


@needs_server
def test_lost_samples_are_skipped_and_predictions_come_back_with_their_stamps(client):
    source = Source(3)
    kept = [p for p in range(40) if p not in (12, 13, 30)]
    with client.open("bridged", "line", seed=1) as stream, \
            lsl.Bridge(stream, source.inlet, predictions=source.id + "-back") as bridge:
        back = lsl.inlet(name=source.id + "-back")
        back.open_stream(timeout=10)
        source.push(X[kept], kept)
        told = bridge.run(steps=len(kept))
        predictions = [back.pull_sample(timeout=10) for _ in kept]
    assert (told.steps, told.skipped, told.resets) == (37, 3, 0)
    np.testing.assert_allclose([stamp for _, stamp in predictions],
                               [100.0 + p / RATE_HZ for p in kept], atol=1e-6)
    with client.open("by-hand", "line", seed=1) as stream:
        first = stream.play(X[:12]).outputs
        stream.skip(2)
        second = stream.play(X[14:30]).outputs
        stream.skip(1)
        third = stream.play(X[31:40]).outputs
    np.testing.assert_array_equal(np.array([row for row, _ in predictions], np.float32),
                                  np.concatenate([first, second, third]))
    digests = {client.stream(name, with_digest=True).digest for name in ("bridged", "by-hand")}
    assert len(digests) == 1


@needs_server
def test_targets_find_their_step_by_their_stamp(client):
    source, cues = Source(3), Source(1, rate_hz=pylsl.IRREGULAR_RATE)
    labels = X.argmax(axis=1)
    with client.open("cued", "classes_late", seed=1) as stream, \
            lsl.Bridge(stream, source.inlet, targets=cues.inlet, memory=5) as bridge:
        source.push(X[:20], range(20))
        bridge.run(steps=20)  # 15 have left the memory: they get none
        stream.settle()
        assert stream.writer.learned_seq == 15
        cues.push([*labels[16:20], 1], [16.2, 17, 18, 19, 900])
        while bridge.tally.targets + bridge.tally.strays < 5:
            bridge.step(timeout_s=0.05)
        stream.no_target()
        stream.settle()
        assert stream.writer.learned_seq == 20
    assert (bridge.tally.targets, bridge.tally.strays) == (4, 1)
    with client.open("told", "classes_late", seed=1) as stream:
        stream.play(X[:20], [-1] * 16 + labels[16:20].tolist())
        stream.no_target()
        stream.settle()
    digests = {client.stream(name, with_digest=True).learner_digest for name in ("cued", "told")}
    assert len(digests) == 1


@needs_server
def test_a_pause_resets_instead_of_being_skipped(client):
    source = Source(3)
    with client.open("paused", "line") as stream, \
            lsl.Bridge(stream, source.inlet, most_lost=100) as bridge:
        source.push(X[:7], [0, 1, 2, 5000, 5001, 10, 11])  # a pause; then a clock that goes back
        told = bridge.run(steps=7)
    assert (told.steps, told.skipped, told.resets) == (7, 0, 2)
    assert client.stats("paused").resets == 2


@needs_server
def test_targets_of_their_own_need_a_model_that_waits_for_them(client):
    source = Source(3)
    with client.open("refusing", "line") as stream:
        with pytest.raises(ValueError, match="need \"delayed\""):
            lsl.Bridge(stream, source.inlet, targets=source.inlet)


def test_a_source_that_is_not_there_or_not_the_only_one_is_named():
    with pytest.raises(TimeoutError, match="source_id='nobody'"):
        lsl.inlet(timeout_s=0.2, source_id="nobody")
    twins = f"twins-{uuid.uuid4()}"
    described = [pylsl.StreamInfo(twins, "Test", 1, 1.0, "float32", f"{twins}-{i}")
                 for i in range(2)]
    outlets = [pylsl.StreamOutlet(one) for one in described]
    with pytest.raises(ValueError, match=f"2 LSL streams have name='{twins}'"):
        lsl.inlet(name=twins)
    assert len(outlets) == 2
