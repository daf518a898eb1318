"""The reproductions' own parts: tasks, baselines, tables, and one short play on a real server."""

from __future__ import annotations

import hashlib
import os
import pathlib
import struct
import subprocess
import sys

import numpy as np
import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "deploy" / "demo")]

import baselines  # noqa: E402  found through the path above, as all below
import concepts  # noqa: E402
import core  # noqa: E402
import electricity  # noqa: E402
import logistic  # noqa: E402
import memory_tasks  # noqa: E402
import readme  # noqa: E402
import rows  # noqa: E402
import run  # noqa: E402
import spec  # noqa: E402
import tasks  # noqa: E402
import text_counts  # noqa: E402
from experiment import Player, accuracy, squared_error  # noqa: E402
from report import Line, Report, number, spread, table  # noqa: E402
from server import Server  # noqa: E402


# Of the first 3000 rows and labels that River 0.26.1 draws: (seed, drifting, magnitude).
RIVER = {
    (42, 10, 0.001): "d3f040445a520cc1932f6ab4f189aa417c323caa3f72f738365c8da3c5f4f544",
    (7, 10, 0.01): "f17aebe47ff4081c008fb742b55b765d6ed6e32da4c594c4deeda115f9b660a5",
    (1, 2, 0.001): "31de807e76c6a201916b2528f5cfe2921a9c1fada1841d754954edd5ed2b845e",
}


@pytest.mark.parametrize("setting", RIVER)
def test_hyperplane_is_rivers_number_for_number(setting):
    seed, drifting, magnitude = setting
    task = concepts.hyperplane(seed, 3000, drifting=drifting, magnitude=magnitude)
    digest = hashlib.sha256()
    for row, label in zip(task.inputs, task.classes):
        digest.update(struct.pack("<10d", *row) + bytes([int(label)]))
    assert digest.hexdigest() == RIVER[setting]


def test_a_sine_keeps_its_phase_where_its_rate_jumps():
    task = tasks.sine((0.1, 0.3), steps=100)
    assert len(task) == 200 and task.scored.sum() == 100
    np.testing.assert_array_equal(task.values[:-1], task.inputs[1:])
    phase = np.arange(200) * 0.1 + np.maximum(np.arange(200) - 99, 0) * 0.2
    np.testing.assert_allclose(task.inputs[:, 0], np.sin(phase), atol=1e-12)


def test_a_target_further_ahead_is_the_input_of_that_many_steps_later():
    task = tasks.sine((0.1, 0.3), steps=100, ahead=50)
    np.testing.assert_array_equal(task.values[:-50], task.inputs[50:])


