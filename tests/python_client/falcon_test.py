"""The FALCON-style decoder against millraced, driven as that benchmark's evaluator drives one."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

import millrace
from millrace.falcon import Decoder
from server_fixture import needs_server, serving

pytestmark = needs_server
SPEC = """
    input { name: "vector" settings { name: "size" integer: 6 } }
    cell { name: "vanilla" settings { name: "units" integer: 12 } }
    head { name: "linear" settings { name: "outputs" integer: 2 } }
    loss { name: "mean_squared_error" }
    optimizer { name: "rmsprop" settings { name: "rate" number: 1e-2 } }
    target { name: "delayed" }"""
TRIAL = 20


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    for connected, _ in serving(tmp_path_factory.mktemp("server")):
        connected.create_model("bci", SPEC)
        yield connected


def session(seed: int, trials: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((trials * TRIAL, 6)).astype(np.float32)
    return x, (x[:, :2] + x[:, 2:4] - x[:, 4:]).astype(np.float32)


def evaluate(decoder: Decoder, tags: list[pathlib.Path], x: np.ndarray) -> np.ndarray:
    """x: [batch, T, d]; predictions [batch, T, m]. One bin in ten is not evaluated."""
    decoder.reset(dataset_tags=tags)
    seen = []
    for t in range(x.shape[1]):
        if t % 10 == 9:
            decoder.observe(x[:, t])
            seen.append(np.full((len(x), 2), np.nan))
        else:
            seen.append(decoder.predict(x[:, t]))
        decoder.on_done(np.full(len(x), (t + 1) % TRIAL == 0))
    return np.stack(seen, axis=1)


def test_sessions_adapt_side_by_side_from_labels_at_trial_ends(client):
    x, y = zip(*(session(seed, 30) for seed in (1, 2)), strict=True)
    tags = [pathlib.Path(f"data/S{k}_held_out.nwb") for k in (1, 2)]

    def labels(stream: millrace.Stream, first: int, last: int) -> np.ndarray:
        return y[int(stream.id.split("_")[0][-1]) - 1][first - 1:last]

    with Decoder(client, "bci", batch_size=2, labels=labels) as decoder:
        seen = evaluate(decoder, tags, np.stack(x))
        errors = np.nanmean((seen - np.stack(y)) ** 2, axis=2)
        for k, stream in enumerate(decoder.streams):
            assert stream.id == f"falcon-S{k + 1}_held_out"
            stream.settle()  # the last trial is learned from as steps go on
            assert stream.stats().updates == 30 * TRIAL
            assert stream.stats().resets == 29
            assert np.nanmean(errors[k, -100:]) < 0.3 * np.nanmean(errors[k, :100])


def test_without_labels_nothing_is_learned_and_no_step_stays_open(client):
    x, _ = session(3, 3)
    with Decoder(client, "bci", prefix="plain") as decoder:
        evaluate(decoder, [pathlib.Path("day.nwb")], x[None])
        stats = decoder.streams[0].stats()
        assert (stats.updates, stats.open_steps, stats.untargeted_steps) == (0, 0, 3 * TRIAL)


def test_new_sessions_begin_with_the_calibrated_decoder_and_known_ones_go_on(client):
    x, y = session(4, 10)
    with client.open("calibrated", "bci") as stream:
        stream.play(x, y)
    with Decoder(client, "bci", prefix="day", base="calibrated") as decoder:
        decoder.reset(["one"])
        first = decoder.predict(x[:1])
        assert np.abs(first - client.peek("calibrated", x[0]).outputs).mean() < 2
        assert decoder.streams[0].seq == len(x) + 1
        decoder.reset(["one"])
        decoder.predict(x[:1])
        assert decoder.streams[0].seq == len(x) + 2
        assert client.stream("calibrated").applied_seq == len(x)


def test_what_does_not_fit_is_refused_before_anything_is_sent(client):
    with Decoder(client, "bci", batch_size=2, prefix="bad") as decoder:
        with pytest.raises(ValueError, match="no session has begun"):
            decoder.predict(np.zeros((1, 6)))
        with pytest.raises(ValueError, match="at most 2, each once"):
            decoder.reset(["a", "a"])
        decoder.reset(["a", "b"])
        with pytest.raises(ValueError, match="row for each of 2"):
            decoder.predict(np.zeros((1, 6)))
        padded = decoder.predict(np.zeros((3, 6)))
        assert padded.shape == (3, 2) and np.isnan(padded[2]).all()
