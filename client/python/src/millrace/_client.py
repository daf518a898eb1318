"""Administration: models, streams, statistics."""

from __future__ import annotations

import numbers
import os
import pathlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
from google.protobuf import text_format
from numpy.typing import ArrayLike

from millrace import _errors
from millrace._learner import Stream
from millrace._results import Prediction, prediction_of_peek
from millrace._stream import StreamWriter
from millrace.v1 import (learn_pb2, learn_pb2_grpc, model_pb2, model_pb2_grpc, stats_pb2,
                         stream_pb2, stream_pb2_grpc)

Spec = str | os.PathLike[str] | model_pb2.ModelSpec
MESSAGE_BYTES = 64 << 20


def connect(address: str, *, credentials: grpc.ChannelCredentials | None = None,
            timeout_s: float = 30.0) -> Client:
    """A client of the server at "HOST:PORT"; without credentials the connection is plain text.

    timeout_s: deadline of each call, and how long a broken stream is tried again.
    """
    return Client(address, credentials=credentials, timeout_s=timeout_s)


class Client:
    """A connection. Thread-safe. A context manager: leaving it closes the connection."""

    def __init__(self, address: str, *, credentials: grpc.ChannelCredentials | None,
                 timeout_s: float):
        options = [("grpc.max_receive_message_length", MESSAGE_BYTES),
                   ("grpc.max_send_message_length", MESSAGE_BYTES),
                   # A server that comes back is found again at once.
                   ("grpc.initial_reconnect_backoff_ms", 50),
                   ("grpc.min_reconnect_backoff_ms", 50),
                   ("grpc.max_reconnect_backoff_ms", 1000),
                   # Clients of one process do not share one connection's flow control.
                   ("grpc.use_local_subchannel_pool", 1)]
        self._channel = (grpc.secure_channel(address, credentials, options) if credentials
                         else grpc.insecure_channel(address, options))
        self.address = address
        self._timeout_s = timeout_s
        self._models = model_pb2_grpc.ModelsStub(self._channel)
        self._streams = stream_pb2_grpc.StreamsStub(self._channel)
        self._learning = learn_pb2_grpc.LearningStub(self._channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client('{self.address}')"

    def close(self) -> None:
        """Closes the connection; attached streams end."""
        self._channel.close()

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            raise _errors.from_rpc(error) from None
        except ValueError as closed:  # how gRPC reports a channel that was closed
            raise _errors.Error("FAILED_PRECONDITION", "CLIENT_CLOSED", str(closed), {}) from None

    # Models.

    def create_model(self, name: str, spec: Spec) -> model_pb2.Model:
        """Creates a model. spec: a ModelSpec, its text form, or the path of a file with it. The
        reply's `spec` has every default filled in. Raises ValueError for text that does not parse;
        Error: EXISTS, BAD_NAME, BAD_SPEC (part or setting unknown, out of range, not fitting),
        NOT_CARRIED_OUT."""
        return self._call(self._models.CreateModel, model_pb2.CreateModelRequest(
            name=name, spec=parse_spec(spec), request_id=str(uuid.uuid4())))

    def model(self, name: str) -> model_pb2.Model:
        """One model, its specification resolved."""
        return self._call(self._models.GetModel, model_pb2.GetModelRequest(name=name))

    def models(self) -> Iterator[model_pb2.Model]:
        """All models, in order of name."""
        return self._pages(self._models.ListModels, model_pb2.ListModelsRequest(), "models")

    def delete_model(self, name: str) -> None:
        """Deletes a model without streams."""
        self._call(self._models.DeleteModel, model_pb2.DeleteModelRequest(
            name=name, request_id=str(uuid.uuid4())))

    def parts(self, kind: str = "") -> list[model_pb2.PartDescription]:
        """The parts a specification may have, with their settings."""
        return list(self._call(self._models.DescribeParts,
                               model_pb2.DescribePartsRequest(kind=kind)).parts)

    # Streams.

    def open_stream(self, id: str, model: str = "", *, seed: int | None = None,
                    overrides: dict[str, bool | int | float | str] | None = None
                    ) -> stream_pb2.Stream:
        """Opens a stream, new or existing (a closed one is opened again).

        model: required for a new one. seed: of the initial weights; 0 by default. overrides: rates,
        decays and clips that differ from the model's: {"optimizer.rate": 1e-3, ...}. Raises Error:
        NO_MODEL, BAD_NAME, BAD_SPEC, EXISTS, MEMORY.
        """
        request = stream_pb2.OpenStreamRequest(id=id, model=model, seed=seed,
                                               overrides=settings(overrides or {}),
                                               request_id=str(uuid.uuid4()))
        return self._call(self._streams.OpenStream, request).stream

    def stream(self, id: str, *, with_digest: bool = False) -> stream_pb2.Stream:
        """One stream's numbers; with_digest also computes `digest` and `learner_digest`."""
        return self._call(self._streams.GetStream,
                          stream_pb2.GetStreamRequest(id=id, with_digest=with_digest))

    def streams(self, model: str = "") -> Iterator[stream_pb2.Stream]:
        """All streams, or those of a model, in order of id."""
        return self._pages(self._streams.ListStreams,
                           stream_pb2.ListStreamsRequest(model=model), "streams")

    def freeze(self, id: str) -> stream_pb2.Stream:
        """Learning stops; prediction, statistics and normaliser go on."""
        return self._act(self._streams.FreezeStream, stream_pb2.FreezeStreamRequest, id)

    def unfreeze(self, id: str) -> stream_pb2.Stream:
        """Learning goes on."""
        return self._act(self._streams.UnfreezeStream, stream_pb2.UnfreezeStreamRequest, id)

    def reset(self, id: str) -> stream_pb2.Stream:
        """Hidden state and sensitivities become zero; weights stay."""
        return self._act(self._streams.ResetStream, stream_pb2.ResetStreamRequest, id)

    def settle(self, id: str) -> stream_pb2.Stream:
        """The learner runs through every closed step at once."""
        return self._act(self._streams.SettleStream, stream_pb2.SettleStreamRequest, id)

    def take_shadow(self, id: str) -> stream_pb2.Stream:
        """Copies the live weights as the frozen shadow."""
        return self._act(self._streams.TakeShadow, stream_pb2.TakeShadowRequest, id)

    def snapshot(self, id: str) -> stream_pb2.Snapshot:
        """Writes a snapshot now."""
        return self._act(self._streams.SnapshotStream, stream_pb2.SnapshotStreamRequest, id)

    def snapshots(self, id: str) -> list[stream_pb2.Snapshot]:
        """The snapshots that rollback can go to, oldest first."""
        return list(self._call(self._streams.ListSnapshots,
                               stream_pb2.ListSnapshotsRequest(id=id)).snapshots)

    def restore(self, id: str) -> stream_pb2.Stream:
        """Weights and slots come back from the last good copy; numbering goes on."""
        return self._act(self._streams.RestoreStream, stream_pb2.RestoreStreamRequest, id)

    def accept_loss(self, id: str) -> stream_pb2.Stream:
        """Takes note that a recovered stream has lost acknowledged steps (LOST_STEPS); it accepts
        events again."""
        return self._act(self._streams.AcceptLoss, stream_pb2.AcceptLossRequest, id)

    def rollback(self, id: str, event: int | None = None) -> stream_pb2.Stream:
        """Rewinds to a snapshot (the newest, or the one at `event`); the epoch rises."""
        return self._call(self._streams.RollbackStream, stream_pb2.RollbackStreamRequest(
            id=id, event=event, request_id=str(uuid.uuid4())))

    def fork(self, id: str, new_id: str, *,
             changes: dict[str, bool | int | float | str] | None = None,
             follow: bool = False) -> stream_pb2.Stream:
        """Copies the complete state into a new stream.

        changes: settings in which the copy differs. follow: the copy is a variant: from now on it
        learns on the stream's own input, without a message of its own, and takes no events from
        anybody else (IS_VARIANT); see variants() and promote().
        """
        return self._call(self._streams.ForkStream, stream_pb2.ForkStreamRequest(
            id=id, new_id=new_id, settings=settings(changes or {}), follow=follow,
            request_id=str(uuid.uuid4())))

    def variants(self, id: str) -> list[stream_pb2.Variant]:
        """How the stream's variants compare with it on the same units, the best first: mean served
        losses, their difference and its 95 % interval (absent until there are 8 blocks)."""
        return list(self._call(self._streams.ListVariants,
                               stream_pb2.ListVariantsRequest(id=id)).variants)

    def promote(self, id: str, variant: str) -> stream_pb2.Stream:
        """Puts a variant's complete state in the stream's place, in one event. The stream's writer
        goes on; so does the variant. Raises Error: NO_VARIANT."""
        return self._call(self._streams.PromoteVariant, stream_pb2.PromoteVariantRequest(
            id=id, variant=variant, request_id=str(uuid.uuid4())))

    def set(self, id: str, changes: dict[str, bool | int | float | str]) -> stream_pb2.Stream:
        """Changes rates, decays, clips and what is served at once: {"optimizer.rate_readout": 1e-2,
        "monitor.serve": "guarded"}."""
        return self._call(self._streams.SetStream, stream_pb2.SetStreamRequest(
            id=id, settings=settings(changes), request_id=str(uuid.uuid4())))

    def close_stream(self, id: str) -> stream_pb2.Stream:
        """Snapshots the stream and refuses events until it is opened again."""
        return self._act(self._streams.CloseStream, stream_pb2.CloseStreamRequest, id)

    def delete_stream(self, id: str) -> None:
        """Removes the stream and everything stored of it."""
        self._act(self._streams.DeleteStream, stream_pb2.DeleteStreamRequest, id)

    def stats(self, id: str) -> stats_pb2.StreamStats:
        """How well the stream adapts, now. Absent figures: `stats.HasField("recovery")`."""
        return self._call(self._streams.GetStats, stats_pb2.GetStatsRequest(stream=id))

    def watch(self, ids: list[str], period_ms: int = 1000) -> Iterator[list[stats_pb2.StreamStats]]:
        """Statistics of 1 to 64 streams, every period_ms, until the iterator is closed."""
        call = self.watching(ids, period_ms)
        try:
            for reply in call:
                yield list(reply.stats)
        except grpc.RpcError as error:
            raise _errors.from_rpc(error) from None
        finally:
            call.cancel()

    def watching(self, ids: list[str], period_ms: int) -> Any:
        """The call behind watch(): an iterator of its replies, with cancel()."""
        return self._streams.WatchStats(stats_pb2.WatchStatsRequest(streams=ids,
                                                                    period_ms=period_ms))

    def _act(self, method: Callable[..., Any], request: type, id: str) -> Any:
        return self._call(method, request(id=id, request_id=str(uuid.uuid4())))

    def _pages(self, method: Callable[..., Any], request: Any, field: str) -> Iterator[Any]:
        while True:
            reply = self._call(method, request)
            yield from getattr(reply, field)
            if not reply.next_page_token:
                return
            request.page_token = reply.next_page_token

    # Data plane.

    def open(self, id: str, model: str = "", *, seed: int | None = None,
             overrides: dict[str, bool | int | float | str] | None = None,
             last_durable_seq: int = 0) -> Stream:
        """open_stream() and attach() in one: the stream, ready for step(x, y)."""
        self.open_stream(id, model, seed=seed, overrides=overrides)
        return Stream(self, id, last_durable_seq=last_durable_seq)

    def attach(self, id: str, *, last_durable_seq: int = 0) -> StreamWriter:
        """Becomes the stream's one writer; the writer before is refused from now on.

        last_durable_seq: the last durable_seq that an earlier writer saw; a stream recovered below
        it answers LOST_STEPS until accept_loss. Raises Error: NO_STREAM, STREAM_CLOSED,
        QUARANTINED, LOST_STEPS.
        """
        return StreamWriter(self._learning, id, timeout_s=self._timeout_s,
                            last_durable_seq=last_durable_seq)

    def peek(self, id: str, x: ArrayLike | bytes | None = None) -> Prediction:
        """What the stream predicts for input x ([d], or one byte) from its present hidden state and
        weights, or, without x, its outputs at that state; changes nothing.

        Where targets come with their step, a step with this input gets the same prediction. Where
        they are delayed, or the next input, a step lets the learner go on first (by up to the
        model's catch_up_steps; from the input that has come) and may be predicted with newer
        weights. Raises Error: NO_STREAM, BAD_SHAPE.
        """
        request = learn_pb2.PeekRequest(stream=id)
        if isinstance(x, bytes):
            request.raw_byte = x
        elif x is not None:
            request.floats.extend(np.asarray(x, dtype=np.float32).ravel())
        return prediction_of_peek(self._call(self._learning.Peek, request))


def parse_spec(spec: Spec) -> model_pb2.ModelSpec:
    """A ModelSpec from itself, its text form, or the path of a file with it. Raises ValueError,
    with the place, for text that does not parse; OSError where there is no such file."""
    if isinstance(spec, model_pb2.ModelSpec):
        return spec
    text, origin = os.fspath(spec), "specification"
    if isinstance(spec, os.PathLike) or "{" not in text:
        text, origin = pathlib.Path(text).read_text(encoding="utf-8"), f"specification '{text}'"
    try:
        return text_format.Parse(text, model_pb2.ModelSpec())
    except text_format.ParseError as error:
        raise ValueError(f"{origin}: {error}") from None


def settings(values: dict[str, bool | int | float | str]) -> list[model_pb2.Setting]:
    """Settings by name, each typed as its value is."""
    result = []
    for name, value in values.items():
        if isinstance(value, (bool, np.bool_)):
            typed: dict[str, Any] = {"flag": bool(value)}
        elif isinstance(value, numbers.Integral):
            typed = {"integer": int(value)}
        elif isinstance(value, numbers.Real):
            typed = {"number": float(value)}
        elif isinstance(value, str):
            typed = {"text": value}
        else:
            raise TypeError(f"setting '{name}' is a {type(value).__name__}; expected bool, int, "
                            "float or str")
        result.append(model_pb2.Setting(name=name, **typed))
    return result