def test_lorenz_is_z_scored_by_the_part_before_the_shift_and_settles_after_it():
    task = tasks.lorenz(dt=0.01, steps=500)
    np.testing.assert_allclose(task.inputs[:500].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(task.inputs[:500].std(axis=0), 1, atol=1e-12)
    # At rho = 20 the fixed points attract: the series comes to rest.
    calm = tasks.lorenz(dt=0.02, steps=4000).inputs
    assert np.ptp(calm[-200:], axis=0).max() < 1e-3 < np.ptp(calm[3000:4000], axis=0).min()


def test_saying_one_in_the_adding_task_errs_by_a_sixth():
    task = memory_tasks.adding(1, 20000, 10)
    due = ~np.isnan(task.values[:, 0])
    assert due.sum() == 20000
    assert np.mean((task.values[due] - 1.0) ** 2) == pytest.approx(1 / 6, abs=0.005)
    marked = task.inputs.reshape(20000, 10, 2)
    np.testing.assert_allclose((marked[:, :, 0] * marked[:, :, 1]).sum(axis=1),
                               task.values[due, 0])


def test_what_is_due_in_copy_tasks_is_what_was_shown():
    copied = memory_tasks.copy(1, 50)
    shown = copied.inputs.reshape(50, 11, 5)
    np.testing.assert_array_equal(shown[:, :3, :4].argmax(axis=2),
                                  copied.classes.reshape(50, 11)[:, -3:])
    selected = memory_tasks.selective_copy(1, 50)
    for inputs, due in zip(selected.inputs.reshape(50, 10, 7), selected.classes.reshape(50, 10)):
        tokens = inputs[:8, :4]
        np.testing.assert_array_equal(tokens[tokens.sum(axis=1) > 0].argmax(axis=1), due[8:])
        assert (due[:8] == -1).all()


def test_a_memory_chain_asks_for_its_first_bit():
    task = memory_tasks.memory_chain(1, 50, 6)
    bits = task.inputs.reshape(50, 8, 3)
    np.testing.assert_array_equal(task.classes.reshape(50, 8)[:, -1], bits[:, 0, 0] > 0)
    np.testing.assert_array_equal(bits[:, :, 1].argmax(axis=1), 0)
    assert list(task.resets) == list(range(0, 400, 8))


def test_delayed_xor_is_of_the_two_bits_so_long_ago():
    task = memory_tasks.delayed_xor(1, 100, 3)
    bits = (task.inputs[:, 0] > 0).astype(int)
    for t in range(4, 100):
        assert task.classes[t] == bits[t - 3] ^ bits[t - 4]
    assert (task.classes[:4] == -1).all()


def test_recursive_least_squares_finds_a_sine_and_uses_no_target_too_early():
    task = tasks.sine((0.1, 0.1), steps=200)
    assert squared_error(baselines.autoregression(task), task) < 1e-7
    changed = task.values.copy()
    changed[100:] += 5.0
    spoilt = baselines.recursive_least_squares(baselines.lags(task.inputs, 4), changed,
                                               forgetting=0.99, lateness=50)
    whole = baselines.recursive_least_squares(baselines.lags(task.inputs, 4), task.values,
                                              forgetting=0.99, lateness=50)
    np.testing.assert_array_equal(spoilt[:150], whole[:150])
    assert not np.array_equal(spoilt[150:], whole[150:])


def test_logistic_regression_learns_a_plane_beside_a_useless_setting():
    task = concepts.hyperplane(3, 4000, drifting=0, noise=0.0)
    scores = logistic.accuracies(task.inputs[None] - 0.5, task.classes[None],
                                 [(0.01, 0.99), (1e-9, 0.99)])
    assert scores.shape == (1, 2) and scores[0, 0] > 0.9 and scores[0, 0] > scores[0, 1]


def test_recovery_of_the_published_multi_sine_rows_is_the_published_one():
    lines = [Line("decay 0.95", [0.124]), Line("ring k=4", [0.0046]), Line("full RTRL", [0.0021])]
    core.add_recovery(lines)
    assert [line.more["recovery %"] for line in lines] == ["0", "81", "100"]


def test_scores_leave_out_what_is_not_due():
    task = tasks.Task(np.zeros((4, 1)), np.array([False, True, True, True]),
                      values=np.array([[9.0], [1.0], [np.nan], [3.0]]))
    assert squared_error(np.array([[0.0], [0.0], [7.0], [0.0]]), task) == 5.0
    task = tasks.Task(np.zeros((3, 1)), np.ones(3, bool), classes=np.array([1, -1, 0]))
    assert accuracy(np.array([[0, 1], [0, 1], [0, 1]]), task) == 0.5


def test_a_table_shows_spread_divergence_and_refusal():
    lines = [Line("a", [1.0, 3.0], published="2"), Line("b", [1.0, float("inf")]),
             Line("c", [], refusal="no")]
    text = table(lines, "MSE")
    assert "| a | 2 | 2.00 +- 1.00 (2 seeds) |" in text
    assert "diverges (1 of 2)" in text and "| c | - | refused |" in text
    assert spread([0.9712], 2) == "0.97" and number(0.00033) == "3.3e-04"


def test_the_best_line_is_the_finite_one_with_the_least_error_or_the_most_hits():
    lines = [Line("fast", [float("nan")], wall_s=9.0), Line("slow", [0.3, 0.5], wall_s=1.0),
             Line("middle", [0.2, 0.4]), Line("none", [], refusal="no")]
    found = rows.best("SGD", lines)
    assert (found.name, found.mean, found.wall_s) == ("SGD", pytest.approx(0.3), 9.0)
    assert found.more == {"best with": "middle"}
    assert rows.best("SGD", lines, most=True).more == {"best with": "slow"}


def test_counted_contexts_learn_what_follows_what_and_xz_agrees():
    text = b"ab" * 500
    assert text_counts.counted(text, 0) == pytest.approx(1.0, abs=0.05)
    assert text_counts.counted(text, 1) < 0.1
    assert text_counts.xz(text) < 1.0
    noise = bytes(np.random.default_rng(1).integers(0, 256, 4000, dtype=np.uint8))
    assert text_counts.counted(noise, 2) > 7.9


def test_the_rules_of_electricity_score_what_they_are_known_to():
    if not (concepts.recordings() / "electricity").exists():
        pytest.skip("the recordings are not there")
    task = concepts.electricity(last_label=True)
    assert electricity.rule_accuracy(task, 48) > 0.999
    assert electricity.filtered_rule(task, 24.0) == pytest.approx(0.933, abs=0.001)
    np.testing.assert_array_equal(task.inputs[1:, -1], 2 * task.classes[:-1] - 1)


def test_a_table_goes_into_its_own_section_of_the_readme(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("a\n<!-- sine -->\nold\n<!-- end of sine -->\nb\n", encoding="utf-8")
    readme.insert(page, "sine", Report("| new |", {}), 1.0)
    text = page.read_text(encoding="utf-8")
    assert "| new |" in text and "old" not in text
    assert text.startswith("a\n") and text.endswith("-->\nb\n")
    with pytest.raises(ValueError, match="no section for 'lorenz'"):
        readme.insert(page, "lorenz", Report("", {}), 1.0)


def test_every_experiment_has_a_module_and_a_section():
    page = (HERE / "README.md").read_text(encoding="utf-8")
    for name in run.EXPERIMENTS:
        assert (HERE / f"{name}.py").exists()
        assert f"<!-- {name} -->" in page


def test_an_unknown_experiment_is_refused_by_name():
    done = subprocess.run([sys.executable, HERE / "run.py", "sinus"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2
    assert "got sinus; expected all or some of sine" in done.stderr


@pytest.fixture
def player(tmp_path):
    import millrace
    if "MILLRACE_BIN" not in os.environ:
        pytest.skip("MILLRACE_BIN is not set: no server to play on")
    server = Server(pathlib.Path(os.environ["MILLRACE_BIN"]), tmp_path)
    server.start()
    with millrace.connect(server.address) as client:
        yield Player(client, "test", seeds=(1, 2))
    server.stop()


def test_seeds_differ_a_repeat_is_the_same_and_learning_beats_stopping(player):
    task = tasks.sine((0.1, 0.3), steps=300)
    model = spec.vanilla("B", units=16, rule="immediate", optimizer=("sgd", {"rate": 0.05}))
    first, again = player.play(model, task), player.play(model, task)
    stopped = player.play(model, task, frozen=True)
    assert not np.array_equal(first.outputs[0], first.outputs[1])
    np.testing.assert_array_equal(first.outputs, again.outputs)
    np.testing.assert_array_equal(first.outputs[0][:300], stopped.outputs[0][:300])
    assert squared_error(first.outputs[0], task) < 0.5 * squared_error(stopped.outputs[0], task)
    assert first.parameters == 16 * 16 + 16 + 16 + 16 + 1 and first.stream_bytes > 0
    assert list(player.server.streams()) == []
