"""The server program as tests run it, and the wire contract's stubs."""

from __future__ import annotations

import contextlib
import os
import pathlib
import queue
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator

import grpc
from google.protobuf import text_format
from google.rpc import error_details_pb2, status_pb2
from millrace.v1 import (learn_pb2, learn_pb2_grpc, model_pb2, model_pb2_grpc, stream_pb2,
                         stream_pb2_grpc)

PROGRAM = pathlib.Path(os.environ["MILLRACE_BIN"]) / "millraced"
LINE = re.compile(r"serving grpc=(\S+:(\d+)) metrics=(\S+:(\d+)) store=(.*)\n")
TIMEOUT_S = 60


class Server:
    """A millraced on free ports. A context manager: leaving it kills what is left of it."""

    def __init__(self, store: pathlib.Path, *flags: str, listen: str = "127.0.0.1:0",
                 log: pathlib.Path | None = None):
        self.store = store
        self.log_path = log or store.parent / (store.name + ".log")
        with open(self.log_path, "ab") as errors:
            self.process = subprocess.Popen(
                [PROGRAM, "--listen", listen, "--metrics_listen", "127.0.0.1:0", "--store", store,
                 *flags],
                stdout=subprocess.PIPE, stderr=errors, text=True)
        self.line = self.process.stdout.readline()
        match = LINE.fullmatch(self.line)
        if match is None:
            self.process.kill()
            raise AssertionError(f"no serving line but {self.line!r}; log:\n{self.log()}")
        self.grpc, self.grpc_port = match[1], int(match[2])
        self.metrics_address, self.metrics_port = match[3], int(match[4])
        self.reported_store = match[5]
        self.channel: grpc.Channel | None = None

    def log(self) -> str:
        return self.log_path.read_text()

    def connect(self, credentials: grpc.ChannelCredentials | None = None) -> Server:
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.channel = (grpc.secure_channel(self.grpc, credentials, options) if credentials
                        else grpc.insecure_channel(self.grpc, options))
        self.models = model_pb2_grpc.ModelsStub(self.channel)
        self.streams = stream_pb2_grpc.StreamsStub(self.channel)
        self.learning = learn_pb2_grpc.LearningStub(self.channel)
        return self

    def __enter__(self) -> Server:
        return self if self.channel else self.connect()

    def __exit__(self, *_: object) -> None:
        if self.channel:
            self.channel.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(TIMEOUT_S)
        self.process.stdout.close()

    def terminate(self) -> int:
        """Drains it by SIGTERM and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT_S)

    def create_model(self, name: str, spec: str) -> model_pb2.Model:
        return self.models.CreateModel(model_pb2.CreateModelRequest(
            name=name, spec=text_format.Parse(spec, model_pb2.ModelSpec())), timeout=TIMEOUT_S)

    def open_stream(self, stream: str, model: str, seed: int = 0) -> stream_pb2.Stream:
        return self.streams.OpenStream(stream_pb2.OpenStreamRequest(
            id=stream, model=model, seed=seed), timeout=TIMEOUT_S).stream

    def stream(self, stream: str, with_digest: bool = False) -> stream_pb2.Stream:
        return self.streams.GetStream(stream_pb2.GetStreamRequest(
            id=stream, with_digest=with_digest), timeout=TIMEOUT_S)

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self.metrics_address}/metrics",
                                    timeout=TIMEOUT_S) as page:
            return page.read().decode()

    @contextlib.contextmanager
    def learn(self) -> Iterator[Learn]:
        call = Learn(self.learning)
        try:
            yield call
        finally:
            call.cancel()


class Learn:
    """One Learn call: parts are sent from any thread, replies read part by part."""

    def __init__(self, stub: learn_pb2_grpc.LearningStub):
        self._requests: queue.SimpleQueue = queue.SimpleQueue()
        self.call = stub.Learn(iter(self._requests.get, None))
        self._parts = (part for reply in self.call for part in reply.parts)

    def send(self, *parts: learn_pb2.LearnPart) -> None:
        self._requests.put(learn_pb2.LearnRequest(parts=parts))

    def close(self) -> None:
        self._requests.put(None)

    def cancel(self) -> None:
        self.call.cancel()
        self.close()

    def reply(self) -> learn_pb2.LearnPartReply:
        """The next reply of any kind; raises grpc.RpcError or StopIteration at the end."""
        return next(self._parts)

    def answer(self) -> learn_pb2.LearnPartReply:
        """The next reply to a part: notes of durable_seq are passed over."""
        while True:
            reply = self.reply()
            if reply.part_id != 0:
                return reply

    def attach(self, stream: str, last_durable_seq: int = 0) -> learn_pb2.LearnPartReply:
        self.send(learn_pb2.LearnPart(part_id=1, stream=stream, attach=learn_pb2.Attach(
            last_durable_seq=last_durable_seq)))
        return self.answer()


def reason_in(status: status_pb2.Status) -> str:
    """The ErrorInfo reason of a reply part's status."""
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            assert info.domain == "millrace"
            return info.reason
    return ""


def reason_of(error: grpc.RpcError) -> str:
    """The ErrorInfo reason of a call's trailing metadata."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return reason_in(status_pb2.Status.FromString(value))
    return ""


def vector_model(inputs: int = 4, outputs: int = 2, target: str = "with_observation",
                 durability: str = "DURABILITY_PROCESS") -> str:
    return f'''
        input {{ name: "vector" settings {{ name: "size" integer: {inputs} }}
                settings {{ name: "normalise" flag: true }}
                settings {{ name: "window" integer: 100 }} }}
        cell {{ name: "vanilla" settings {{ name: "units" integer: 16 }} }}
        head {{ name: "linear" settings {{ name: "outputs" integer: {outputs} }} }}
        loss {{ name: "mean_squared_error" }}
        target {{ name: "{target}" }}
        durability: {durability}'''
