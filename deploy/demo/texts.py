"""Two domains of text for the byte stream."""

from __future__ import annotations

import os
import pathlib


def two_domains(root: pathlib.Path, size: int) -> list[tuple[str, bytes]]:
    """English prose, then source code: [(name, at most `size` bytes)].

    Where MILLRACE_DATA (default ../shared/data) holds the text recordings, a novel and a standard
    library; in a bare checkout the project's own prose and sources.
    """
    folder = pathlib.Path(os.environ.get("MILLRACE_DATA", root.parent / "shared" / "data")) / "text"
    if (folder / "austen.txt").is_file() and (folder / "python.txt").is_file():
        return [("six novels by Jane Austen", (folder / "austen.txt").read_bytes()[:size]),
                ("Python's standard library", (folder / "python.txt").read_bytes()[:size])]
    return [("this project's prose", _joined(root, ("*.md", "LICENSE"), size)),
            ("this project's C++", _joined(root, ("*.cc",), size))]


def _joined(root: pathlib.Path, patterns: tuple[str, ...], size: int) -> bytes:
    hidden = {".venv", ".git", "build"}
    paths = sorted(path for pattern in patterns for path in root.rglob(pattern)
                   if path.is_file() and not any(part in hidden or part.startswith("build-")
                                                 for part in path.relative_to(root).parts))
    return b"\n".join(path.read_bytes() for path in paths)[:size]
