"""The index of the offline sample under a really trained tiny model."""

import shutil
from pathlib import Path

import pytest

from model import load_model, open_index
from model.latent.index import LatentIndex


@pytest.fixture(scope="package")
def model(tiny_model_dir):
    return load_model(tiny_model_dir, "cpu")


@pytest.fixture(scope="package")
def index(tiny_index_dir, model) -> LatentIndex:
    return open_index(tiny_index_dir, model)


@pytest.fixture
def copy(tiny_index_dir, tmp_path) -> Path:
    """A copy of the index that a test may damage."""
    return Path(shutil.copytree(tiny_index_dir, tmp_path / "copy"))
