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
import zipfile

import pytest

import millrace
import millrace.aio
from millrace import plots

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
    copy = sources(tmp_path / "millrace")
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
                           copy], env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    probed = subprocess.run([python, "-c", PROBE], env=clean, capture_output=True, text=True,
                            cwd=tmp_path)
    assert probed.returncode == 0, probed.stderr
    assert probed.stdout == "Client('127.0.0.1:1')\n"


def sources(folder: pathlib.Path) -> pathlib.Path:
    """A copy of the package and the wire contract: a build writes beside its sources."""
    shutil.copytree(PACKAGE, folder / "client" / "python",
                    ignore=shutil.ignore_patterns("v1", "build", "*.egg-info", "__pycache__"))
    shutil.copytree(SOURCE / "proto", folder / "proto")
    return folder / "client" / "python"


def test_a_wheel_builds_and_holds_every_module_with_its_types(tmp_path):
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index",
                           "--no-deps", "--no-build-isolation", "--disable-pip-version-check",
                           "--wheel-dir", tmp_path, sources(tmp_path / "copy")],
                          env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    wheel, = tmp_path.glob("millrace-*-py3-none-any.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {f"millrace/{path.name}" for path in (PACKAGE / "src" / "millrace").glob("*.py")}
    contract = (SOURCE / "proto" / "millrace" / "v1").glob("*.proto")
    wire = {f"millrace/v1/{path.stem}_pb2.{kind}" for path in contract for kind in ("py", "pyi")}
    assert ours | wire | {"millrace/py.typed"} <= names
    listed, = (name for name in names if name.endswith(".dist-info/METADATA"))
    extras = zipfile.ZipFile(wheel).read(listed).decode()
    for extra in ("river", "plots", "lsl"):
        assert f"Provides-Extra: {extra}" in extras


def test_the_strict_type_checker_has_nothing_to_say(tmp_path):
    pytest.importorskip("mypy")
    copy = sources(tmp_path / "copy")
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run([sys.executable, "setup.py", "generate"], cwd=copy, env=clean, check=True)
    examples = sorted((copy / "examples").glob("*.py"))
    for files in ([], examples):  # none: the package, as pyproject.toml says
        checked = subprocess.run([sys.executable, "-m", "mypy", "--cache-dir", tmp_path / "cache",
                                  *files], cwd=copy, env=clean, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_it_compiles_whole(tmp_path):
    clean = dict(os.environ, PYTHONPYCACHEPREFIX=str(tmp_path), PYTHONDONTWRITEBYTECODE="")
    subprocess.run([sys.executable, "-m", "compileall", "-q", PACKAGE / "src" / "millrace"],
                   check=True, env=clean)


def public_functions():
    for kind in (millrace.Client, millrace.Stream, millrace.StreamWriter, millrace.aio.AsyncClient,
                 millrace.aio.AsyncStream, plots.History):
        for name, function in inspect.getmembers(kind):
            if name.startswith("_"):
                continue
            if callable(function) or isinstance(function, property):
                yield f"{kind.__name__}.{name}", getattr(function, "fget", function)
    yield "connect", millrace.connect


def test_every_public_function_says_what_it_does_and_what_it_takes():
    for name, function in public_functions():
        assert function.__doc__, f"{name} has no docstring"
        hints = typing.get_type_hints(function)
        assert "return" in hints, f"{name} does not say what it returns"
        for parameter in inspect.signature(function).parameters:
            assert parameter == "self" or parameter in hints, f"{name}: {parameter} has no type"
