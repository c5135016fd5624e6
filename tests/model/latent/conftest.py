"""The index of the offline sample under a really trained tiny model."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from model import load_model, open_index
from model.latent.codebook import CodebookUse, codebook_use
from model.latent.index import LatentIndex


@pytest.fixture(scope="package")
def model(tiny_model_dir):
    return load_model(tiny_model_dir, "cpu")


@pytest.fixture(scope="package")
def index(tiny_index_dir, model) -> LatentIndex:
    return open_index(tiny_index_dir, model)


@pytest.fixture(scope="package")
def use(index) -> CodebookUse:
    return codebook_use(index)


@pytest.fixture(scope="package")
def there(index) -> np.ndarray:
    """(N, K): which image contains which code."""
    return np.array([np.isin(np.arange(64), grid) for grid in index.codes])


@pytest.fixture
def copy(tiny_index_dir, tmp_path) -> Path:
    """A copy of the index that a test may damage."""
    return Path(shutil.copytree(tiny_index_dir, tmp_path / "copy"))
