"""millrace.river inside River's own evaluation, against `millrace replay` of the same recording."""

from __future__ import annotations

import numpy as np
import pytest

from server_fixture import RECORDINGS, model, needs_server, serving

river = pytest.importorskip("river")
from river import evaluate, metrics  # noqa: E402

import millrace.river  # noqa: E402

pytestmark = needs_server

RANDOM = np.random.default_rng(1)
STEPS = 400
X = RANDOM.normal(size=(STEPS, 3)).astype(np.float32)
LABELS = (X + 0.3 * RANDOM.normal(size=X.shape)).argmax(axis=1)
VALUES = (X[:, 0] - 0.5 * X[:, 1]).astype(np.float32)
NAMES = ["a", "b", "c"]
CLASSES = ["rock", "paper", "scissors"]
ROWS = [dict(zip(NAMES, row)) for row in X.tolist()]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    yield from serving(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, array in (("x", X), ("labels", LABELS), ("values", VALUES)):
        np.save(folder / f"{name}.npy", array.reshape(STEPS, -1).astype(np.float32))
    return folder


def replayed(served, name, spec, x, *arguments):
    """Plays the files into a new stream; returns the report and the learner's digest."""
    client, command = served
    client.open_stream(name, spec, seed=3)
    report = command.json("replay", name, "--inputs", x, *arguments)
    client.settle(name)
    return report, client.stream(name, with_digest=True).learner_digest


def test_accuracy_and_weights_are_those_of_replay(served, files):
    report, digest = replayed(served, "replayed", "classes", files / "x.npy", "--targets",
                              files / "labels.npy", "--class_column", 0)
    client, _ = served
    with client.open("river", "classes", seed=3) as stream:
        estimator = millrace.river.Classifier(stream, NAMES, CLASSES)
        metric = evaluate.progressive_val_score(
            zip(ROWS, (CLASSES[label] for label in LABELS)), estimator, metrics.Accuracy())
    assert metric.get() == report["accuracy"] > 0.5
    assert client.stream("river", with_digest=True).learner_digest == digest


@pytest.mark.parametrize("delay", [1, 3, 20])
def test_with_a_label_delay_it_is_the_replay_with_that_delay(served, files, delay):
    report, digest = replayed(served, f"replayed-{delay}", "classes_late", files / "x.npy",
                              "--targets", files / "labels.npy", "--class_column", 0,
                              *(["--target_delay", delay - 1] if delay > 1 else []))
    client, _ = served
    with client.open(f"river-{delay}", "classes_late", seed=3) as stream:
        metric = evaluate.progressive_val_score(
            zip(ROWS, (CLASSES[label] for label in LABELS)),
            millrace.river.Classifier(stream, NAMES, CLASSES), metrics.Accuracy(), delay=delay)
        stream.settle()
        assert stream.writer.learned_seq == STEPS
    assert metric.get() == report["accuracy"] > 0.4
    assert client.stream(f"river-{delay}", with_digest=True).learner_digest == digest


def test_probabilities_are_scored_and_weights_of_samples_count(served):
    client, _ = served
    with client.open("proba", "classes", seed=3) as stream:
        estimator = millrace.river.Classifier(stream, NAMES)
        chances = estimator.predict_proba_one(ROWS[0])
        assert list(chances) == [0, 1, 2] and sum(chances.values()) == pytest.approx(1, abs=1e-6)
        loss = evaluate.progressive_val_score(zip(ROWS, LABELS.tolist()), estimator,
                                              metrics.CrossEntropy()).get()
        assert 0 < loss < np.log(3) and stream.seq == STEPS
        before = client.stats("proba").updates
        estimator.learn_one(ROWS[0], 1, w=0.0)
        assert client.stats("proba").updates == before


@pytest.mark.parametrize("spec, delay", [("one", None), ("one_late", 5)])
def test_a_regression_has_the_loss_of_replay(served, files, spec, delay):
    arguments = ["--target_delay", delay - 1] if delay else []
    report, digest = replayed(served, f"replayed-{spec}", spec, files / "x.npy", "--targets",
                              files / "values.npy", *arguments)
    client, _ = served
    with client.open(f"river-{spec}", spec, seed=3) as stream:
        metric = evaluate.progressive_val_score(
            zip(ROWS, VALUES.tolist()), millrace.river.Regressor(stream, NAMES), metrics.MSE(),
            delay=delay)
        stream.settle()
    # Running mean there, sum and quotient here.
    assert metric.get() == pytest.approx(report["loss"], rel=1e-12)
    assert client.stream(f"river-{spec}", with_digest=True).learner_digest == digest


def test_answers_in_another_order_than_the_questions_find_their_step(served):
    client, _ = served
    with client.open("shuffled", "one_late", seed=3) as stream:
        estimator = millrace.river.Regressor(stream, NAMES)
        for row in ROWS[:4]:
            estimator.predict_one(row)
        for place in (2, 0, 3, 1):
            estimator.learn_one(ROWS[place], float(VALUES[place]))
        stream.settle()
        assert stream.writer.learned_seq == 4
    with client.open("in-order", "one_late", seed=3) as stream:
        stream.play(X[:4])
        stream.learn(VALUES[:4], 1)
        stream.settle()
    digests = {client.stream(name, with_digest=True).learner_digest
               for name in ("shuffled", "in-order")}
    assert len(digests) == 1


def test_the_electricity_recording_scores_as_in_replay(served, tmp_path):
    recording = RECORDINGS / "electricity" / "electricity.csv"
    if not recording.exists():
        pytest.skip(f"{recording} is not there")
    table = np.loadtxt(recording, delimiter=",", skiprows=1, max_rows=2000, dtype=np.float32)
    np.save(tmp_path / "x.npy", table[:, :6])
    np.save(tmp_path / "y.npy", table[:, 6:])
    client, _ = served
    client.create_model("elec", model(inputs=6, outputs=2, loss="cross_entropy", rate=0.003))
    report, _ = replayed(served, "elec-replayed", "elec", tmp_path / "x.npy", "--targets",
                         tmp_path / "y.npy", "--class_column", 0)
    names = ["period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"]
    with client.open("elec-river", "elec", seed=3) as stream:
        metric = evaluate.progressive_val_score(
            ((dict(zip(names, row[:6])), int(row[6])) for row in table.tolist()),
            millrace.river.Classifier(stream, names), metrics.Accuracy())
    assert metric.get() == report["accuracy"] > 0.6


def test_what_does_not_fit_is_refused_with_a_sentence(served):
    client, _ = served
    with client.open("refusing", "classes_late") as stream:
        estimator = millrace.river.Classifier(stream, NAMES, CLASSES)
        with pytest.raises(ValueError, match="was not asked about"):
            estimator.learn_one(ROWS[0], "rock")
        with pytest.raises(ValueError, match="expected one of"):
            estimator.learn_one(ROWS[0], "well")
        with pytest.raises(ValueError, match="expected a regression"):
            millrace.river.Regressor(stream, NAMES)
        with pytest.raises(ValueError, match="has 2 labels; .* 3 classes"):
            millrace.river.Classifier(stream, NAMES, ["rock", "paper"])
    with client.open("values", "line") as stream:
        with pytest.raises(ValueError, match="expected cross_entropy"):
            millrace.river.Classifier(stream, NAMES)
