"""Finds functions and how long they are: a brace count for C++, the syntax tree for Python."""

import ast
import dataclasses
import re

from tree import without_comments

_SCOPE = re.compile(r"^(?:inline\s+|export\s+)?(?:namespace|extern)\b")
_TYPE = re.compile(r"\b(?:class|struct|union|enum)\b[^()=;]*(?:\bfinal\b)?[^()=;]*$")
_CONTROL = {"if", "for", "while", "switch", "catch", "return"}
_NAME_BEFORE_PARENTHESIS = re.compile(r"([~\w:]+|operator\s*[^\s\w(]+|operator\s*\(\s*\))\s*\(")


@dataclasses.dataclass(frozen=True)
class Function:
    """One function definition; line counts from 1, lines spans signature and body."""

    name: str
    line: int
    lines: int


def cxx_functions(text: str) -> list[Function]:
    """Function definitions at namespace or class scope. Lambdas count as part of theirs."""
    return _Scan(without_comments(_without_preprocessor(text))).functions


def python_functions(text: str) -> list[Function]:
    """All function definitions, nested ones too; the docstring is not counted."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        lines = node.end_lineno - node.lineno + 1
        first = node.body[0]
        if ast.get_docstring(node, clean=False) is not None:
            lines -= first.end_lineno - first.lineno + 1
        found.append(Function(node.name, node.lineno, lines))
    return found


def _without_preprocessor(text: str) -> str:
    """Blanks directives and their continuation lines, which may hold unbalanced braces."""
    return re.sub(
        r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
        lambda match: re.sub(r"[^\n]", " ", match.group(0)),
        text,
        flags=re.MULTILINE,
    )


class _Scan:
    """One pass over blanked C++ text. depth_in_function is 0 outside of function bodies."""

    def __init__(self, text: str):
        self.text = text
        self.functions: list[Function] = []
        self.statement_start = 0  # where the declaration before the next brace begins
        self.depth_in_function = 0
        self.signature = ("", 0)  # name and offset of the function that is open
        for offset, character in enumerate(text):
            if character == "{":
                self._open(offset)
            elif character == "}":
                self._close(offset)
            elif character == ";" and self._ends_declaration(offset):
                self.statement_start = offset + 1

    def _ends_declaration(self, offset: int) -> bool:
        declaration = self.text[self.statement_start : offset]
        return self.depth_in_function == 0 and declaration.count("(") == declaration.count(")")

    def _open(self, offset: int) -> None:
        if self.depth_in_function > 0:
            self.depth_in_function += 1
            return
        declaration = self.text[self.statement_start : offset].strip()
        name = _function_name(declaration)
        if name is None:
            self.statement_start = offset + 1
            return
        start = self.statement_start
        start += len(self.text[start:offset]) - len(self.text[start:offset].lstrip())
        self.signature = (name, start)
        self.depth_in_function = 1

    def _close(self, offset: int) -> None:
        if self.depth_in_function == 0:
            self.statement_start = offset + 1
            return
        self.depth_in_function -= 1
        if self.depth_in_function > 0:
            return
        if re.match(r"\s*[,{)]", self.text[offset + 1 :]):
            return  # a member initialised with braces, or a default argument: the body comes yet
        name, start = self.signature
        line = self.text.count("\n", 0, start) + 1
        lines = self.text.count("\n", start, offset) + 1
        self.functions.append(Function(name, line, lines))
        self.statement_start = offset + 1


def _function_name(declaration: str) -> str | None:
    """The name of the function that a brace after declaration opens; None if it opens none."""
    declaration = re.sub(r"^(?:\s*(?:public|private|protected)\s*:)+", "", declaration).strip()
    declaration = re.sub(r"\[\[[^\]]*\]\]|\balignas\s*\([^)]*\)", "", declaration).strip()
    if not declaration or _SCOPE.match(declaration):
        return None
    declaration = re.sub(r"^template\s*<[^{}]*?>\s*(?=[\w\[:~])", "", declaration)
    if _TYPE.search(declaration) and "(" not in declaration:
        return None
    match = _NAME_BEFORE_PARENTHESIS.search(declaration)
    if match is None or match.group(1) in _CONTROL:
        return None
    if "=" in declaration[: match.start()]:
        return None  # an initialiser, not a definition
    return match.group(1)
