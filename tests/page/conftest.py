import os
import pathlib
import sys

import pytest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "operations")]

import chromium  # noqa: E402
import replay  # noqa: E402


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory):
    """A server that plays two streams through a drift, and a browser tab that watched it."""
    if chromium.PROGRAM is None:
        pytest.skip("chromium is not installed; ./dev setup installs it where the distribution "
                    "has it as a package")
    with replay.Replay(tmp_path_factory.mktemp("page")) as running:
        running.play()
        yield running


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where pictures go: MILLRACE_PICTURES, or a folder that is thrown away."""
    chosen = os.environ.get("MILLRACE_PICTURES")
    return pathlib.Path(chosen) if chosen else tmp_path_factory.mktemp("pictures")
