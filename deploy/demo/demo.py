"""`./dev demo`: a decoder that learns online against the same decoder frozen, on a real recording.

Part one plays 14 sessions of a macaque steering a wheelchair (two days, four days apart) through a
real server, in order of time. Labels are released when a trial has ended, as they would be known in
use. A shadow of the decoder is frozen after the first session, a fork of it after the first day. In
the middle of the second day's first session the server is killed with -9 and started again; at the
end an uninterrupted twin shows that nothing was lost or doubled.
Part two streams two domains of text, one after the other, into a byte model.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import picture
import sessions as recording
import texts
from server import Command, Server

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODELS = ROOT / "deploy" / "models"
SEED = 1
LEARNS, FROZEN_DAY_ONE, TWIN = "wheelchair", "wheelchair-day-one", "wheelchair-twin"
READER = "reader"
KILL_RATE_HZ = 1500  # slow enough that the kill falls into the session
TEXT_BYTES = 150_000


def say(text: str = "") -> None:
    print(text, flush=True)


def replay_arguments(stream: str, played: list[recording.Session]) -> list[object]:
    """How the sessions are played: labels when the trial column changes; each begins reset."""
    words: list[object] = ["replay", stream, "--class_column", recording.CLASS_COLUMN,
                           "--ignore_class", -1, "--release_column", recording.TRIAL_COLUMN]
    for session in played:
        words += ["--inputs", session.counts_file, "--targets", session.labels_file]
    return words


def play(command: Command, stream: str, played: list[recording.Session],
         *more: object) -> list[dict]:
    """Plays whole sessions and returns the result of each."""
    return command.json(*replay_arguments(stream, played), *more)["files"]


def play_through_a_kill(command: Command, server: Server,
                        session: recording.Session) -> tuple[list[dict], int]:
    """Plays one session, kills the server in its middle and starts it again. The client finds the
    server again by itself. Returns the results and the step that was reached at the kill."""
    start = command.json("stream", "show", LEARNS)["applied_seq"]
    player = command.start_json(*replay_arguments(LEARNS, [session]), "--rate_hz", KILL_RATE_HZ)
    while (reached := int(command.json("stream", "show", LEARNS)["applied_seq"])) < (
            int(start) + len(session.labels) // 2):
        if player.poll() is not None:
            raise RuntimeError("the session ended before the server could be killed")
        time.sleep(0.02)
    server.kill()
    time.sleep(0.3)
    server.start()
    printed, _ = player.communicate(timeout=120)
    if player.returncode != 0:
        raise RuntimeError("the replay did not survive the kill")
    return json.loads(printed)["files"], reached


def play_recording(command: Command, server: Server,
                   played: list[recording.Session]
                   ) -> tuple[list[dict], list[dict | None], float]:
    """All sessions: results of the stream that learns, of the fork frozen after day one, and the
    reference loss that was set between the days."""
    day_one = [s for s in played if s.name.startswith("20141211")]
    day_two = played[len(day_one):]
    command("model", "create", "bmi", "--spec", MODELS / "bmi_wheelchair.textproto")
    command("stream", "open", LEARNS, "--model", "bmi", "--seed", SEED)
    say(f"playing {len(played)} sessions, {sum(len(s.labels) for s in played)} bins of 100 ms ...")
    live = play(command, LEARNS, day_one, "--shadow_after_file", 1)
    command("stream", "fork", LEARNS, FROZEN_DAY_ONE)
    command("stream", "freeze", FROZEN_DAY_ONE)
    # What recovery is measured against on the second day: the loss of a day without a shift.
    reference = sum(row["loss"] for row in live[1:]) / len(live[1:])
    command("stream", "set", LEARNS, f"monitor.reference_loss={reference:.6f}")
    say(f"reference for recovery on the second day: {reference:.3f} nats, the mean loss of the "
        "first day's\nsessions after the first")
    killed, reached = play_through_a_kill(command, server, day_two[0])
    say(f"killed the server with -9 at step {reached}, in the middle of {day_two[0].name}; "
        "it came back and the session went on")
    live += killed + play(command, LEARNS, day_two[1:])
    frozen = play(command, FROZEN_DAY_ONE, day_two)
    return live, [None] * len(day_one) + frozen, reference


def check_twin(command: Command, played: list[recording.Session], reference: float) -> None:
    """The same sessions once more, without the kill: every bit must agree."""
    day_one = [s for s in played if s.name.startswith("20141211")]
    day_two = played[len(day_one):]
    command("stream", "open", TWIN, "--model", "bmi", "--seed", SEED)
    play(command, TWIN, day_one, "--shadow_after_file", 1)
    command("stream", "set", TWIN, f"monitor.reference_loss={reference:.6f}")
    for group in (day_two[:1], day_two[1:]):
        play(command, TWIN, group)
    survivor, twin = (command.json("stream", "show", name) for name in (LEARNS, TWIN))
    for figure in ("applied_seq", "learner_digest", "digest"):
        if survivor[figure] != twin[figure]:
            raise RuntimeError(f"{figure} differs from the uninterrupted twin's: "
                               f"{survivor[figure]} and {twin[figure]}")
    say(f"an uninterrupted twin ends at the same step ({twin['applied_seq']}) with the same bits "
        f"(digest {twin['digest'][:16]}...)")


def print_table(played: list[recording.Session], live: list[dict], frozen: list[dict | None],
                last_label: list[float], discriminant: list[float]) -> None:
    """One row a session."""
    def cell(value: float | None, form: str = "6.3f") -> str:
        return "     -" if value is None else format(value, form)

    say(f"\n{'session':<14}{'learns':>8}{'frozen s1':>11}{'frozen d1':>11}{'last label':>12}"
        f"{'discriminant':>14}{'gain':>8}{'recovery':>10}")
    for session, row, fork, last, linear in zip(played, live, frozen, last_label, discriminant):
        shadow = row.get("shadow") or {}
        gain = shadow["loss"] - row["loss"] if "loss" in shadow else None
        say(f"{session.name:<14}{cell(row['accuracy']):>8}{cell(shadow.get('accuracy')):>11}"
            f"{cell(fork['accuracy'] if fork else None):>11}"
            f"{cell(last):>12}{cell(linear):>14}"
            f"{cell(gain):>8}{cell(row.get('recovery')):>10}")

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    for name, rows in (("mean after s1", slice(1, None)), ("mean of day 2", slice(-3, None))):
        say(f"{name:<14}{mean([r['accuracy'] for r in live[rows]]):>8.3f}"
            f"{mean([r['shadow']['accuracy'] for r in live[rows]]):>11.3f}"
            + (f"{mean([f['accuracy'] for f in frozen[rows] if f]):>11.3f}" if rows.start < 0
               else f"{'-':>11}")
            + f"{mean(last_label[rows]):>12.3f}{mean(discriminant[rows]):>14.3f}")
    say("accuracy per bin with a label; frozen s1: the shadow, frozen after the first session; "
        "frozen d1: a fork,\nfrozen after the first day; gain: loss of the shadow minus loss of "
        "the stream that learns, in nats;\nrecovery: gain / (loss of the shadow - reference), "
        "averaged over the last trials, from the server")


def play_texts(command: Command) -> None:
    """Two domains one after the other, the shadow taken between them."""
    command("model", "create", "bytes", "--spec", MODELS / "bytes.textproto")
    command("stream", "open", READER, "--model", "bytes", "--seed", SEED)
    domains = texts.two_domains(ROOT, TEXT_BYTES)
    with tempfile.TemporaryDirectory() as folder:
        words: list[object] = ["replay", READER, "--shadow_after_file", 1, "--steps_per_message",
                               256, "--at_file_boundary", "continue"]
        for i, (name, text) in enumerate(domains):
            path = pathlib.Path(folder) / f"{i}.txt"
            path.write_bytes(text)
            words += ["--bytes", path]
        files = command.json(*words)["files"]
    say(f"\n{'bits per byte':<34}{'bytes':>8}{'learns':>8}{'frozen':>8}{'order-0':>9}")
    for (name, text), row in zip(domains, files):
        frozen = (row.get("shadow") or {}).get("bits_per_byte")
        say(f"{name:<34}{len(text):>8}{row['bits_per_byte']:>8.3f}"
            f"{'-' if frozen is None else format(frozen, '.3f'):>8}"
            f"{row['baselines']['order0']['bits_per_byte']:>9.3f}")
    say("frozen: the shadow, taken after the first domain")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=pathlib.Path, default=ROOT / "build" / "demo.png",
                        help="where the picture goes (default: %(default)s)")
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build" / "bin",
                        help="folder of millraced and millrace (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="millrace-demo-") as folder:
        return run(arguments, pathlib.Path(folder))


def run(arguments: argparse.Namespace, folder: pathlib.Path) -> int:
    began = time.monotonic()
    server = Server(arguments.programs, folder)
    server.start()
    command = Command(arguments.programs, server)
    try:
        say(f"server on {server.address}, metrics on http://{server.metrics}/metrics")
        played = recording.load()
        live, frozen, reference = play_recording(command, server, played)
        decided = recording.discriminant_decisions(played)
        discriminant = [recording.accuracy(d, s) for d, s in zip(decided, played)]
        repeated = recording.last_labels(played)
        last_label = [recording.accuracy(d, s) for d, s in zip(repeated, played)]
        print_table(played, live, frozen, last_label, discriminant)
        check_twin(command, played, reference)
        picture.draw(arguments.picture, [s.name for s in played], live, frozen, last_label,
                     discriminant)
        say(f"picture: {arguments.picture}")
        play_texts(command)
        say(f"\nmetrics were on http://{server.metrics}/metrics; "
            f"done in {time.monotonic() - began:.0f} s")
    except subprocess.CalledProcessError as error:
        say(f"demo: {' '.join(error.cmd)} ended with {error.returncode}")
        return 1
    finally:
        status = server.stop()
    return 0 if status == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
