"""`./dev bench [NAME ...]`: runs the benchmarks, prints their tables, writes results/NAME.json.

Benchmarks report; nothing fails by time. What the figures mean is in README.md.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "deploy" / "demo"), str(ROOT / "client" / "python" / "src")]

BENCHMARKS = ("step", "rivals", "streams", "memory", "round_trip")


def main() -> int:
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"bench: got {' '.join(unknown)}; expected some of {', '.join(BENCHMARKS)}",
              file=sys.stderr)
        return 2
    import machine  # found through the path above

    programs = pathlib.Path(os.environ.get("MILLRACE_BIN", ROOT / "build" / "bin"))
    for name in names:
        before = machine.describe()
        result = importlib.import_module(f"{name}_table").run(programs)
        print(result.table)
        file = HERE / "results" / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"machine": before, **result.figures}, indent=1) + "\n",
                        encoding="utf-8")
        print(f"{machine.sentence(before)}\nfigures: {file.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
