"""The engine against formulas of another program, over whole learning trajectories."""

import marschall
import numpy as np
import playing
import pytest

BOUND = 1e-12
STEPS, UNITS, INPUTS, OUTPUTS = 60, 5, 3, 4

RULES = {
    "RTRL": (marschall.Rtrl, {}, {}),
    "rflo": (marschall.Rflo, {}, {}),
    "UORO": (marschall.Uoro, {}, {"immediate_leak": False}),
    "uoro": (marschall.Uoro, {"leak_in_immediate": True}, {}),
    "KF-RTRL": (marschall.KfRtrl, {}, {}),
}
OPTIMIZERS = {
    "sgd": (lambda: marschall.Sgd(0.05), {"name": "SGD", "rate": 0.05}),
    "momentum": (
        lambda: marschall.Sgd(0.02, 0.6), {"name": "sgd", "rate": 0.02, "momentum": 0.6}),
    "adam": (
        lambda: marschall.Adam(0.01),
        {"name": "Adam", "rate": 0.01, "epsilon": 1e-3, "epsilon_uncorrected": True}),
    "adam_beside": (
        lambda: marschall.Adam(0.01, "beside"), {"name": "adam", "rate": 0.01, "epsilon": 1e-3}),
    "adam_inside": (
        lambda: marschall.Adam(0.01, "inside"),
        {"name": "adam", "rate": 0.01, "epsilon": 1e-3, "epsilon_inside": True}),
}


def recorded(rule, optimizer="sgd", loss="mse", leak=0.4, feedback=False):
    """What the other program does, as (IN, OUT)."""
    random = np.random.default_rng(11)
    network = marschall.Network(
        random.normal(size=(UNITS, UNITS + INPUTS + 1)) * 0.5,
        random.normal(size=(OUTPUTS, UNITS + 1)) * 0.5, leak, random.normal(size=UNITS) * 0.3)
    inputs = random.normal(size=(STEPS, INPUTS))
    make, options, settings = RULES[rule]
    if feedback:
        matrix = random.normal(size=(OUTPUTS, UNITS))
        options, settings = {"feedback": matrix}, {"feedback": matrix.tolist()}
    squared = loss == "mse"
    targets = (random.normal(size=(STEPS, OUTPUTS)) if squared
               else random.integers(OUTPUTS, size=STEPS))
    before = marschall.by_name(network.weights, network.readout, UNITS, INPUTS)
    recording = {
        "cell": "vanilla", "leak": leak, "loss": loss,
        "rule": {"name": rule, **settings}, "optimizer": OPTIMIZERS[optimizer][1],
        "weights": {name: block.tolist() for name, block in before.items()},
        "hidden": network.hidden.tolist(), "inputs": inputs.tolist(), "targets": targets.tolist(),
        "target_weight": OUTPUTS / 2 if squared else 1,
    }
    learning = make(network, random, **options)
    out = marschall.train(
        network, learning, OPTIMIZERS[optimizer][0](),
        marschall.squared_error if squared else marschall.softmax, inputs, targets)
    if hasattr(learning, "noise"):
        recording.update(noise=learning.noise, noise_state=learning.state)
    return recording, out


def largest_difference(played, expected):
    """Of all numbers, each relative to the largest of its kind where that is above 1."""
    worst = 0.0
    pairs = [(played[key], expected[key]) for key in ("loss", "hidden", "prediction")]
    for key in ("gradients", "weights"):
        assert played[key].keys() == expected[key].keys()
        pairs += [(played[key][name], expected[key][name]) for name in expected[key]]
    for ours, theirs in pairs:
        ours, theirs = np.array(ours), np.array(theirs)
        assert ours.shape == theirs.shape
        worst = max(worst, np.max(np.abs(ours - theirs)) / max(1.0, np.max(np.abs(theirs))))
    return worst


