"""The package as a user installs it."""

from __future__ import annotations

import inspect
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import typing

import millrace

SOURCE = pathlib.Path(os.environ["MILLRACE_SOURCE"])
PACKAGE = SOURCE / "client" / "python"

PROBE = """
import millrace, pathlib, sys
from millrace.v1 import learn_pb2_grpc
assert pathlib.Path(millrace.__file__).is_relative_to(sys.prefix), millrace.__file__
assert (pathlib.Path(millrace.__file__).parent / "py.typed").exists()
print(millrace.connect("127.0.0.1:1"))
"""


def test_pip_installs_it_with_its_generated_messages_and_without_a_download(tmp_path):
    # A copy: a build writes beside its sources.
    copy = tmp_path / "millrace"
    shutil.copytree(PACKAGE, copy / "client" / "python",
                    ignore=shutil.ignore_patterns("v1", "build", "*.egg-info"))
    shutil.copytree(SOURCE / "proto", copy / "proto")
    environment = tmp_path / "venv"
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run([sys.executable, "-m", "venv", environment], check=True, env=clean)
    python = environment / "bin" / "python"
    # What the package depends on is taken from the environment of the tests.
    site = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                          check=True, env=clean, capture_output=True, text=True).stdout.strip()
    (pathlib.Path(site) / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n",
                                                  encoding="utf-8")
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-index",
                           "--no-build-isolation", "--disable-pip-version-check",
                           copy / "client" / "python"], env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    probed = subprocess.run([python, "-c", PROBE], env=clean, capture_output=True, text=True,
                            cwd=tmp_path)
    assert probed.returncode == 0, probed.stderr
    assert probed.stdout == "Client('127.0.0.1:1')\n"


def test_it_compiles_whole(tmp_path):
    clean = dict(os.environ, PYTHONPYCACHEPREFIX=str(tmp_path), PYTHONDONTWRITEBYTECODE="")
    subprocess.run([sys.executable, "-m", "compileall", "-q", PACKAGE / "src" / "millrace"],
                   check=True, env=clean)


def public_functions():
    for kind in (millrace.Client, millrace.StreamWriter):
        for name, function in inspect.getmembers(kind):
            if name.startswith("_"):
                continue
            yield f"{kind.__name__}.{name}", getattr(function, "fget", function)
    yield "connect", millrace.connect


def test_every_public_function_says_what_it_does_and_what_it_takes():
    for name, function in public_functions():
        assert function.__doc__, f"{name} has no docstring"
        hints = typing.get_type_hints(function)
        assert "return" in hints, f"{name} does not say what it returns"
        for parameter in inspect.signature(function).parameters:
            assert parameter == "self" or parameter in hints, f"{name}: {parameter} has no type"
