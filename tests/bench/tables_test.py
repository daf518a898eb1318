"""What the tables of the benchmarks compute, on figures made up here."""

from __future__ import annotations

import pathlib
import sys
import tempfile

import numpy as np
import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "rivals")]

import floors  # noqa: E402  found through the path above
import google_benchmark  # noqa: E402
import rivals_table  # noqa: E402
import step_table  # noqa: E402
import task  # noqa: E402

MACHINE = floors.Floors(update={1024: 100e9, 4096: 25e9}, copy={1024: 50e9, 4096: 10e9}, fma=2e11,
                        sgemm=1e11, levels=[("L1", 1024), ("L2", 2048)])


def test_bandwidth_between_two_sizes_is_between_theirs():
    assert MACHINE.bandwidth(1024) == pytest.approx(100e9)
    assert MACHINE.bandwidth(2048) == pytest.approx(50e9)
    assert MACHINE.bandwidth(1 << 30) == pytest.approx(25e9)


def test_the_floor_is_what_takes_longer():
    assert MACHINE.of(1024) == floors.Floor(pytest.approx(2 * 1024 / 100e3), "L1")
    assert MACHINE.of(1024, 1e6) == floors.Floor(pytest.approx(10.0), "sgemm")
    assert MACHINE.of(4096).binds == "memory"


def test_operations_follow_what_a_rule_multiplies():
    columns = 64 * (64 + 40 + 1)
    assert step_table.operations("vanilla", "rtrl", 64) == 2 * 64 * 64 * columns
    assert step_table.operations("vanilla", "ring4", 64) == 2 * 64 * 5 * columns
    assert step_table.operations("gru", "block4", 64) == 2 * 4 * 4 * 3 * columns
    assert step_table.operations("lru", "rtrl", 64) == 0
    assert step_table.operations("vanilla", "immediate", 64) == 0


def test_a_benchmark_keeps_its_name_whatever_its_settings_add():
    named = google_benchmark.SETTINGS.sub
    assert named("", "step/vanilla/rtrl/rmsprop/1024/iterations:1/repeats:1") == (
        "step/vanilla/rtrl/rmsprop/1024")
    assert named("", "streams/64/2/process_time/real_time") == "streams/64/2"
    assert named("", "step/vanilla/immediate/sgd/64") == "step/vanilla/immediate/sgd/64"


def test_a_byte_costs_one_row_where_it_is_much_cheaper_than_all():
    steps = {"bytes/lru/immediate/rmsprop/64": 2.0, "onehot/lru/immediate/rmsprop/64": 11.0,
             "bytes/rwkv/immediate/rmsprop/64": 14.4, "onehot/rwkv/immediate/rmsprop/64": 15.5}
    assert step_table.byte_cells(steps)[2:] == ["| lru | 2.00, 11.0 | O(n) |",
                                                "| rwkv | 14.4, 15.5 | O(256 n) |"]


def test_a_start_file_of_another_size_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "start"
        np.zeros(17, np.float32).tofile(file)
        with pytest.raises(ValueError, match="has 17 values; expected"):
            task.read_start(file, 8, 3)


def test_distance_is_a_part_of_what_was_learned():
    start = task.Start(1, 1, np.zeros(4), np.zeros((1, 40)), np.zeros((1, 4)), np.ones(4))
    assert start.distance(np.full(4, 1.5)) == pytest.approx(0.5)


def test_a_rival_that_ends_elsewhere_is_none(monkeypatch, tmp_path):
    class Far:
        def prepare(self, *_):
            return 0.01

    monkeypatch.setattr(rivals_table, "write_start", lambda *_: None)
    with pytest.raises(RuntimeError, match="away from the engine"):
        rivals_table.prepare(tmp_path, {"JAX": Far(), "PyTorch": Far()}, tmp_path)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
