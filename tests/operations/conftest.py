import os
import pathlib
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import lab as lab_module  # noqa: E402


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory):
    """A server with four streams that were played through two drifts, under Prometheus."""
    if lab_module.PROMETHEUS is None:
        pytest.skip("prometheus is not installed; ./dev setup installs it")
    running = lab_module.Lab(tmp_path_factory.mktemp("lab"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def promtool() -> str:
    if lab_module.PROMTOOL is None:
        pytest.skip("promtool is not installed; ./dev setup installs it with prometheus")
    return lab_module.PROMTOOL


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where pictures go: MILLRACE_PICTURES, or a folder that is thrown away."""
    chosen = os.environ.get("MILLRACE_PICTURES")
    return pathlib.Path(chosen) if chosen else tmp_path_factory.mktemp("pictures")
