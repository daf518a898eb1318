"""Checks the rules of this repository that no compiler knows.

usage: check_style.py ROOT

Prints one line a violation, "path:line: [rule] sentence", and exits 1 if there is any.
"""

import sys

import rules
import tree


def check(root: str) -> list[str]:
    """Every violation below root, as printed."""
    files = tree.files_of(root)
    found = []
    for rule in rules.RULES:
        for path, line, sentence in rule(files):
            found.append(f"{path}:{line}: [{rule.__name__}] {sentence}")
    return found


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = check(sys.argv[1])
    for violation in found:
        print(violation)
    print(f"{len(found)} violations of {len(rules.RULES)} rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
