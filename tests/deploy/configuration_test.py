"""The configurations that are shipped are good, and agree with what starts the server."""

from __future__ import annotations

import pytest
from conftest import DEPLOY, PROGRAMS, run, setting

yaml = pytest.importorskip("yaml")


def configurations() -> dict[str, str]:
    config_map = yaml.safe_load((DEPLOY / "kubernetes" / "config.yaml").read_text())
    return {
        "docker": (DEPLOY / "docker" / "millraced.textproto").read_text(),
        "systemd": (DEPLOY / "systemd" / "millraced.textproto").read_text(),
        "kubernetes": config_map["data"]["millraced.textproto"],
    }


@pytest.mark.parametrize("place", configurations())
def test_the_server_finds_the_configuration_good(place, tmp_path):
    file = tmp_path / "millraced.textproto"
    file.write_text(configurations()[place])
    checked = run(PROGRAMS / "millraced", "--check_config", "--config", file)
    assert (checked.returncode, checked.stdout) == (0, "configuration is good\n")


@pytest.mark.parametrize("place", configurations())
def test_every_place_has_the_store_where_the_image_and_the_unit_let_it_write(place):
    assert setting(configurations()[place], "store") == "/var/lib/millrace"


def test_only_what_a_container_surrounds_listens_beyond_loopback():
    for place, configuration in configurations().items():
        contained = place != "systemd"
        assert (setting(configuration, "insecure_listen") == "true") == contained
        assert setting(configuration, "listen").startswith("0.0.0.0" if contained else "127.0.0.1")
