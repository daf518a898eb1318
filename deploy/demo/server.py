"""The demo's server and command: real processes, as a user would start them."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import threading

SERVING = "serving "


class Server:
    """A millraced on free ports of this machine, over the store in `folder`.

    After kill() start() brings it back on the same ports, where its clients look for it.
    """

    def __init__(self, programs: pathlib.Path, folder: pathlib.Path) -> None:
        self._program = programs / "millraced"
        self._folder = folder
        self.address = self.metrics = "127.0.0.1:0"

    def start(self) -> None:
        """Starts it and waits for its serving line. Raises RuntimeError with its last words."""
        log = open(self._folder / "server.log", "ab")
        self._process = subprocess.Popen(
            [self._program, "--listen", self.address, "--metrics_listen", self.metrics,
             "--store", self._folder / "store"], stdout=subprocess.PIPE, stderr=log, text=True)
        line = self._process.stdout.readline()
        if not line.startswith(SERVING):
            raise RuntimeError(f"the server did not start; see {self._folder}/server.log")
        fields = dict(field.split("=", 1) for field in line[len(SERVING):].split())
        self.address, self.metrics = fields["grpc"], fields["metrics"]
        # Whatever else it may print must not fill the pipe.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def kill(self) -> None:
        """kill -9: no farewell, no flush."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM: drain, snapshot, exit. Returns its exit status."""
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(timeout=60)


class Command:
    """The `millrace` command against one server."""

    def __init__(self, programs: pathlib.Path, server: Server) -> None:
        self._program = programs / "millrace"
        self._server = server

    def arguments(self, *words: object) -> list[str]:
        return [str(self._program), "--server", self._server.address, *map(str, words)]

    def __call__(self, *words: object) -> None:
        """Runs it quietly; raises CalledProcessError, its error shown, where it fails."""
        subprocess.run(self.arguments(*words), check=True, stdout=subprocess.DEVNULL)

    def json(self, *words: object) -> dict:
        """Runs it with --json and returns the object it prints."""
        done = subprocess.run(self.arguments(*words, "--json"), check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                              if not os.environ.get("MILLRACE_VERBOSE") else None)
        return json.loads(done.stdout)

    def start_json(self, *words: object) -> subprocess.Popen:
        """Starts it with --json in the background; its standard output is the object."""
        return subprocess.Popen(self.arguments(*words, "--json"), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
