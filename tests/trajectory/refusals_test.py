"""What millrace-trajectory refuses: one sentence, exit code 2, nothing written."""

import copy
import json
import os
import subprocess

import playing
import pytest


def recording(**changes):
    """Two units, one input, two outputs, three steps."""
    base = {
        "cell": "vanilla", "leak": 0.5, "loss": "mse",
        "rule": {"name": "uoro"}, "optimizer": {"name": "sgd", "rate": 0.1},
        "weights": {
            "input": [[0.1], [0.2]], "recurrent": [[0.1, 0.2], [0.3, 0.4]], "bias": [0.0, 0.1],
            "readout": [[0.5, 0.6], [0.7, 0.8]], "readout_bias": [0.0, 0.0]},
        "hidden": [0.1, -0.1], "inputs": [[1.0], [2.0], [3.0]],
        "targets": [[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]],
        "noise": [[1, -1], [1, 1], [-1, 1]],
        "noise_state": {"A": [0.1, 0.2], "B": [[0.1] * 4, [0.2] * 4]},
    }
    return copy.deepcopy(base) | changes


def weights(**changes):
    return {"weights": recording()["weights"] | changes}


def without(*keys):
    return {key: value for key, value in recording().items() if key not in keys}


def deterministic(**changes):
    return without("noise", "noise_state", "rule") | {"rule": "rtrl"} | changes


CASES = [
    ("[1, 2]", "the file is an array of 2; expected one JSON object"),
    ('{"leak": NaN}', "no JSON"),
    ('{"leak": 1e999}', "no JSON"),
    ('{"leak": 1, "leak": 2}', "key 'leak' is there twice"),
    (recording(speed=1), "key 'speed' of the file is unknown; known keys: cell"),
    (recording(cell="warp"), "cell 'warp' is unknown; known cells:"),
    (recording(cell=3), "cell is 3; expected a name, or an object"),
    (recording(cell={"units": 2}), "cell is an object without a name"),
    (recording(cell={"name": "vanilla", "leak": 1}), "leak is there twice"),
    (recording(cell={"name": "vanilla", "units": 3}), "weights.recurrent is an array of 2"),
    (recording(leak="half"), "leak is the text 'half'; expected a number"),
    (recording(leak=2), "setting 'leak' of cell 'vanilla' is 2"),
    (recording(loss="hinge"), "loss 'hinge' is unknown"),
    (recording(head={"name": "least_squares"}), "head is 'least_squares'"),
    (recording(rule={"name": "uoro", "pace": 1}), "setting 'pace' of rule 'uoro' is unknown"),
    (recording(rule={"name": ["uoro"]}), "rule.name is an array of 1; expected a text"),
    (recording(rule={"name": "uoro", "immediate_leak": 0}), "rule.immediate_leak is 0"),
    (recording(rule={"name": "uoro", "feedback": [[1, 1]]}), "rule.feedback is a matrix"),
    (deterministic(rule={"name": "rtrl", "immediate_leak": False}), "it with rule 'uoro'"),
    (without("noise") | {"rule": {"name": "uoro", "immediate_leak": False}}, "without noise"),
    (recording(optimizer={"name": "sgd", "rate": None}), "optimizer.rate is null"),
    (recording(optimizer={"name": "sgd", "rate": "1"}), "setting 'rate' of optimizer 'sgd'"),
    (without("weights"), "weights is missing; expected an object of matrices"),
    (recording(**weights(gate=[1])), "weights.gate is unknown; weights of this model: recurrent"),
    (recording(weights={"bias": [0, 0], "readout_bias": [0, 0]}), "weights.recurrent is missing"),
    (recording(**weights(input=[[0.1, 0.2]])), "weights.input is an array of 1; expected an array "
     "of 2 rows of 1 numbers"),
    (recording(**weights(recurrent=[[1, 2], [3]])), "weights.recurrent[1] is an array of 1"),
    (recording(**weights(recurrent=[[1, 2], [3, None]])), "weights.recurrent[1][1] is null"),
    (recording(**weights(readout=[[1, 2], [True, 3]])), "weights.readout[1][0] is true"),
    (recording(hidden=[1]), "hidden is an array of 1; expected an array of 2 numbers"),
    (without("inputs"), "inputs is missing; expected an array [T][d]"),
    (recording(inputs=[]), "inputs is an array of 0"),
    (recording(inputs=[[1.0], [2.0], [3.0, 4.0]]), "inputs[2] is an array of 2"),
    (without("targets"), "targets is missing; expected an array of 3"),
    (recording(targets=[[0, 0]]), "targets is an array of 1; expected an array of 3"),
    (recording(targets=[[0, 0], [0], [0, 0]]), "targets[1] is an array of 1"),
    (recording(loss="softmax", targets=[0, 1, 2]), "targets[2] is 2; expected a class from 0 to 1"),
    (recording(loss="softmax", targets=[0, 1, 0.5]), "targets[2] is 0.5; expected a class"),
    (recording(loss="softmax", targets=[0, 1, [0.5, 0.6]]), "targets[2] is of the sum 1.1"),
    (recording(loss="softmax", targets=[0, 1, [2, -1]]), "with the value -1; expected prob"),
    (recording(loss="binary_cross_entropy", targets=[[0, 1], [0, 2], None]), "values from 0 to 1"),
    (recording(target_weight=0), "target_weight is 0; expected a number above 0"),
    (recording(seed=-1), "seed is -1; expected an integer of at least 0"),
    (recording(noise=[[1, 1], [1, 1]]), "noise is an array of 2; expected an array of 3 rows"),
    (recording(noise=[[1], [1], [1]]), "noise[0] is an array of 1"),
    (deterministic(noise=[[1, 1]] * 3), "rule 'rtrl' draws nothing"),
    (deterministic(noise_state={"A": [], "B": []}), "rule 'rtrl' draws nothing"),
    (recording(noise_state={"A": [1, 2]}), "expected an object of A and B"),
    (recording(noise_state={"A": [1, 2], "B": [1] * 8, "C": 1}), "key 'C' of noise_state"),
    (recording(noise_state={"A": [1], "B": [1] * 8}), "noise_state.A is an array of 1"),
    (recording(noise_state={"A": [1, 2], "B": [[1] * 3] * 2}), "noise_state.B[0] is an array of 3"),
    (recording(noise_state={"A": [1, 2], "B": [1] * 7}), "expected an array of 8 numbers"),
    (recording(targets=[[0, 0], [1e300, 0], [0, 0]]), "the loss of step 1"),
    (deterministic(targets=[[0, 0], [1e150, 0], [1e150, 0]],
                   optimizer={"name": "sgd", "rate": 100}), "of step 2"),
]


