"""Every example of client/python/examples against millraced."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

import millrace
from server_fixture import RECORDINGS, SOURCE, needs_server, serving

pytestmark = needs_server
EXAMPLES = SOURCE / "client" / "python" / "examples"
RANDOM = np.random.default_rng(1)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    for connected, _ in serving(tmp_path_factory.mktemp("server")):
        yield connected


@pytest.fixture
def run(client, tmp_path):
    """Runs an example in a folder of its own; returns what it printed."""
    def one(name: str, *arguments: object) -> str:
        done = subprocess.run([sys.executable, EXAMPLES / name, "--server", client.address,
                               *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return one


def saved(folder, x, y) -> list[str]:
    np.save(folder / "x.npy", x.astype(np.float32))
    np.save(folder / "y.npy", y.astype(np.float32))
    return ["x.npy", "y.npy"]


def test_a_decoder_wins_back_what_drift_took(run, tmp_path):
    pytest.importorskip("matplotlib")
    told = run("bci_drift.py", "--recording", SOURCE / "deploy" / "demo" / "bmi_wheelchair",
               "--sessions", 4, "--healthy", 2, "--picture", "recovery.png")
    live = [float(figure) for figure in re.findall(r"live ([.\d]+)", told)]
    frozen = [float(figure) for figure in re.findall(r"frozen ([.\d]+)", told)]
    assert len(live) == 4 and len(frozen) == 2
    assert live[1] > 0.8 and live[3] > frozen[1] + 0.1
    assert (tmp_path / "recovery.png").stat().st_size > 10000


def test_a_byte_stream_is_read_in_fewer_bits_than_counts_need(run):
    told = run("byte_stream.py", SOURCE / "LICENSE", "--bytes", 8000, "--stretch", 2000)
    assert len(told.splitlines()) == 5
    ours, counts = map(float, re.search(r"all: ([.\d]+) .*counts ([.\d]+)", told).groups())
    assert ours < counts


def test_electricity_scores_the_same_through_river(run):
    recording = RECORDINGS / "electricity" / "electricity.csv"
    if not recording.exists():
        pytest.skip(f"{recording} is not there")
    pytest.importorskip("river")
    bulk = run("electricity.py", recording, "--rows", 1500).splitlines()
    river = run("electricity.py", recording, "--rows", 1500, "--river", "--stream", "river")
    assert len(bulk) == 3 and bulk[-1] == river.splitlines()[-1]
    assert float(re.search(r"accuracy ([.\d]+)", river).group(1)) > 0.7


def test_the_best_rate_of_a_sweep_becomes_the_stream(run, client, tmp_path):
    x = RANDOM.normal(size=(2000, 4))
    told = run("sweep.py", *saved(tmp_path, x, x[:, :2] - x[:, 2:]), "--stream", "swept", "--rates",
               "1e-6,1e-7,1e-3,1e-2")
    rows = re.findall(r"rate (\S+) +loss ([.\d]+), difference (\S+)", told)
    assert [float(loss) for _, loss, _ in rows] == sorted(float(loss) for _, loss, _ in rows)
    assert rows[-1][0] == "1e-07" and float(rows[0][2]) < 0
    kept = client.stream("swept")
    assert kept.applied_seq == 2000 and kept.overrides[0].number == float(rows[0][0])
    assert [stream.id for stream in client.streams(model="swept")] == ["swept"]


@pytest.mark.parametrize("classes", [False, True])
def test_two_files_give_a_picture_of_recovery(run, tmp_path, classes):
    pytest.importorskip("matplotlib")
    x = RANDOM.normal(size=(3000, 3))
    y = np.where(np.arange(3000)[:, None] < 2000, x, -x)
    files = saved(tmp_path, x, y.argmax(axis=1) if classes else y[:, :2])
    told = run("recovery.py", *files, "--stream", f"picture-{classes}")
    live, frozen = map(float, re.search(r"live ([.\d]+), frozen ([.\d]+)", told).groups())
    assert live < 0.6 * frozen and "recovery" in told
    assert (tmp_path / "recovery.png").stat().st_size > 10000


def test_a_second_run_and_files_that_do_not_fit_are_told_what_to_do(client, tmp_path):
    def fails(*arguments: object) -> str:
        done = subprocess.run([sys.executable, EXAMPLES / "recovery.py", "--server", client.address,
                               *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode != 0 and "Traceback" not in done.stderr
        return done.stderr

    pytest.importorskip("matplotlib")
    files = saved(tmp_path, np.zeros((300, 2)), np.zeros((299, 1)))
    assert "X is [300, 2] and Y [299, 1]" in fails(*files)
    client.create_model("taken", client.model("bytes").spec)
    assert "give another --stream" in fails(*saved(tmp_path, np.zeros((300, 2)), np.zeros(300)),
                                            "--stream", "taken")


def test_a_loop_over_the_lab_streaming_layer_gets_a_prediction_for_every_sample(run):
    pytest.importorskip("pylsl")
    # How late is measured where nothing else runs (examples/README.md); here all are answered.
    told = run("lsl_loop.py", "--seconds", 2, "--most_late", 100)
    assert "100 of 100 samples" in told and "100 predictions" in told
    assert re.search(r"p99 [.\d]+ ms", told)


def test_an_example_that_is_not_told_of_is_missed():
    told = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}" in told for path in EXAMPLES.glob("*.py"))
    assert isinstance(millrace.Stream, type)
