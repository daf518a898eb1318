"""The command `millrace` in shells and on a terminal, against the server program."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time
from collections.abc import Iterator

import pytest
from millraced import TIMEOUT_S, Server

BIN = pathlib.Path(os.environ["MILLRACE_BIN"])
SOURCE = pathlib.Path(os.environ["MILLRACE_SOURCE"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("command") / "store") as running:
        yield running


def environment(server: Server) -> dict[str, str]:
    return {**os.environ, "MILLRACE_SERVER": server.grpc, "PATH": f"{BIN}:{os.environ['PATH']}"}


def shell(server: Server, script: str, program: str = "bash", **options) -> str:
    done = subprocess.run([program, "-c", script], env=environment(server), capture_output=True,
                          text=True, timeout=TIMEOUT_S, **options)
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def millrace(server: Server, *arguments: str, stdin: bytes = b"") -> str:
    done = subprocess.run([BIN / "millrace", *arguments], env=environment(server), input=stdin,
                          capture_output=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_every_command_that_help_teaches_works_in_the_order_it_is_taught(server, tmp_path):
    topics = [entry["topic"] for entry in json.loads(millrace(server, "help", "--json"))]
    assert topics[0] == "start" and "durability" in topics
    script, taught = ["set -eo pipefail"], 0
    for topic in topics:
        text = json.loads(millrace(server, "help", topic, "--json"))["text"]
        commands = re.findall(r"^  \$ (.*(?:\n      .*)*)$", text, re.M)
        taught += len(commands)
        # What a command writes goes into this test's folder, not among the sources.
        script += [re.sub(r"(report.json|rates.textproto)", rf"{tmp_path}/\1", command)
                   for command in commands]
    assert taught > 25
    shell(server, "\n".join(script), cwd=SOURCE)


def test_no_line_of_help_is_wider_than_its_own_command_needs(server):
    for entry in json.loads(millrace(server, "help", "--json")):
        text = json.loads(millrace(server, "help", entry["topic"], "--json"))["text"]
        for line in text.splitlines():
            assert line.startswith("  $ ") or len(line) <= 100, line


COMPLETE_IN_BASH = """
eval "$(millrace completion bash)"
complete_line() {{
  COMP_LINE="$1" COMP_POINT=${{#1}}
  read -ra COMP_WORDS <<< "$1"
  [[ "$1" == *' ' ]] && COMP_WORDS+=('')
  COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
  _millrace
  echo "${{COMPREPLY[*]}}"
}}
complete_line '{line}'
"""


@pytest.mark.parametrize("line, words", [
    ("millrace stream unf", "unfreeze"),
    ("millrace --server {server} stream show lef", "left-hand"),
    ("millrace stream open x --model ha", "hands"),
    ("millrace replay s --at_file_boundary c", "continue"),
    ("millrace model create m --spec CHANGE", "CHANGELOG.md"),
    ("millrace help dur", "durability"),
])
def test_bash_completes_from_the_commands_own_table(server, line, words):
    if "left-hand" not in millrace(server, "stream", "list"):
        server.connect().create_model("hands", MODEL)
        server.open_stream("left-hand", "hands")
    got = shell(server, COMPLETE_IN_BASH.format(line=line.format(server=server.grpc)), cwd=SOURCE)
    assert got.split() == words.split()


def test_fish_completes_from_the_same_table(server):
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    got = shell(server, 'millrace completion fish | source; complete -C "millrace stream unf"',
                "fish")
    assert got.split("\t")[0] == "unfreeze"
    assert "guarded" in got or "Learn again" in got


def test_zsh_takes_the_script_and_completes_from_the_same_table(server):
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    terminal = Terminal(["zsh", "-f", "-i"], environment(server), columns=100)
    terminal.type("PS1='> '; autoload -U compinit; compinit -u; "
                  "eval \"$(millrace completion zsh)\"; echo rea''dy\r")
    terminal.wait_for("ready\r\n")
    terminal.type("millrace stream unf\t")
    terminal.wait_for("millrace stream unfreeze")
    terminal.end()


MODEL = '''
    input { name: "vector" settings { name: "size" integer: 2 } }
    cell { name: "vanilla" settings { name: "units" integer: 4 } }
    head { name: "linear" settings { name: "outputs" integer: 1 } }
    loss { name: "mean_squared_error" }
    target { name: "with_observation" }'''


class Terminal:
    """A program on a pseudo-terminal of so many columns."""

    def __init__(self, command: list, env: dict[str, str], columns: int):
        self.output = ""
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(command, env={**env, "TERM": "xterm"}, stdin=terminal,
                                        stdout=terminal, stderr=terminal, start_new_session=True)
        os.close(terminal)
        self.controller = controller

    def type(self, keys: str) -> None:
        os.write(self.controller, keys.encode())

    def wait_for(self, pattern: str) -> str:
        deadline = time.monotonic() + TIMEOUT_S
        while re.search(pattern, self.output) is None:
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern} did not come in {self.output!r}"
            if select.select([self.controller], [], [], left)[0]:
                self.output += os.read(self.controller, 65536).decode(errors="replace")
        return self.output

    def end(self) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT_S)
        os.close(self.controller)


@pytest.mark.parametrize("columns", [80, 132])
def test_top_draws_the_course_of_the_loss_on_a_terminal_and_ends_on_q(server, columns):
    stream = f"drawn-{columns}"
    server.connect()
    if "hands" not in millrace(server, "model", "list"):
        server.create_model("hands", MODEL)
    server.open_stream(stream, "hands")
    terminal = Terminal([BIN / "millrace", "top", stream, "--period_s", "0.1"],
                        environment(server), columns)
    terminal.wait_for("LOSS OVER TIME|COURSE")
    with server.learn() as call:
        attached = call.attach(stream)
        for seq in range(1, 200):
            call.send(observe(stream, attached, seq, 8.0 if seq > 100 else 0.1))
            call.answer()
            time.sleep(0.002)
    terminal.wait_for("[▂▃▄▅▆▇█]")
    terminal.type("q")
    terminal.wait_for(r"\x1b\[\?25h\s*$")  # the cursor is shown again
    assert terminal.process.wait(TIMEOUT_S) == 0
    terminal.end()
    frames = [re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", frame)
              for frame in terminal.output.split("\x1b[H")]
    assert all(len(line) <= columns for frame in frames for line in frame.splitlines()), frames[-1]


def observe(stream, attached, seq, target):
    from millrace.v1 import learn_pb2
    return learn_pb2.LearnPart(
        part_id=seq, stream=stream, epoch=attached.epoch,
        writer_token=attached.attach.writer_token,
        observe=learn_pb2.Observe(first_seq=seq, floats=[0.5, -0.5],
                                  targets=learn_pb2.TargetBlock(values=[target])))


def test_pipe_learns_bytes_and_its_mean_is_that_of_a_replay_of_the_same_file(server, tmp_path):
    text = (SOURCE / "LICENSE").read_bytes()[:3000]
    (tmp_path / "text").write_bytes(text)
    millrace(server, "model", "create", "letters", "--spec",
             str(SOURCE / "deploy/models/bytes.textproto"))
    piped = json.loads(millrace(server, "pipe", "piped", "--model", "letters", "--json",
                                stdin=text))
    assert len(piped["surprise"]) == piped["bytes"] == len(text)
    assert piped["surprise"][0] is None
    millrace(server, "stream", "open", "played", "--model", "letters")
    played = json.loads(millrace(server, "replay", "played", "--bytes", str(tmp_path / "text"),
                                 "--json"))
    assert piped["bits_per_byte"] == pytest.approx(played["bits_per_byte"], rel=1e-5)
    digests = [json.loads(millrace(server, "stream", "show", name, "--json"))["learner_digest"]
               for name in ("piped", "played")]
    assert digests[0] == digests[1]


def test_pipe_answers_as_bytes_come_and_learns_nothing_when_only_scoring(server):
    millrace(server, "pipe", "slow", "--model", "letters", stdin=b"once upon")
    before = json.loads(millrace(server, "stats", "slow", "--json"))["updates"]
    process = subprocess.Popen([BIN / "millrace", "pipe", "slow", "--score_only"],
                               env=environment(server), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    process.stdin.write(b" a")
    process.stdin.flush()
    assert process.stdout.readline().split(b"\t")[:1] == [b"10"]
    assert process.stdout.readline().startswith(b"11\ta\t")
    process.stdin.close()
    assert process.stdout.read().startswith(b"# 2 bytes")
    assert process.wait(TIMEOUT_S) == 0
    # The byte before the first of these was still to be learned from.
    after = json.loads(millrace(server, "stats", "slow", "--json"))["updates"]
    assert after - before <= 1


def test_health_is_good_until_the_server_is_gone(server, tmp_path):
    with Server(tmp_path / "store") as other:
        assert "serving  " in millrace(other, "health")
        other.kill()
        done = subprocess.run([BIN / "millrace", "health", "--timeout_s", "0.3"],
                              env=environment(other), capture_output=True, text=True)
        assert done.returncode == 3
        assert "is it running?" in done.stderr
