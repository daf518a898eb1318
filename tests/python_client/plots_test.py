"""millrace.plots: what a history keeps, and that the pictures show it."""

from __future__ import annotations

import numpy as np
import pytest

import millrace
from millrace.v1 import stats_pb2
from server_fixture import needs_server, serving

pytest.importorskip("matplotlib")
from millrace import plots  # noqa: E402


def moment(seq: int, **figures: float) -> stats_pb2.StreamStats:
    return stats_pb2.StreamStats(stream="a", applied_seq=seq, **figures)


def test_a_history_keeps_figures_and_has_nan_where_nothing_was_told():
    history = plots.History()
    history.add(moment(10, live_loss=0.5))
    history.add(moment(20, live_loss=0.25, shadow_loss=0.75, recovery=0.5))
    assert history.seq == [10, 20] and len(history) == 2
    np.testing.assert_array_equal(history["live_loss"], [0.5, 0.25])
    np.testing.assert_array_equal(history["recovery"], [np.nan, 0.5])
    assert repr(history) == "History('a', 2 moments, 0 shifts)"


def test_a_mark_that_is_told_again_is_kept_once_with_its_recovery():
    history = plots.History()
    first, second = moment(10), moment(20)
    first.marks.add(cause=stats_pb2.ShiftMark.CAUSE_LOSS, seq=7)
    second.marks.add(cause=stats_pb2.ShiftMark.CAUSE_LOSS, seq=7, units_to_recover=9)
    history.add(first)
    history.add(second)
    assert [mark.units_to_recover for mark in history.marks.values()] == [9]


def test_a_history_is_of_one_stream_and_a_picture_of_something():
    history = plots.History()
    with pytest.raises(ValueError, match="the history is empty"):
        plots.recovery(history)
    history.add(moment(10))
    with pytest.raises(ValueError, match="stream 'b'; this history is of 'a'"):
        history.add(stats_pb2.StreamStats(stream="b"))


def test_the_picture_has_a_line_a_figure_and_one_a_shift():
    history = plots.History()
    for seq in range(10, 110, 10):
        history.add(moment(seq, live_loss=1 / seq, shadow_loss=1.0, recovery=1 - 1 / seq))
    late = moment(110, live_loss=0.01, shadow_loss=1.0, recovery=0.9)
    late.marks.add(cause=stats_pb2.ShiftMark.CAUSE_LOSS, seq=60)
    late.marks.add(cause=stats_pb2.ShiftMark.CAUSE_INPUT, seq=55)
    late.marks.add(cause=stats_pb2.ShiftMark.CAUSE_LOSS, seq=5)  # before the history
    history.add(late)
    above, below = plots.recovery(history, title="a drift").axes
    labels = [line.get_label() for line in above.lines]
    assert "live" in labels and "frozen shadow" in labels and "before the shift" not in labels
    upright = sorted((line.get_xdata()[0], line.get_linestyle()) for line in above.lines
                     if len(set(line.get_xdata())) == 1)
    assert upright == [(55, ":"), (60, "-")]
    assert above.get_title("left") == "a drift" and below.get_xlabel() == "step"
    assert not below.texts


def test_a_picture_without_recovery_says_what_it_needs(tmp_path):
    history = plots.History()
    history.add(moment(10, live_loss=0.5))
    figure = plots.recovery(history)
    assert "needs a shadow" in figure.axes[1].texts[0].get_text()
    figure.savefig(tmp_path / "recovery.png")
    assert (tmp_path / "recovery.png").stat().st_size > 5000


@needs_server
def test_a_real_drift_is_seen_in_the_history(tmp_path):
    random = np.random.default_rng(1)
    x = random.normal(size=(3000, 3)).astype(np.float32)
    y = x[:, :2] + 0.1 * random.normal(size=(3000, 2))
    y[2000:] = -y[2000:]  # the decoder's axes turn round
    history = plots.History()
    for client, _ in serving(tmp_path):
        with client.open("drift", "line", seed=1) as stream:
            for start in range(0, 3000, 50):
                if start == 1500:
                    client.take_shadow("drift")
                stream.play(x[start:start + 50], y[start:start + 50], outputs=False)
                history.add(stream.stats())
    assert any(1990 <= mark.seq <= 2050 for mark in history.marks.values())
    assert history["shadow_loss"][-1] > 2 * history["live_loss"][-1]
    assert history["recovery"][-1] > 0.5
    plots.recovery(history).savefig(tmp_path / "recovery.png")


def test_the_package_alone_needs_no_extra():
    assert "plots" not in millrace.__all__
