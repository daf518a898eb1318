"""The image: its Dockerfile, what it is given, and its health check against a real server."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from conftest import DEPLOY, PROGRAMS, SOURCE, run, tool

DOCKER = DEPLOY / "docker"
TEXT = (DOCKER / "Dockerfile").read_text()


def instructions(name: str) -> list[str]:
    """What follows NAME in every instruction of that name, continued lines joined."""
    joined = TEXT.replace("\\\n", " ")
    return [match[1].strip() for match in re.finditer(rf"^{name} +(.*)$", joined, re.MULTILINE)]


def test_hadolint_finds_nothing_in_the_dockerfile():
    linted = run(tool("hadolint"), "--no-color", DOCKER / "Dockerfile")
    assert (linted.returncode, linted.stdout) == (0, "")


def test_shellcheck_finds_nothing_in_the_script():
    linted = run(tool("shellcheck"), DOCKER / "collect")
    assert (linted.returncode, linted.stdout) == (0, "")


def test_every_stage_that_runs_ends_as_a_user_that_is_not_root():
    stages = re.split(r"^FROM ", TEXT, flags=re.MULTILINE)[1:]
    for stage in stages[1:]:
        users = re.findall(r"^USER (\S+)$", stage, re.MULTILINE)
        inherits = stage.startswith("runtime AS ")
        assert (users[-1] == "10001:10001") if users else inherits


def test_what_is_copied_from_the_sources_is_there():
    for copied in instructions("COPY"):
        if not copied.startswith("--from"):
            for path in copied.split()[:-1]:
                assert (SOURCE / path).exists(), f"COPY {path}: not in the sources"


def test_what_the_build_reads_is_not_ignored():
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().split("\n")
    for layer in ("dev", "kernels", "engine", "proto", "server", "client", "deploy/packages",
                  "deploy/cmake", "deploy/models", "deploy/docker"):
        assert layer not in ignored


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """What the script collects of the programs that were built."""
    tool("dpkg-query")
    out = tmp_path_factory.mktemp("collected")
    done = run(DOCKER / "collect", PROGRAMS, out)
    assert done.returncode == 0, done.stdout
    yield out
    shutil.rmtree(out)


def test_the_script_finds_an_owner_for_every_library_of_the_programs(collected):
    packages = (collected / "packages").read_text().split()
    assert len(packages) == len(set(packages)) > 10
    assert any(name.startswith("librocksdb") for name in packages)
    assert any(name.startswith("libgrpc") for name in packages)


def test_with_libtorch_the_script_ships_the_libraries_of_the_singular_values(collected):
    if not (PROGRAMS / "libmillrace_singular_values.so").exists():
        pytest.skip("built without LibTorch")
    shipped = {path.name for path in (collected / "lib").iterdir()}
    assert {"libmillrace_singular_values.so", "libtorch_cpu.so", "libc10.so"} <= shipped


def test_the_script_refuses_a_library_that_no_package_owns(tmp_path):
    tool("dpkg-query")
    compiler = tool("cc")
    (tmp_path / "nothing.c").write_text("int nothing(void) { return 0; }\n")
    (tmp_path / "main.c").write_text("int nothing(void);\nint main(void) { return nothing(); }\n")
    library = tmp_path / "libnothing.so"
    compiled = run(compiler, "-shared", "-fPIC", f"-Wl,-soname,{library.name}", "-o", library,
                   tmp_path / "nothing.c")
    assert compiled.returncode == 0, compiled.stdout
    for program in ("millraced", "millrace"):
        linked = run(compiler, "-o", tmp_path / program, tmp_path / "main.c", library,
                     f"-Wl,-rpath,{tmp_path}")
        assert linked.returncode == 0, linked.stdout
    refused = run(DOCKER / "collect", tmp_path, tmp_path / "out")
    assert refused.returncode == 1
    assert refused.stdout == f"- {library}\ncollect: no package owns these libraries\n"


def health_command(address: str) -> list[str]:
    (check,) = instructions("HEALTHCHECK")
    words = json.loads(check[check.index("CMD") + len("CMD"):])
    assert words[0] == "millrace"
    return [str(PROGRAMS / words[0]),
            *(address if word == "127.0.0.1:7070" else word for word in words[1:])]


def test_the_health_check_tells_a_server_from_nobody(address):
    assert run(*health_command(address)).returncode == 0
    assert run(*health_command("127.0.0.1:1")).returncode != 0
