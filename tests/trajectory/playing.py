"""Runs millrace-trajectory on an object and gives its result, or its error sentence."""

import json
import os
import subprocess


def run(recording, folder):
    """(exit code, result or None, error output)."""
    source, result = folder / "in.json", folder / "out.json"
    text = recording if isinstance(recording, str) else json.dumps(recording)
    source.write_text(text)
    done = subprocess.run(
        [os.environ["MILLRACE_TRAJECTORY"], str(source), str(result)],
        capture_output=True, text=True, check=False, timeout=120)
    played = json.loads(result.read_text()) if result.exists() else None
    return done.returncode, played, done.stderr


def play(recording, folder):
    code, played, errors = run(recording, folder)
    assert code == 0, errors
    return played