@pytest.mark.parametrize("wrong,sentence", CASES, ids=[case[1][:40] for case in CASES])
def test_what_is_wrong_ends_with_one_sentence_and_nothing_is_written(wrong, sentence, tmp_path):
    code, played, errors = playing.run(wrong, tmp_path)
    assert sentence in errors, errors
    assert errors.startswith("millrace-trajectory: ") and errors.count("\n") == 1
    assert code == 2 and played is None
    assert [file.name for file in tmp_path.iterdir()] == ["in.json"]


def test_the_recording_that_the_refusals_change_is_itself_played(tmp_path):
    playing.play(recording(), tmp_path)
    (tmp_path / "out.json").unlink()
    playing.play(deterministic(), tmp_path)


def test_a_result_that_is_there_stays_where_a_recording_is_refused(tmp_path):
    (tmp_path / "out.json").write_text("{}")
    assert playing.run(recording(leak=2), tmp_path)[0] == 2
    assert (tmp_path / "out.json").read_text() == "{}"


def test_files_that_are_not_there_are_named(tmp_path):
    program = os.environ["MILLRACE_TRAJECTORY"]
    source = tmp_path / "in.json"
    for arguments, sentence in [
            ([], "usage"), ([source], "usage"),
            ([source, tmp_path / "out.json"], f"{source} is not readable")]:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and sentence in done.stderr
    source.write_text(json.dumps(recording()))
    done = subprocess.run([program, source, tmp_path / "no" / "out.json"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "not writable (No such file or directory)" in done.stderr
