"""Rivals: programs of an environment of their own that take turns with the engine."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import machine

FOLDER = pathlib.Path(__file__).resolve().parent / "rivals"
PYTHON = FOLDER / ".venv" / "bin" / "python"
STAMP = FOLDER / ".venv" / "requirements.sha256"


def environment_is_there() -> bool:
    wanted = hashlib.sha256((FOLDER / "requirements.txt").read_bytes()).hexdigest()
    return STAMP.exists() and STAMP.read_text(encoding="ascii") == wanted


def make_environment() -> None:
    """Installs requirements.txt, unless that was done before."""
    if environment_is_there():
        return
    print(f"bench: installing the rivals into {FOLDER / '.venv'} (5 GB)", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", FOLDER / ".venv"], check=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r",
                    FOLDER / "requirements.txt"], check=True)
    STAMP.write_text(hashlib.sha256((FOLDER / "requirements.txt").read_bytes()).hexdigest(),
                     encoding="ascii")


class Rival:
    """One program of rivals/ on the given cores; compiled once, then asked for turns."""

    def __init__(self, script: str, cores: tuple[int, ...] = (0,)):
        threads = str(len(cores))
        environment = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads,
                                    "TORCHINDUCTOR_CACHE_DIR": str(FOLDER / ".venv" / "cache")}
        self._process = subprocess.Popen(
            [*machine.pin(*cores), PYTHON, FOLDER / script], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)

    def _ask(self, **question) -> dict:
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"a rival ended at {question}; run {self._process.args[-1]} by hand "
                               "with that line as its input")
        return json.loads(answer)

    def prepare(self, case: str, units: int, start: pathlib.Path, steps: int) -> float:
        """Compiles; how far from the engine's its weights are after `steps` of the sequence."""
        return self._ask(case=case, units=units, steps=steps, start=str(start))["distance"]

    def turn(self, case: str, units: int, seconds: float) -> dict[str, float]:
        """cpu_us and wall_us of one step."""
        return self._ask(case=case, units=units, seconds=seconds)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def rivals(scripts: dict[str, str], cores: tuple[int, ...] = (0,)) -> Iterator[dict[str, Rival]]:
    make_environment()
    made = {name: Rival(script, cores) for name, script in scripts.items()}
    try:
        yield made
    finally:
        for rival in made.values():
            rival.close()


def write_start(programs: pathlib.Path, file: pathlib.Path, rule: str, units: int, steps: int,
                corrected: bool = True) -> pathlib.Path:
    subprocess.run([programs / "same_start_bench", rule, str(units), str(steps),
                    "corrected" if corrected else "uncorrected", file], check=True)
    return file
