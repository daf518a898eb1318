"""`./dev reproduce NAME|all`: repeats experiments through a real server and prints their tables.

Every experiment is a module of this folder with a function run(player) -> Report; seeds are streams
of one model. Results go to results/NAME.json, NAME.md and NAME.png, the tables also to README.md.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "deploy" / "demo"), str(ROOT / "client" / "python" / "src")]

import millrace  # noqa: E402  found through the path above, like the two below
import readme  # noqa: E402
from experiment import Player  # noqa: E402
from report import Report  # noqa: E402
from server import Server  # noqa: E402  of deploy/demo

EXPERIMENTS = ("sine", "multi_sine", "lorenz", "lstm_sine", "delayed", "large", "optimizers",
               "architectures", "selection", "copy_adding", "memory", "hyperplane", "electricity",
               "bmi_wheelchair", "bmi_cells", "s1_reach", "bytes")
TIMEOUT_S = 600.0  # of one call: a message of full RTRL at n = 128 takes many seconds


def write(name: str, report: Report, wall_s: float) -> None:
    """The three files of an experiment, and its section of README.md."""
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    figures = {"command": f"./dev reproduce {name}", "wall_s": round(wall_s, 1), **report.figures}
    (results / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (results / f"{name}.md").write_text(report.table + "\n", encoding="utf-8")
    if report.picture is not None:
        report.picture(results / f"{name}.png")
    readme.insert(HERE / "README.md", name, report, wall_s)
    print(f"{name}: {wall_s:.0f} s; figures: {(results / name).relative_to(ROOT)}.json")


def reproduce(names: list[str]) -> None:
    """Plays the experiments, one after another, on one server."""
    programs = pathlib.Path(os.environ.get("MILLRACE_BIN", ROOT / "build" / "bin"))
    with tempfile.TemporaryDirectory(prefix="millrace-reproduce-") as folder:
        server = Server(programs, pathlib.Path(folder))
        server.start()
        try:
            with millrace.connect(server.address, timeout_s=TIMEOUT_S) as client:
                for name in names:
                    started = time.monotonic()
                    report = importlib.import_module(name).run(Player(client, name))
                    print(report.table)
                    write(name, report, time.monotonic() - started)
        finally:
            server.stop()


def main() -> int:
    names = sys.argv[1:]
    if names == ["all"]:
        names = list(EXPERIMENTS)
    unknown = [name for name in names if name not in EXPERIMENTS]
    if not names or unknown:
        print(f"reproduce: got {' '.join(sys.argv[1:]) or 'nothing'}; expected all or some of "
              f"{', '.join(EXPERIMENTS)}", file=sys.stderr)
        return 2
    reproduce(names)
    return 0


if __name__ == "__main__":
    sys.exit(main())
