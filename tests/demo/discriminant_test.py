"""Tests of the demo's online linear discriminant and of the packed recording it plays."""

from __future__ import annotations

import hashlib
import pathlib
import sys
import time
import unittest

import numpy as np

DEMO = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "demo"
sys.path.insert(0, str(DEMO))

from discriminant import (  # noqa: E402
    ForgettingGaussians,
    OnlineDiscriminant,
    RunningNormaliser,
)
from pack_sessions import narrowed  # noqa: E402

RECORDING = DEMO / "bmi_wheelchair"


def play(decoder: OnlineDiscriminant, counts: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Play one session, releasing labels when the trial column changes; return decisions [T]."""
    decoder.start_session()
    decisions = np.empty(len(counts), dtype=int)
    for t, bin_counts in enumerate(counts):
        if t and labels[t, 1] != labels[t - 1, 1]:
            decoder.release(labels[t - decoder.open_bins : t, 0])
        decisions[t] = decoder.observe(bin_counts)
    decoder.release(labels[len(counts) - decoder.open_bins :, 0])
    return decisions


def accuracy(decisions: np.ndarray, classes: np.ndarray) -> float:
    known = classes >= 0
    return float((decisions[known] == classes[known]).mean())


class NormaliserTest(unittest.TestCase):
    def test_first_value_is_scored_against_mean_zero_and_variance_one(self) -> None:
        z = RunningNormaliser(1, window=100.0).normalise(np.array([1.0]))
        self.assertAlmostEqual(float(z[0]), 1.0 / np.sqrt(1.01), places=12)

    def test_statistics_reach_those_of_a_stationary_signal(self) -> None:
        normaliser = RunningNormaliser(2, window=2000.0)
        signal = np.random.default_rng(0).normal([3.0, -1.0], [2.0, 0.5], (20000, 2))
        z = np.stack([normaliser.normalise(x) for x in signal])[10000:]
        np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=0.1)
        np.testing.assert_allclose(z.std(axis=0), [1.0, 0.98], atol=0.05)

    def test_one_glitch_does_not_blind_the_channel(self) -> None:
        normaliser = RunningNormaliser(1, window=1000.0)
        signal = np.random.default_rng(1).normal(size=(2000, 1))
        for x in signal[:1000]:
            normaliser.normalise(x)
        self.assertEqual(float(normaliser.normalise(np.array([1e6]))[0]), 5.0)
        after = np.array([normaliser.normalise(x)[0] for x in signal[1000:1100]])
        self.assertGreater(after.std(), 0.7)


class GaussiansTest(unittest.TestCase):
    def test_without_forgetting_it_equals_the_batch_discriminant(self) -> None:
        rng = np.random.default_rng(2)
        labels = rng.integers(0, 3, 300)
        features = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4)) + labels[:, None]
        online = ForgettingGaussians(4, 3, forgetting=1.0, ridge=0.1)
        for start in range(0, 300, 37):
            online.learn(features[start : start + 37], labels[start : start + 37])
        mean = np.stack([features[labels == c].mean(axis=0) for c in range(3)])
        residual = features - mean[labels]
        gain = np.linalg.solve(residual.T @ residual / 300 + 0.1 * np.eye(4), mean.T).T
        expected = features @ gain.T - 0.5 * (gain * mean).sum(axis=1)
        scores = np.stack([online.scores(f) for f in features])
        np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-9)

    def test_grouping_of_the_labels_does_not_matter(self) -> None:
        rng = np.random.default_rng(3)
        features, labels = rng.normal(size=(60, 3)), np.arange(60) % 2
        at_once = ForgettingGaussians(3, 2, forgetting=0.9, ridge=0.1)
        one_by_one = ForgettingGaussians(3, 2, forgetting=0.9, ridge=0.1)
        at_once.learn(features, labels)
        for t in range(60):
            one_by_one.learn(features[t : t + 1], labels[t : t + 1])
        np.testing.assert_allclose(
            at_once.scores(features[0]), one_by_one.scores(features[0]), rtol=1e-9
        )

    def test_a_class_without_labels_is_never_chosen(self) -> None:
        gaussians = ForgettingGaussians(2, 4, forgetting=1.0, ridge=0.1)
        gaussians.learn(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([3, 1]))
        scores = gaussians.scores(np.array([2.0, 0.0]))
        self.assertEqual(int(np.argmax(scores)), 3)
        self.assertTrue(np.isneginf(scores[[0, 2]]).all())


class OnlineDiscriminantTest(unittest.TestCase):
    def test_a_label_changes_no_decision_before_it_is_released(self) -> None:
        counts = np.random.default_rng(4).poisson(2.0, (50, 3))
        told, untold = OnlineDiscriminant(3, 2), OnlineDiscriminant(3, 2)
        told.observe(counts[0])
        untold.observe(counts[0])
        self.assertEqual(
            [told.observe(c) for c in counts[1:]], [untold.observe(c) for c in counts[1:]]
        )
        self.assertEqual(told.open_bins, 50)
        told.release([1] * 50)
        self.assertEqual(told.open_bins, 0)
        self.assertEqual(told.observe(counts[0]), 1)

    def test_bins_without_a_label_are_closed_and_not_learned(self) -> None:
        decoder = OnlineDiscriminant(2, 2)
        decoder.observe([1, 2])
        decoder.release([-1])
        self.assertEqual(decoder.open_bins, 0)
        self.assertEqual(decoder.observe([1, 2]), 0)

    def test_more_labels_than_open_bins_are_refused_and_change_nothing(self) -> None:
        decoder = OnlineDiscriminant(2, 2)
        decoder.observe([1, 2])
        with self.assertRaisesRegex(ValueError, "got 2 labels for 1 open bins"):
            decoder.release([1, 1])
        self.assertEqual(decoder.open_bins, 1)

    def test_a_label_that_is_no_class_is_refused(self) -> None:
        decoder = OnlineDiscriminant(2, 2)
        decoder.observe([1, 2])
        for label in (-2, 2):
            with self.subTest(label=label), self.assertRaisesRegex(ValueError, "expected -1 to 1"):
                decoder.release([label])
        self.assertEqual(decoder.open_bins, 1)

    def test_wrong_width_and_impossible_counts_are_refused(self) -> None:
        decoder = OnlineDiscriminant(2, 2)
        for counts in ([1, 2, 3], [1, -1], [1, np.nan], [np.inf, 0]):
            with self.subTest(counts=counts), self.assertRaises(ValueError):
                decoder.observe(counts)
        self.assertEqual(decoder.open_bins, 0)

    def test_it_follows_a_signal_that_flips_and_its_frozen_copy_does_not(self) -> None:
        rng = np.random.default_rng(5)
        live, frozen = (OnlineDiscriminant(2, 2, half_life=200) for _ in range(2))
        hits = {"live": 0, "frozen": 0}
        for trial in range(120):
            flipped, label = trial >= 60, int(rng.integers(2))
            if trial == 60:
                frozen.freeze()
            rates = [1.0, 9.0] if label != flipped else [9.0, 1.0]
            counts = rng.poisson(rates, (20, 2))
            for name, decoder in (("live", live), ("frozen", frozen)):
                decisions = [decoder.observe(c) for c in counts]
                hits[name] += (trial >= 100) * decisions[10:].count(label)
                decoder.release([label] * 20)
        self.assertGreater(hits["live"], 180)
        self.assertLess(hits["frozen"], 60)


class RecordingTest(unittest.TestCase):
    def test_a_value_that_the_narrow_type_cannot_hold_stops_the_packing(self) -> None:
        for value in (256.0, -1.0, 0.5, np.nan):
            with self.subTest(value=value), self.assertRaises(ValueError):
                narrowed(np.array([[value]], dtype=np.float32), np.uint8, "x")

    def test_the_files_are_those_of_the_checksums(self) -> None:
        lines = (RECORDING / "SHA256SUMS").read_text().splitlines()
        named = {name: digest for digest, name in (line.split("  ") for line in lines)}
        present = {p.name for p in RECORDING.iterdir() if p.suffix in (".npy", ".csv")}
        self.assertEqual(set(named), present)
        for name, digest in named.items():
            with self.subTest(name=name):
                content = (RECORDING / name).read_bytes()
                self.assertEqual(hashlib.sha256(content).hexdigest(), digest)

    def test_every_session_has_counts_and_labels_of_one_length(self) -> None:
        paths = sorted(RECORDING.glob("*_counts.npy"))
        self.assertEqual(len(paths), 14)
        for path in paths:
            counts = np.load(path)
            labels = np.load(path.with_name(path.name.replace("counts", "labels")))
            self.assertEqual((counts.dtype, counts.shape[1]), (np.uint8, 21))
            self.assertEqual((labels.dtype, labels.shape), (np.int16, (len(counts), 2)))
            np.testing.assert_array_equal(labels[:, 0] >= 0, labels[:, 1] >= 0)

    def test_the_first_day_is_decoded_within_seconds(self) -> None:
        decoder = OnlineDiscriminant(21, 4)
        started, scores = time.perf_counter(), []
        for path in sorted(RECORDING.glob("20141211_*_counts.npy")):
            labels = np.load(path.with_name(path.name.replace("counts", "labels"))).astype(int)
            scores.append(accuracy(play(decoder, np.load(path), labels), labels[:, 0]))
        self.assertGreater(scores[0], 0.75)
        self.assertGreater(float(np.mean(scores[1:])), 0.93)
        self.assertLess(time.perf_counter() - started, 20.0)


if __name__ == "__main__":
    unittest.main()
