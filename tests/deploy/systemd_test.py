"""The systemd unit, judged by systemd's own programs."""

from __future__ import annotations

import re

import pytest
from conftest import DEPLOY, PROGRAMS, run, seconds, setting, tool

SYSTEMD = DEPLOY / "systemd"
UNIT = SYSTEMD / "millrace.service"
# Exposure that the unit may have, in tenths; deploy/README.md states what it has.
MOST_EXPOSURE = 11


@pytest.fixture
def analyze():
    return tool("systemd-analyze")


def values(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def test_systemd_finds_the_unit_good(analyze, tmp_path):
    placed = tmp_path / UNIT.name
    placed.write_text(UNIT.read_text().replace("/usr/local/bin/", f"{PROGRAMS}/"))
    verified = run(analyze, "verify", "--man=no", placed)
    assert (verified.returncode, verified.stdout) == (0, "")


def test_the_sandbox_leaves_no_more_exposure_than_is_stated(analyze):
    judged = run(analyze, "security", "--offline=true", "--no-pager",
                 f"--threshold={MOST_EXPOSURE}", UNIT)
    if "unrecognized option" in judged.stdout:
        pytest.skip("this systemd-analyze does not judge files (version 250 does)")
    assert judged.returncode == 0, judged.stdout
    stated = re.search(r"exposure level for millrace.service: ([\d.]+)", judged.stdout)[1]
    assert f"`{stated}" in (DEPLOY / "README.md").read_text(), f"the README states not {stated}"


def test_the_server_has_time_to_drain_before_it_is_killed():
    configuration = (SYSTEMD / "millraced.textproto").read_text()
    drain_s = int(setting(configuration, "drain_timeout_s") or 30)
    assert seconds(values("TimeoutStopSec")[0]) > drain_s


def test_the_unit_lets_the_server_write_its_store_and_nothing_else():
    configuration = (SYSTEMD / "millraced.textproto").read_text()
    assert setting(configuration, "store") == f"/var/lib/{values('StateDirectory')[0]}"
    assert values("ProtectSystem") == ["strict"]
    assert values("ReadWritePaths") == []
