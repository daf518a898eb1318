"""The one exception of this package."""

from __future__ import annotations

from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2


class Error(Exception):
    """A refused call.

    code: the gRPC code's name, e.g. "INVALID_ARGUMENT".
    reason: one word of the wire contract, e.g. "BAD_SHAPE"; empty where there is none.
    sentence: object, got, expected, remedy.
    metadata: figures for programs, e.g. {"expected_seq": "8"}.
    """

    def __init__(self, code: str, reason: str, sentence: str, metadata: dict[str, str]):
        super().__init__(f"{code} {reason}: {sentence}" if reason else f"{code}: {sentence}")
        self.code = code
        self.reason = reason
        self.sentence = sentence
        self.metadata = metadata


_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


def from_status(status: status_pb2.Status) -> Error:
    """The error of a google.rpc.Status."""
    reason, metadata = "", {}
    for detail in status.details:
        found = error_details_pb2.ErrorInfo()
        if detail.Unpack(found):
            reason, metadata = found.reason, dict(found.metadata)
    return Error(_NAMES.get(status.code, str(status.code)), reason, status.message, metadata)


def from_rpc(error: grpc.RpcError) -> Error:
    """The error of a failed call, with the details its trailing metadata carries."""
    trailing: Any = error.trailing_metadata()
    for key, value in trailing or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status()
            status.ParseFromString(value)
            return from_status(status)
    return Error(error.code().name, "", error.details() or "", {})
