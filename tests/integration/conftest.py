import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from millraced import Server, vector_model  # noqa: E402


@pytest.fixture
def store(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "store"


@pytest.fixture
def server(store: pathlib.Path):
    """A server with the model "vector": 4 inputs, 2 outputs, targets with the observation."""
    with Server(store) as serving:
        serving.create_model("vector", vector_model())
        yield serving
