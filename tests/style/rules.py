"""The style rules. Each takes the files of a tree and yields violations; RULES lists them."""

import ast
import re
from collections.abc import Iterator

import functions
from tree import CXX, File, is_code, is_cxx, without_comments

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_COLUMNS = 100

Violation = tuple[str, int, str]  # path, line (0: the whole file), sentence

_TORCH = ("torch/", "ATen/", "c10/", "caffe2/")
_GRPC = ("grpc/", "grpcpp/", "grpc++/")
_PROTOBUF = ("google/", "millrace/v1/")
_SERVING = ("prometheus/", "rocksdb/", "CLI/", "gflags/")
# What the sources of a layer may not include: who may know whom.
_FORBIDDEN_INCLUDES = {
    "kernels": ("engine/", "server/", "client/", "absl/")
    + _TORCH + _GRPC + _PROTOBUF + _SERVING,
    "engine": ("server/", "client/") + _GRPC + _PROTOBUF + _SERVING,
    "server": ("kernels/", "client/") + _TORCH,
    "client": ("kernels/", "engine/", "server/", "prometheus/", "rocksdb/") + _TORCH,
    "tests/reference": ("kernels/",),
}
_EVERYWHERE_FORBIDDEN = {
    "absl/synchronization/mutex.h": "lock with std::mutex: absl::Mutex gives false races",
}
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)
_LOCAL_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"((?:\.\.?/)[^"]*|[^"/]*)"', re.MULTILINE)

_BANNED_WORDS = {"manager", "helper", "helpers", "util", "utils", "common", "misc", "data", "info"}
_DECLARED_TYPE = re.compile(
    r"\b(?:class|struct|union|enum(?:\s+class)?|namespace|message|service|concept)\s+(\w+)")

_LAYERS = ("proto", "kernels", "engine", "server", "client", "deploy", "tests")

# Written in pieces, so that this file does not break its own rule.
_FORBIDDEN_TEXT = [
    (re.compile(r"/wo" r"rk/|/tmp/br" r"ief|/ro" r"ot/"), "names a path of one machine"),
    (re.compile(r"py" r"pi\.org|pythonhos" r"ted|deb\.deb" r"ian\.org|archive\.ubun" r"tu\.com"),
     "names a package registry's host"),
    (re.compile(r"\b(?:METH" r"ODS|DES" r"IGN|PLAT" r"FORM|TAS" r"TE)"
                r"(?:\.md\b|\s+(?:section\s+)?\d)"),
     "refers to a document that is not in the repository"),
]
_UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")


def include_direction(files: list[File]) -> Iterator[Violation]:
    """No layer includes what it may not know; only sources of engine/ include LibTorch."""
    for file in filter(is_cxx, files):
        for match in _INCLUDE.finditer(without_comments(file.text, keep_strings=True)):
            included = match.group(1)
            line = _line(file.text, match.start())
            for folder, forbidden in _FORBIDDEN_INCLUDES.items():
                if file.path.startswith(folder + "/") and included.startswith(forbidden):
                    yield file.path, line, f"includes '{included}', which {folder}/ may not know"
            if file.path.startswith("engine/") and file.suffix == ".h" and \
                    included.startswith(_TORCH):
                yield file.path, line, f"a header of engine/ includes LibTorch ('{included}')"
            if not file.path.startswith("tests/") and included.startswith("tests/"):
                yield file.path, line, f"includes '{included}'; only tests may include tests"
            if included in _EVERYWHERE_FORBIDDEN:
                yield file.path, line, _EVERYWHERE_FORBIDDEN[included]


def proto_imports(files: list[File]) -> Iterator[Violation]:
    """The wire contract imports itself and Google's types."""
    for file in files:
        if file.suffix != ".proto":
            continue
        for match in re.finditer(r'^\s*import\s+(?:public\s+)?"([^"]+)"', file.text, re.MULTILINE):
            if not match.group(1).startswith(("millrace/", "google/")):
                yield file.path, _line(file.text, match.start()), f"imports '{match.group(1)}'"


def include_paths(files: list[File]) -> Iterator[Violation]:
    """Our own includes are written from the root of the repository."""
    for file in filter(is_cxx, files):
        for match in _LOCAL_INCLUDE.finditer(without_comments(file.text, keep_strings=True)):
            yield (file.path, _line(file.text, match.start()),
                   f"includes '{match.group(1)}'; expected the path from the repository's root")


def device_syntax(files: list[File]) -> Iterator[Violation]:
    """CUDA syntax and headers stay in kernels/cuda/ and in the tests of it."""
    syntax = re.compile(r"__global__|__shared__|<<<")
    header = re.compile(r"#\s*include\s*[<\"]cuda")
    for file in filter(is_cxx, files):
        if file.path.startswith(("kernels/cuda/", "tests/")):
            continue
        match = syntax.search(without_comments(file.text))
        match = match or header.search(without_comments(file.text, keep_strings=True))
        if match:
            yield (file.path, _line(file.text, match.start()),
                   f"'{match.group(0)}' belongs in kernels/cuda/ only")


def banned_names(files: list[File]) -> Iterator[Violation]:
    """Names say what a thing is; words that fit anything are banned in files, folders and types."""
    for file in files:
        stem = re.sub(r"\.\w+$", "", file.path)
        for word in _words(stem):
            if word in _BANNED_WORDS:
                yield file.path, 0, f"the name has the banned word '{word}'"
        if not is_cxx(file) and file.suffix != ".proto":
            continue
        for match in _DECLARED_TYPE.finditer(without_comments(file.text)):
            for word in _words(match.group(1)):
                if word in _BANNED_WORDS:
                    yield (file.path, _line(file.text, match.start()),
                           f"'{match.group(1)}' has the banned word '{word}'")


def file_size(files: list[File]) -> Iterator[Violation]:
    for file in filter(is_code, files):
        if len(file.lines) > MAX_FILE_LINES:
            yield file.path, 0, f"has {len(file.lines)} lines; at most {MAX_FILE_LINES}"


def function_size(files: list[File]) -> Iterator[Violation]:
    for file in files:
        if is_cxx(file):
            found = functions.cxx_functions(file.text)
        elif file.suffix == ".py":
            found = functions.python_functions(file.text)
        else:
            continue
        for function in found:
            if function.lines > MAX_FUNCTION_LINES:
                yield (file.path, function.line, f"function '{function.name}' has "
                       f"{function.lines} lines; at most {MAX_FUNCTION_LINES}")


def line_length(files: list[File]) -> Iterator[Violation]:
    for file in filter(is_code, files):
        for number, line in enumerate(file.lines, 1):
            if len(line) > MAX_COLUMNS:
                yield file.path, number, f"has {len(line)} columns; at most {MAX_COLUMNS}"


def header_opening(files: list[File]) -> Iterator[Violation]:
    """A header opens with what it is."""
    for file in files:
        if file.suffix in (".h", ".cuh") and not file.text.lstrip().startswith(("//", "/*")):
            yield file.path, 1, "opens without a comment that says what the header is"


def readme_per_layer(files: list[File]) -> Iterator[Violation]:
    present = {file.path for file in files}
    for layer in sorted({file.layer for file in files} & set(_LAYERS)):
        if f"{layer}/README.md" not in present:
            yield layer, 0, "has no README.md; it is the layer's design document"


def forbidden_text(files: list[File]) -> Iterator[Violation]:
    """Nothing names a path of one machine, a registry, or a document that is not shipped."""
    for file in files:
        for pattern, sentence in _FORBIDDEN_TEXT:
            for match in pattern.finditer(file.text):
                yield file.path, _line(file.text, match.start()), sentence


def unfinished_work(files: list[File]) -> Iterator[Violation]:
    for file in filter(is_code, files):
        for match in _UNFINISHED.finditer(file.text):
            yield file.path, _line(file.text, match.start()), f"is unfinished: '{match.group(0)}'"


def client_python_imports(files: list[File]) -> Iterator[Violation]:
    """The Python client knows the wire contract only, never the tests or tools of this tree."""
    for file in files:
        if not file.path.startswith("client/python/") or file.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(file.text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names.append(node.module)
            for name in names:
                if name.split(".")[0] in ("tests", "deploy", "torch"):
                    yield file.path, node.lineno, f"imports '{name}'"


RULES = (
    include_direction, proto_imports, include_paths, device_syntax, banned_names, file_size,
    function_size, line_length, header_opening, readme_per_layer, forbidden_text, unfinished_work,
    client_python_imports,
)  # fmt: skip


def _line(text: str, offset: int) -> int:
    offset += len(text[offset:]) - len(text[offset:].lstrip("\n \t"))
    return text.count("\n", 0, offset) + 1


def _words(name: str) -> list[str]:
    """Lower-case words of a path, a snake_case or a CamelCase name."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    return [part.lower() for part in parts]
