"""A real server on which two streams learn, their electrodes swapped on the way, while a browser
shows its page."""

from __future__ import annotations

import pathlib
import subprocess
import time

import lab  # of tests/operations: the recordings, and where the programs are
from chromium import Chromium
from millraced import Server

STREAMS = ("hand-1", "command-1")
HOSTILE = "z-._"  # names are checked by the server; this is as odd as they get
IDLE = 60  # streams that nobody uses: more than fit one page of the table
RATE_HZ = 400

# How many points are drawn; none before the page has its script and its first answer.
POINTS = ("typeof view === 'undefined' || view.answer === null "
          "? 0 : curvesOf(view.answer).steps.length")


class Replay:
    """A context manager; after play(): `server`, `tab`, and `points` of the curve over time."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.points: list[int] = []

    def __enter__(self) -> Replay:
        self.server = Server(self.folder / "store").connect()
        self.browser = Chromium(self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.__exit__()
        self.server.__exit__()

    def play(self) -> None:
        for name, spec in lab.MODELS.items():
            self.server.create_model(name, spec)
        for seed, stream in enumerate(STREAMS):
            self.server.open_stream(stream, lab.STREAMS[stream], seed)
        for number in range(IDLE):
            self.server.open_stream(f"idle-{number:03}", "hand")
        self.server.open_stream(HOSTILE, "hand")
        self.tab = self.browser.open(f"http://{self.server.metrics_address}/#stream=hand-1")
        self.tab.look(1280, dark=False)
        players = [self._player(stream, seed) for seed, stream in enumerate(STREAMS)]
        while any(player.poll() is None for player in players):
            self.points.append(self.tab.run(POINTS))
            time.sleep(0.5)
        assert [player.wait() for player in players] == [0] * len(players)
        self.tab.wait_until("document.querySelector('#figures dd')?.textContent === '7,500'")
        self.tab.wait_until("[...document.querySelectorAll('#rows tr')].filter((row) => "
                            f"row.children[2].textContent === '7,500').length === {len(STREAMS)}")

    def _player(self, stream: str, seed: int) -> subprocess.Popen:
        words = ["replay", stream, "--rate_hz", RATE_HZ, "--steps_per_message", 5,
                 "--shadow_after_file", 1]
        if lab.STREAMS[stream] == "command":
            words += ["--class_column", 0, "--ignore_class", -1]
        for inputs, targets in lab.recording(self.folder, stream, seed):
            words += ["--inputs", inputs, "--targets", targets]
        return subprocess.Popen([lab.PROGRAMS / "millrace", "--server", self.server.grpc,
                                 *map(str, words)], stdout=subprocess.DEVNULL)
