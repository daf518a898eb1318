"""Specifications, settings, errors, pages, watching, peeking."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import pytest
from fake_server import FakeStream

import millrace
from millrace import _client
from millrace.v1 import model_pb2

SOURCE = pathlib.Path(os.environ["MILLRACE_SOURCE"])


def test_a_specification_is_read_from_text_a_path_and_itself():
    file = SOURCE / "deploy" / "models" / "bmi_wheelchair.textproto"
    from_path = _client.parse_spec(file)
    assert from_path.cell.name == "vanilla"
    assert _client.parse_spec(str(file)) == from_path
    assert _client.parse_spec(file.read_text(encoding="utf-8")) == from_path
    assert _client.parse_spec(from_path) is from_path
    short = _client.parse_spec('cell { name: "vanilla" settings { name: "units" integer: 8 } }')
    assert short.cell.settings[0].integer == 8


def test_text_that_does_not_parse_says_where(tmp_path):
    file = tmp_path / "bad.textproto"
    file.write_text('cell { nom: "vanilla" }', encoding="utf-8")
    with pytest.raises(ValueError, match="bad.textproto.*1:8.*nom"):
        _client.parse_spec(file)
    with pytest.raises(FileNotFoundError):
        _client.parse_spec("nowhere.textproto")


def test_settings_are_typed_as_their_values_are():
    typed = _client.settings({"a": True, "b": 2, "c": 0.5, "d": "hold", "e": np.float32(0.5),
                              "f": np.int64(3), "g": np.bool_(False)})
    kinds = [setting.WhichOneof("value") for setting in typed]
    assert kinds == ["flag", "integer", "number", "text", "number", "integer", "flag"]
    assert [s.name for s in typed] == list("abcdefg")
    with pytest.raises(TypeError, match="setting 'a' is a list"):
        _client.settings({"a": [1]})


def test_an_error_has_code_reason_sentence_and_figures(client):
    with pytest.raises(millrace.Error) as missing:
        client.stream("nobody")
    error = missing.value
    assert (error.code, error.reason) == ("NOT_FOUND", "NO_STREAM")
    assert error.sentence == "stream 'nobody' does not exist"
    assert error.metadata == {"stream": "nobody"}
    assert str(error) == "NOT_FOUND NO_STREAM: stream 'nobody' does not exist"


def test_an_unreachable_server_is_an_error_at_once():
    with millrace.connect("127.0.0.1:1", timeout_s=5.0) as client:
        with pytest.raises(millrace.Error) as unreachable:
            client.stream("a")
        assert unreachable.value.code == "UNAVAILABLE"


def test_lists_go_through_all_pages(fake, client):
    for name in "bcde":
        fake.streams[name] = FakeStream()
    assert [stream.id for stream in client.streams()] == list("abcde")


def test_watching_yields_until_the_server_goes_or_the_iterator_is_closed(client):
    seen = []
    with pytest.raises(millrace.Error, match="UNAVAILABLE"):
        for stats in client.watch(["a", "b"], period_ms=100):
            seen.append([(s.stream, s.applied_seq) for s in stats])
    assert seen == [[("a", i), ("b", i)] for i in range(3)]
    watch = client.watch(["a"])
    assert next(watch)[0].applied_seq == 0
    watch.close()


def test_a_peek_changes_nothing(fake, client):
    peeked = client.peek("a", [1, 2])
    assert peeked.seq == 1 and np.isnan(peeked.novelty)
    np.testing.assert_array_equal(peeked.outputs, [3, 0])
    np.testing.assert_array_equal(client.peek("a", b"x").outputs, [0, 1])
    np.testing.assert_array_equal(client.peek("a").outputs, [0, 0])
    assert fake.streams["a"].rows == []


def test_a_client_shows_its_server(fake, client):
    assert repr(client) == f"Client('{fake.address}')"


def test_a_resolved_specification_passes_through(client):
    assert _client.parse_spec(model_pb2.ModelSpec()) == model_pb2.ModelSpec()