@pytest.mark.parametrize("loss", ["mse", "softmax"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("rule", RULES)
def test_a_trajectory_of_every_rule_is_that_of_its_formulas(rule, optimizer, loss, tmp_path):
    recording, expected = recorded(rule, optimizer, loss)
    assert largest_difference(playing.play(recording, tmp_path), expected) <= BOUND


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_place_of_epsilon_and_momentum_can_be_asked_for(optimizer, tmp_path):
    recording, expected = recorded("RTRL", optimizer)
    assert largest_difference(playing.play(recording, tmp_path), expected) <= BOUND


@pytest.mark.parametrize("rule", RULES)
def test_units_without_a_leak_are_the_plain_network(rule, tmp_path):
    recording, expected = recorded(rule, leak=1.0)
    assert largest_difference(playing.play(recording, tmp_path), expected) <= BOUND


def test_rflo_takes_a_fixed_matrix_for_its_feedback(tmp_path):
    recording, expected = recorded("rflo", feedback=True)
    assert largest_difference(playing.play(recording, tmp_path), expected) <= BOUND


def test_the_steps_differ_where_a_convention_does(tmp_path):
    for rule, optimizer, change in [
            ("UORO", "sgd", {"rule": {"name": "uoro"}}),
            ("RTRL", "sgd", {"target_weight": 1}),
            ("RTRL", "adam", {"optimizer": OPTIMIZERS["adam_beside"][1]}),
            ("RTRL", "adam_inside", {"optimizer": OPTIMIZERS["adam_beside"][1]}),
            ("KF-RTRL", "sgd", {"noise": [[1, 1]] * STEPS}),
            ("RTRL", "sgd", {"rule": "rflo"}),
            ("RTRL", "sgd", {"leak": 0.5})]:
        recording, expected = recorded(rule, optimizer)
        recording.update(change)
        assert largest_difference(playing.play(recording, tmp_path), expected) > 1e-6, change


def test_a_step_without_a_target_learns_nothing_and_has_no_loss(tmp_path):
    recording, _ = recorded("RTRL")
    recording["targets"][STEPS - 1] = None
    played = playing.play(recording, tmp_path)
    assert played["loss"][-1] is None
    assert not np.any(played["gradients"]["recurrent"][-1])
    for key in ("inputs", "targets"):
        recording[key] = recording[key][:-1]
    assert playing.play(recording, tmp_path)["weights"] == played["weights"]


def test_without_an_optimizer_weights_stay_and_gradients_are_there(tmp_path):
    recording, _ = recorded("RTRL")
    del recording["optimizer"]
    played = playing.play(recording, tmp_path)
    assert played["weights"] == recording["weights"]
    assert np.any(played["gradients"]["input"])


def test_classes_may_be_written_as_probabilities(tmp_path):
    recording, _ = recorded("RTRL", loss="softmax")
    by_class = playing.play(recording, tmp_path)
    recording["targets"] = np.eye(OUTPUTS)[recording["targets"]].tolist()
    by_row = playing.play(recording, tmp_path)
    assert largest_difference(by_row, by_class) <= BOUND


def test_b_of_uoro_may_be_written_in_the_order_of_the_weights(tmp_path):
    recording, _ = recorded("UORO")
    by_unit = playing.play(recording, tmp_path)
    recording["noise_state"]["B"] = np.array(recording["noise_state"]["B"]).T.ravel().tolist()
    assert playing.play(recording, tmp_path) == by_unit


def test_another_cell_has_its_own_weights_from_row_to_column(tmp_path):
    random = np.random.default_rng(5)
    weights = {f"{gate}.input": random.normal(size=(2, 3)) for gate in ("update", "candidate")}
    weights |= {f"{gate}.bias": random.normal(size=3) for gate in ("update", "candidate")}
    weights |= {"readout": random.normal(size=(3, 2)), "readout_bias": random.normal(size=2)}
    x = random.normal(size=(6, 2))
    played = playing.play({
        "cell": "min_gru", "weights": {name: block.tolist() for name, block in weights.items()},
        "inputs": x.tolist(), "targets": np.zeros((6, 2)).tolist()}, tmp_path)
    h = np.zeros(3)
    for t in range(6):
        z = 1 / (1 + np.exp(-(x[t] @ weights["update.input"] + weights["update.bias"])))
        h = (1 - z) * h + z * (x[t] @ weights["candidate.input"] + weights["candidate.bias"])
        y = h @ weights["readout"] + weights["readout_bias"]
        assert np.max(np.abs(np.array(played["hidden"][t]) - h)) <= BOUND
        assert np.max(np.abs(np.array(played["prediction"][t]) - y)) <= BOUND
        assert abs(played["loss"][t] - np.mean(y**2)) <= BOUND * np.mean(y**2) + BOUND
