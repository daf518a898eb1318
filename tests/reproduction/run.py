"""`./dev reproduce NAME|all`: repeats an experiment through a real server and prints its table.

Every experiment is a module of this folder with a function run(server_address) -> Report; seeds are
streams of one model. Results go to results/NAME.json.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "deploy" / "demo"), str(ROOT / "client" / "python" / "src")]

from server import Server  # noqa: E402  of deploy/demo, found through the path above

EXPERIMENTS = ("bmi_wheelchair",)


def main() -> int:
    names = sys.argv[1:]
    if names == ["all"]:
        names = list(EXPERIMENTS)
    unknown = [name for name in names if name not in EXPERIMENTS]
    if not names or unknown:
        print(f"reproduce: got {' '.join(sys.argv[1:]) or 'nothing'}; expected all or some of "
              f"{', '.join(EXPERIMENTS)}", file=sys.stderr)
        return 2
    programs = pathlib.Path(os.environ.get("MILLRACE_BIN", ROOT / "build" / "bin"))
    for name in names:
        with tempfile.TemporaryDirectory(prefix="millrace-reproduce-") as folder:
            server = Server(programs, pathlib.Path(folder))
            server.start()
            try:
                report = importlib.import_module(name).run(server.address)
            finally:
                server.stop()
        print(report.table)
        results = HERE / "results" / f"{name}.json"
        results.write_text(json.dumps(report.figures, indent=1) + "\n", encoding="utf-8")
        print(f"figures: {results.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
