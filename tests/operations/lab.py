"""A real server that four streams learn on, and a real Prometheus that scrapes it by the shipped
configuration: what the dashboards' queries are put to."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

SOURCE = pathlib.Path(os.environ["MILLRACE_SOURCE"])
PROGRAMS = pathlib.Path(os.environ["MILLRACE_BIN"])
PROMETHEUS = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")
RULES = SOURCE / "deploy" / "prometheus"
RECORDING = SOURCE / "deploy" / "demo" / "bmi_wheelchair"

sys.path.insert(0, str(SOURCE / "deploy" / "grafana"))
sys.path.insert(0, str(SOURCE / "tests" / "integration"))

import ask  # noqa: E402
from millraced import Server  # noqa: E402
from millrace.v1 import learn_pb2  # noqa: E402

STREAMS = {"hand-1": "hand", "hand-2": "hand", "hand-3": "hand", "command-1": "command"}
CLUMSY = "clumsy"  # a stream whose client leaves out steps
SESSIONS = ("20141211_s10", "20141211_s11", "20141211_s12")
STEPS = 2500  # of a session
RATE_HZ = 150
PATIENCE_S = 120
MONITOR = '''
    monitor { name: "standard" settings { name: "half_life" integer: 100 }
              settings { name: "shift_delta" number: 0.5 }
              settings { name: "shift_threshold" number: 40 }
              settings { name: "diagnostics_every" integer: 10 }
              settings { name: "exact_cosine" flag: true } }'''
NET = '''
    input { name: "vector" settings { name: "size" integer: 21 }
            settings { name: "normalise" flag: true } settings { name: "window" integer: 400 }
            settings { name: "silent_after" integer: 800 } }
    cell { name: "vanilla" settings { name: "units" integer: 16 } }
    target { name: "with_observation" } durability: DURABILITY_SYNC
    optimizer { name: "rmsprop" settings { name: "rate" number: 0.001 } }''' + MONITOR
MODELS = {
    "hand": NET + '''loss { name: "mean_squared_error" }
        head { name: "linear" settings { name: "outputs" integer: 2 } }''',
    "command": NET + '''loss { name: "cross_entropy" }
        head { name: "linear" settings { name: "outputs" integer: 4 } }''',
}


def wait_until(reached: Callable[[], object], what: str) -> None:
    """Asks again until it is so."""
    end_s = time.monotonic() + PATIENCE_S
    while not reached():
        if time.monotonic() > end_s:
            raise AssertionError(f"{what}: not within {PATIENCE_S} s")
        time.sleep(0.1)


def smoothed(values: np.ndarray, steps: int) -> np.ndarray:
    """Mean of the last `steps` rows, [T, n]."""
    sums = np.cumsum(np.vstack([np.zeros((steps, values.shape[1])), values]), axis=0)
    return (sums[steps:] - sums[:-steps]) / steps


def recording(folder: pathlib.Path, stream: str, seed: int) -> list[tuple[str, str]]:
    """Files (inputs, targets) of one stream: real spike counts, whose electrodes are swapped from
    the second session on, and swapped again for the third. Targets are a hand's path made of the
    unswapped counts, or the recorded commands. One electrode falls silent with the last session."""
    choose = np.random.default_rng(seed)
    counts = [np.load(RECORDING / f"{name}_counts.npy")[:STEPS].astype(np.float32)
              for name in SESSIONS]
    paths = choose.normal(size=(counts[0].shape[1], 2)) / 3
    files = []
    for number, (name, session) in enumerate(zip(SESSIONS, counts)):
        swapped = session[:, choose.permutation(session.shape[1])] if number else session.copy()
        if number == len(SESSIONS) - 1:
            swapped[:, 0] = 0
        inputs, targets = (folder / f"{stream}_{number}_{what}.npy" for what in ("x", "y"))
        np.save(inputs, np.ascontiguousarray(swapped))
        path = smoothed(np.sqrt(session) @ paths, 5).astype(np.float32)
        labels = np.load(RECORDING / f"{name}_labels.npy")[:STEPS].astype(np.float32)
        np.save(targets, path if STREAMS[stream] == "hand" else labels)
        files.append((str(inputs), str(targets)))
    return files


class Lab:
    """start() starts both programs and plays the recordings to their end; stop() ends the
    programs. Between them `server`, `url` of Prometheus, and the `window` of what was played."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def start(self) -> None:
        watch = [word for stream in STREAMS for word in ("--watch_streams", stream)]
        self.server = Server(self.folder / "store", *watch).connect()
        self._start_prometheus()
        for name, spec in MODELS.items():
            self.server.create_model(name, spec)
        for seed, (stream, model) in enumerate(STREAMS.items()):
            self.server.open_stream(stream, model, seed)
        self.server.open_stream(CLUMSY, "hand")
        wait_until(lambda: ask.get(self.url, "query", query="millrace_streams")["result"],
                   "Prometheus scrapes the server")
        start_s = time.time()
        self._play()
        end_s = time.time()
        wait_until(lambda: self._rules_ran_after(end_s), "Prometheus evaluates its rules")
        self.window = ask.Window(start_s, time.time(), 1.0, 5)

    def stop(self) -> None:
        self.server.__exit__()
        self.prometheus.terminate()
        self.prometheus.wait(PATIENCE_S)

    def _start_prometheus(self) -> None:
        """By the shipped configuration, but for the address of the server and shorter intervals:
        the recording passes in a minute."""
        folder = self.folder / "prometheus"
        shutil.copytree(RULES, folder)
        for name in ("prometheus.yml", "recording.yml"):
            text = (folder / name).read_text()
            (folder / name).write_text(re.sub(r"interval: \d+s", "interval: 1s", text))
        targets = f"- targets: ['{self.server.metrics_address}']\n"
        (folder / "targets.yml").write_text(targets)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        with open(self.folder / "prometheus.log", "wb") as log:
            self.prometheus = subprocess.Popen(
                [PROMETHEUS, f"--config.file={folder}/prometheus.yml",
                 f"--storage.tsdb.path={self.folder}/tsdb",
                 f"--web.listen-address=127.0.0.1:{port}"],
                stdout=log, stderr=log)
        wait_until(self._answers, f"Prometheus answers, see {self.folder}/prometheus.log")

    def _answers(self) -> bool:
        try:
            return bool(ask.get(self.url, "query", query="vector(1)"))
        except OSError:
            return False

    def _play(self) -> None:
        players = []
        for seed, stream in enumerate(STREAMS):
            words = ["replay", stream, "--rate_hz", RATE_HZ, "--steps_per_message", 5,
                     "--shadow_after_file", 1]
            if STREAMS[stream] == "command":
                words += ["--class_column", 0, "--ignore_class", -1]
            for inputs, targets in recording(self.folder, stream, seed):
                words += ["--inputs", inputs, "--targets", targets]
            players.append(subprocess.Popen(
                [PROGRAMS / "millrace", "--server", self.server.grpc, *map(str, words)],
                stdout=subprocess.DEVNULL))
        while any(player.poll() is None for player in players):
            self._administer()
            time.sleep(0.5)
        assert [player.wait() for player in players] == [0] * len(players)

    def _administer(self) -> None:
        """What an operator's calls and a client's mistake leave in the metrics."""
        subprocess.run([PROGRAMS / "millrace", "--server", self.server.grpc, "stream", "snapshot",
                        "hand-1"], check=True, stdout=subprocess.DEVNULL)
        with self.server.learn() as call:
            attached = call.attach(CLUMSY)
            call.send(learn_pb2.LearnPart(
                part_id=2, stream=CLUMSY, epoch=attached.epoch,
                writer_token=attached.attach.writer_token,
                observe=learn_pb2.Observe(first_seq=1000, floats=[0] * 21)))
            assert call.answer().HasField("status"), "a gap in the steps was not refused"

    def _rules_ran_after(self, time_s: float) -> bool:
        recorded = ask.get(self.url, "query",
                           query="min(timestamp(instance:millrace_apply_threads:rate1m))")
        return any(float(each["value"][1]) > time_s for each in recorded["result"])
