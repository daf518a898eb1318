"""Where the files of deploy/ and the tools that lint them are. A tool that is absent skips."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(os.environ.get("MILLRACE_SOURCE", pathlib.Path(__file__).parents[2]))
DEPLOY = SOURCE / "deploy"
PROGRAMS = pathlib.Path(os.environ.get("MILLRACE_BIN", SOURCE / "build" / "bin"))
SERVING = re.compile(r"serving grpc=(\S+) metrics=(\S+) store=.*\n")
TIMEOUT_S = 60


def tool(name: str) -> str:
    """The program of that name: beside the interpreter, else on PATH; skips where it is absent."""
    beside = pathlib.Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*words: object, **options) -> subprocess.CompletedProcess:
    """Runs a command to its end; output and errors are together in stdout."""
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S, **options)


def seconds(text: str) -> int:
    """'45s', '15min' or a bare number."""
    match = re.fullmatch(r"(\d+)(s|m|min)?", text)
    assert match is not None, f"'{text}' is no duration; expected a number with s or min"
    return int(match[1]) * (60 if match[2] in ("m", "min") else 1)


def setting(configuration: str, name: str) -> str | None:
    """The value of a setting in a configuration of millraced, without its quotes."""
    match = re.search(rf"^{name}: *\"?([^\"\n]*)\"?$", configuration, re.MULTILINE)
    return match and match[1]


@pytest.fixture
def address(tmp_path):
    """Where a server with an empty store serves gRPC."""
    process = subprocess.Popen(
        [PROGRAMS / "millraced", "--listen", "127.0.0.1:0", "--metrics_listen", "127.0.0.1:0",
         "--store", tmp_path / "store"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True)
    line = process.stdout.readline()
    match = SERVING.fullmatch(line)
    try:
        assert match is not None, f"no serving line but {line!r}"
        yield match[1]
    finally:
        process.kill()
        process.wait(TIMEOUT_S)
        process.stdout.close()
