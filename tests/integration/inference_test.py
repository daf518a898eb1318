"""The Open Inference Protocol, spoken by the public client of Triton against the server program."""

from __future__ import annotations

import millrace
import numpy as np
import pytest
import tritonclient.grpc as triton
from millraced import Server, vector_model
from tritonclient.utils import InferenceServerException

CLASSES = '''
    input { name: "vector" settings { name: "size" integer: 3 } }
    cell { name: "vanilla" settings { name: "units" integer: 5 } }
    head { name: "linear" settings { name: "outputs" integer: 4 } }
    loss { name: "cross_entropy" }
    target { name: "with_observation" }'''
BYTES = '''
    input { name: "bytes" }
    cell { name: "vanilla" settings { name: "units" integer: 5 } }
    head { name: "linear" settings { name: "outputs" integer: 256 } }
    loss { name: "cross_entropy" }
    target { name: "next_input" }'''


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("inference") / "store") as running:
        running.create_model("values", vector_model())
        running.create_model("classes", CLASSES)
        running.create_model("bytes", BYTES)
        for name in ("values", "classes", "bytes"):
            running.open_stream(name + "-stream", name, seed=4)
        yield running


@pytest.fixture(scope="module")
def client(server):
    with triton.InferenceServerClient(server.grpc) as speaking:
        yield speaking


def tensor(rows: np.ndarray, name: str = "x") -> triton.InferInput:
    kind = "UINT8" if rows.dtype == np.uint8 else "FP32"
    given = triton.InferInput(name, list(rows.shape), kind)
    given.set_data_from_numpy(rows)
    return given


def test_the_server_is_live_ready_and_tells_its_name(client):
    assert client.is_server_live() and client.is_server_ready()
    metadata = client.get_server_metadata()
    assert metadata.name == "millrace" and metadata.version


def test_streams_are_the_models_with_their_shapes(client, server):
    assert client.is_model_ready("values-stream")
    assert not client.is_model_ready("nobody")
    assert client.is_model_ready("values-stream", "1")
    assert not client.is_model_ready("values-stream", "7")
    metadata = client.get_model_metadata("classes-stream")
    assert (metadata.platform, list(metadata.versions)) == ("millrace", ["1"])
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.inputs] == [
        ("x", "FP32", [-1, 3])]
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.outputs] == [
        ("outputs", "FP32", [-1, 4]), ("probabilities", "FP32", [-1, 4])]
    assert [list(t.shape) for t in client.get_model_metadata("values-stream").outputs] == [[-1, 2]]
    assert client.get_model_metadata("bytes-stream").inputs[0].datatype == "UINT8"


def test_inferring_is_peeking_and_changes_nothing(client, server):
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    with millrace.connect(server.grpc) as other, other.attach("classes-stream") as writer:
        writer.learn(x, classes=[0, 1, 2, 3, 0])
        before = server.stream("classes-stream", with_digest=True).digest
        answer = client.infer("classes-stream", [tensor(x)], request_id="seven")
        for row, outputs, probabilities in zip(x, answer.as_numpy("outputs"),
                                               answer.as_numpy("probabilities"), strict=True):
            peeked = other.peek("classes-stream", row)
            np.testing.assert_array_equal(outputs, peeked.outputs)
            np.testing.assert_array_equal(probabilities, peeked.probabilities)
        np.testing.assert_allclose(answer.as_numpy("probabilities").sum(1), 1, rtol=1e-5)
        reply = answer.get_response()
        assert (reply.id, reply.model_version) == ("seven", "1")
        assert reply.parameters["next_seq"].int64_param == 6
        assert server.stream("classes-stream", with_digest=True).digest == before
        # The writer was not disturbed.
        assert writer.learn(x[:1], classes=[1]).first_seq == 6


def test_bytes_single_rows_and_chosen_outputs(client):
    answer = client.infer("bytes-stream", [tensor(np.array([[65], [66]], np.uint8))])
    assert answer.as_numpy("outputs").shape == (2, 256)
    answer = client.infer("values-stream", [tensor(np.zeros(4, np.float32))])
    assert answer.as_numpy("outputs").shape == (1, 2)
    answer = client.infer("classes-stream", [tensor(np.zeros((1, 3), np.float32))],
                          outputs=[triton.InferRequestedOutput("probabilities")])
    assert answer.as_numpy("outputs") is None
    assert answer.as_numpy("probabilities").shape == (1, 4)


@pytest.mark.parametrize("stream, inputs, options, words", [
    ("nobody", [tensor(np.zeros((1, 4), np.float32))], {}, "there is no stream 'nobody'"),
    ("values-stream", [tensor(np.zeros((1, 3), np.float32))], {}, r"expected FP32 \[rows, 4\]"),
    ("values-stream", [tensor(np.zeros((1, 4), np.uint8))], {}, "is UINT8"),
    ("values-stream", [tensor(np.zeros((1, 4), np.float32), "y")], {}, "expected one, 'x'"),
    ("values-stream", [tensor(np.zeros((1, 4), np.float32))],
     {"outputs": [triton.InferRequestedOutput("probabilities")]}, "expected 'outputs'"),
    ("values-stream", [tensor(np.zeros((1, 4), np.float32))], {"model_version": "9"}, "epoch is 1"),
    ("values-stream", [tensor(np.zeros((1, 4), np.float32))], {"priority": 2}, "takes none"),
    ("values-stream", [tensor(np.full((1, 4), np.inf, np.float32))], {}, "x"),
])
def test_what_does_not_fit_is_refused_with_a_sentence(client, stream, inputs, options, words):
    with pytest.raises(InferenceServerException, match=words):
        client.infer(stream, inputs, **options)
