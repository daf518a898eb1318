"""The compose files: their schema, and that what they mount is there."""

from __future__ import annotations

import shutil

import pytest
from conftest import DEPLOY, run, seconds, setting, tool

yaml = pytest.importorskip("yaml")

FILES = ("compose.yaml", "compose.cuda.yaml")
GIBIBYTE = 1 << 30


def compose() -> list[str]:
    """The command: Compose as a program of its own, else as docker's."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    docker = tool("docker")
    if run(docker, "compose", "version").returncode != 0:
        pytest.skip("Compose is not installed")
    return [docker, "compose"]


def services() -> dict:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]


@pytest.mark.parametrize("files", (FILES[:1], FILES))
def test_compose_finds_the_files_good(files):
    named = [word for file in files for word in ("-f", DEPLOY / file)]
    checked = run(*compose(), *named, "config", "--quiet")
    assert (checked.returncode, checked.stdout) == (0, "")


def test_what_is_mounted_from_the_sources_is_there():
    for service in services().values():
        for volume in service["volumes"]:
            origin = volume.split(":")[0]
            if origin.startswith("."):
                assert (DEPLOY / origin).exists(), f"{volume}: not in the sources"


def test_nothing_is_published_beyond_loopback():
    for service in services().values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_server_has_time_to_drain_and_memory_beside_its_streams():
    server = services()["millrace"]
    configuration = (DEPLOY / "docker" / "millraced.textproto").read_text()
    assert seconds(server["stop_grace_period"]) > int(
        setting(configuration, "drain_timeout_s") or 30)
    limit = int(server["mem_limit"].removesuffix("g")) * GIBIBYTE
    words = server["command"]
    assert int(words[words.index("--memory_limit_bytes") + 1]) == limit * 3 // 4


def test_prometheus_finds_the_server_by_its_name_where_it_serves_metrics():
    (targets,) = yaml.safe_load((DEPLOY / "docker" / "targets.yml").read_text())
    configuration = (DEPLOY / "docker" / "millraced.textproto").read_text()
    port = setting(configuration, "metrics_listen").rsplit(":")[-1]
    assert targets["targets"] == [f"millrace:{port}"]
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    read = [file for job in scraped["scrape_configs"] for entry in job.get("file_sd_configs", [])
            for file in entry["files"]]
    mounted = [volume.split(":")[1] for volume in services()["prometheus"]["volumes"]]
    assert [f"/etc/prometheus/{file}" for file in read if f"/etc/prometheus/{file}" in mounted]
