"""A service that answers from Python, for what a real one cannot be made to do at will: fail in given ways."""

from collections.abc import Callable

import httpx
import numpy as np
import pytest

from dashboard.answers import Dataset, MapInfo, Points
from dashboard.client import ApiClient

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def client_of() -> Callable[[Handler], ApiClient]:
    return lambda handler: ApiClient("http://service.test", transport=httpx.MockTransport(handler))


def _dataset(index: int, name: str, n: int) -> Dataset:
    return Dataset(
        index=index,
        name=name,
        title=name.title(),
        modality="test pictures",
        labels={0: "none", 1: "some"},
        multi_label=False,
        n_indexed={"train": n, "val": 0, "test": 0},
        image_size=28,
        warnings=(),
        available=True,
    )


@pytest.fixture
def datasets() -> tuple[Dataset, ...]:
    """Three data sets of 5, 400 and 60 images."""
    return _dataset(0, "small", 5), _dataset(1, "large", 400), _dataset(2, "middle", 60)


@pytest.fixture
def points(datasets: tuple[Dataset, ...]) -> Points:
    rng = np.random.default_rng(3)
    sizes = [d.n for d in datasets]
    n = sum(sizes)
    return Points(
        x=rng.normal(size=n).astype(np.float32),
        y=rng.normal(size=n).astype(np.float32),
        dataset=np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
        names=tuple(d.name for d in datasets),
        split=rng.integers(0, 3, n).astype(np.int8),
        position=np.concatenate([np.arange(size) for size in sizes]).astype(np.int32),
        label=rng.integers(0, 2, n).astype(np.int32),
    )


@pytest.fixture
def info() -> MapInfo:
    return MapInfo(name="pca", dimensions=2, fitted_on="train", axis_labels=("PC 1 (60 %)", "PC 2 (20 %)"))
