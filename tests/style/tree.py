"""The files of a source tree that the style rules look at, and their text in digestible form."""

import dataclasses
import os
import re

CXX = (".h", ".cc", ".cu", ".cuh")
CODE = CXX + (".py", ".proto", ".cmake", ".sh")
SKIPPED_FOLDERS = {".git", ".venv", "__pycache__", ".pytest_cache", "node_modules"}
SKIPPED_FILES = {"LICENSE", ".git"}  # a worktree has a file of that name

# A comment, a raw string, a string or a character literal of C++; digit separators are no literals.
_CXX_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r'|R"(?P<delimiter>[^()\s]*)\(.*?\)(?P=delimiter)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class File:
    """One text file: its path relative to the root with forward slashes, and its text."""

    path: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def suffix(self) -> str:
        return os.path.splitext(self.path)[1]

    @property
    def layer(self) -> str:
        """The top folder, e.g. "kernels"; empty for a file of the root."""
        return self.path.split("/")[0] if "/" in self.path else ""


def is_code(file: File) -> bool:
    """Whether size limits hold: our code, not prose, recordings, dashboards or settings."""
    return file.suffix in CODE or file.path.endswith("CMakeLists.txt") or file.path == "dev"


def is_cxx(file: File) -> bool:
    return file.suffix in CXX


def files_of(root: str) -> list[File]:
    """Every text file below root that people write, in order of path."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not _is_skipped_folder(name))
        for name in sorted(names):
            if name in SKIPPED_FILES or "_pb2" in name:
                continue
            path = os.path.join(folder, name)
            text = _text_of(path)
            if text is not None:
                found.append(File(os.path.relpath(path, root).replace(os.sep, "/"), text))
    return found


def without_comments(text: str, keep_strings: bool = False) -> str:
    """C++ text with comments, and strings unless kept, blanked; every line break stays in place."""

    def blank(match: re.Match) -> str:
        token = match.group(0)
        if keep_strings and not token.startswith("/"):
            return token
        return re.sub(r"[^\n]", " ", token)

    return _CXX_TOKEN.sub(blank, text)


def _is_skipped_folder(name: str) -> bool:
    return name in SKIPPED_FOLDERS or name.startswith("build") or name.endswith(".egg-info")


def _text_of(path: str) -> str | None:
    if os.path.islink(path) or os.path.getsize(path) > 1 << 20:
        return None
    with open(path, "rb") as stream:
        content = stream.read()
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None
