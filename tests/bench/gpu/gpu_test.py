"""The programs that measure a card run to their end without one, in small sizes on the host."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

BIN = pathlib.Path(os.environ["MILLRACE_BIN"])
PROGRAMS = BIN.parent / "tests" / "bin"
SOURCE = pathlib.Path(os.environ["MILLRACE_SOURCE"])
SMALL = ["--streams", "12", "--per_message", "4", "--calls", "2", "--units", "8", "--inputs", "3",
         "--seconds", "0.1"]


def run(program, *arguments, **environment):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120,
                          env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_measurement_prints_its_figures():
    figures = json.loads(run(PROGRAMS / "gpu_bench", "--tiny", "--seconds", "0.1", "--threads", "2",
                             "sweeps", "cadence", "largest"))
    assert figures["copy_bytes_per_s"] > 0 and figures["operations_per_s"] > 0
    assert {row["rule"] for row in figures["sweeps"]} == {
        "rtrl", "ring4", "block4", "snap1", "immediate"}
    assert {row["sensitivities"] for row in figures["sweeps"]} == {"full", "tf32x3", "tf32", "bf16"}
    for row in [*figures["sweeps"], figures["largest"]]:
        assert row["sound"] and row["device_bytes"] > 0
        assert 0 < row["device_step_us"] <= row["engine_step_us"]
        assert row["launches"] == 3 or row is figures["largest"]
    cadence = figures["cadence"]
    assert cadence["messages"] == 5 and cadence["launches"] == 5 and cadence["sound"]
    assert 0 <= cadence["missed"] <= 5 and 0 < cadence["p50_ms"] <= cadence["max_ms"]


def test_plans_say_what_stays_in_shared_memory():
    plans = json.loads(run(PROGRAMS / "gpu_bench", "plans"))["plans"]
    small = [row for row in plans if row["rule"] == "immediate" and row["units"] == 64]
    assert {row["card"] for row in small} == {"H100", "A100"}
    vanilla = [row for row in small if row["cell"] == "vanilla"]
    assert all({"weights", "slot2"} <= set(row["resident"]) for row in vanilla)
    for row in plans:
        assert row["shared_bytes"] <= row["resident_shared_bytes"]
        assert 1 <= row["resident_blocks"] <= row["blocks"] <= 2


def test_a_wrong_word_is_refused():
    done = subprocess.run([PROGRAMS / "gpu_bench", "everything"], capture_output=True, text=True)
    assert done.returncode == 1 and "got 'everything'" in done.stderr


def test_the_client_measures_the_server_and_the_echo(tmp_path):
    done = run(SOURCE / "tests" / "bench" / "gpu" / "measure", str(tmp_path), "server",
               PROGRAMS=str(PROGRAMS), BIN=str(BIN), ROUND_TRIP_FLAGS=" ".join([*SMALL, "--cpu"]))
    assert "FAILED" not in done
    for name in ("server", "echo"):
        figures = json.loads((tmp_path / f"{name}.json").read_text())
        assert figures["steps"] == 5 * 12
        assert 0 < figures["p50_ms"] <= figures["max_ms"]


def test_a_bundle_runs_on_its_own_libraries(tmp_path):
    subprocess.run([SOURCE / "deploy" / "bundle", tmp_path, PROGRAMS / "gpu_bench",
                    SOURCE / "tests" / "bench" / "gpu" / "measure"], check=True)
    figures = json.loads(run(tmp_path / "run", "gpu_bench", "--tiny", "largest"))
    assert figures["largest"]["sound"]
    libraries = {path.name for path in (tmp_path / "lib").iterdir()}
    assert "libc.so.6" in libraries and (tmp_path / "bin" / "measure").exists()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
