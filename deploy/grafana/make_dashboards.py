"""Writes dashboards/*.json from boards.py: python3 deploy/grafana/make_dashboards.py"""

import json
import pathlib

from boards import BOARDS
from panels import board_json

FOLDER = pathlib.Path(__file__).resolve().parent / "dashboards"


def texts() -> dict[str, str]:
    """Each dashboard's file name and content."""
    return {f"{name}.json": json.dumps(board_json(board), indent=2, ensure_ascii=False) + "\n"
            for name, board in BOARDS.items()}


if __name__ == "__main__":
    for name, text in texts().items():
        (FOLDER / name).write_text(text)
