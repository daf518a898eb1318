"""Puts the table of an experiment, as run, into the section of README.md that is kept for it."""

from __future__ import annotations

import pathlib

from report import Report


def section(name: str, report: Report, wall_s: float) -> str:
    """The text between the two marks of an experiment."""
    picture = f"\n\n![{name}](results/{name}.png)" if report.picture is not None else ""
    return (f"    ./dev reproduce {name}        # {wall_s:.0f} s as run\n\n{report.table}{picture}")


def insert(path: pathlib.Path, name: str, report: Report, wall_s: float) -> None:
    """Replaces the text between `<!-- NAME -->` and `<!-- end of NAME -->`. Raises ValueError where
    the file has no such section."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    text = path.read_text(encoding="utf-8")
    if begin not in text or end not in text:
        raise ValueError(f"{path} has no section for '{name}'; expected the lines {begin.strip()} "
                         f"and {end.strip()}")
    before, rest = text.split(begin, 1)
    after = rest[rest.index(end):]
    path.write_text(before + begin + section(name, report, wall_s) + after, encoding="utf-8")
