"""The figures that are reported on a real recording are those a client computes for itself."""

from __future__ import annotations

import numpy as np
import player
import pytest
import sessions as recording
from conftest import SOURCE

import millrace

SEED = 1
SPECIFICATION = SOURCE / "deploy" / "models" / "bmi_wheelchair.textproto"
LATER, DAY_TWO = slice(1, None), slice(-3, None)


def replay(command, id, played, *words):
    files = [word for session in played for word in (
        "--inputs", session.counts_file, "--targets", session.labels_file)]
    return command.json("replay", id, *files, "--class_column", recording.CLASS_COLUMN, *words)


@pytest.fixture(scope="module")
def reported(server, command, played):
    """What the command reports, its stream "reported"; labels are released trial by trial."""
    command("model", "create", "bmi", "--spec", SPECIFICATION)
    command("stream", "open", "reported", "--model", "bmi", "--seed", SEED)
    return replay(command, "reported", played, "--release_column", recording.TRIAL_COLUMN,
                  "--shadow_after_file", 1)


@pytest.fixture(scope="module")
def recomputed(server, reported, played):
    """What a client decides from the replies it gets, its stream "recomputed"."""
    with millrace.connect(server.address) as client:
        client.open_stream("recomputed", "bmi", seed=SEED)
        return player.play(client, "recomputed", played, shadow_after=1)


def accuracies(decisions, played):
    return np.array([recording.accuracy(d, s) for d, s in zip(decisions, played)])


def test_the_reported_accuracy_is_the_one_a_client_computes_from_its_replies(
        reported, recomputed, played):
    live = [row["accuracy"] for row in reported["files"]]
    np.testing.assert_allclose(live, accuracies(recomputed.live, played), rtol=0, atol=1e-12)
    shadow = [row["shadow"]["accuracy"] for row in reported["files"][LATER]]
    np.testing.assert_allclose(shadow, accuracies(recomputed.shadow, played)[LATER], rtol=0,
                               atol=1e-12)


def test_both_streams_end_with_the_same_bits(server, reported, recomputed):
    with millrace.connect(server.address) as client:
        one, other = (client.stream(id, with_digest=True) for id in ("reported", "recomputed"))
    assert one.applied_seq == other.applied_seq == reported["steps"]
    assert one.learner_digest == other.learner_digest
    assert one.digest == other.digest


def test_labels_at_every_bin_give_another_figure(command, reported, played):
    command("stream", "open", "hasty", "--model", "bmi", "--seed", SEED)
    hasty = replay(command, "hasty", played)
    difference = hasty["accuracy"] - reported["accuracy"]
    assert abs(difference) > 0.005, (hasty["accuracy"], reported["accuracy"])


def test_it_decodes_the_later_sessions_and_the_second_day_and_beats_its_shadow(reported):
    live = np.array([row["accuracy"] for row in reported["files"]])
    shadow = np.array([row["shadow"]["accuracy"] for row in reported["files"][LATER]])
    assert live[LATER].mean() >= 0.92
    assert live[DAY_TWO].mean() >= 0.90
    assert live[DAY_TWO].mean() > shadow[DAY_TWO].mean()
    last_label = np.array([row["baselines"]["last_label"]["accuracy"]
                           for row in reported["files"]])
    assert live[LATER].mean() > last_label[LATER].mean() + 0.5


def test_the_report_is_complete(reported, played):
    assert reported["steps"] == sum(len(session.labels) for session in played)
    assert len(reported["files"]) == len(played)
    for name in ("wall_s", "steps_per_s", "latency_us", "loss", "accuracy", "accuracy_trial",
                 "accuracy_balanced", "kappa", "shadow", "baselines", "shifts"):
        assert name in reported, name
    assert set(reported["latency_us"]) == {"p50", "p99"}
    assert reported["lost_predictions"] == 0 and reported["reconnects"] == 0
