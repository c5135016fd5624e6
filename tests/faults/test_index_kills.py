"""An index whose building is killed, over and over, ends in the same bytes as one that was left in peace."""

import random
import time
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from model.inference import load_model
from model.latent.errors import IndexNotFound
from model.latent.index import build_index, open_index
from model.latent.partial_build import JOURNAL, partial_of
from model.latent.reuse import verify

pytestmark = pytest.mark.integration
ARRAYS = (
    "images.parquet",
    "embeddings.npy",
    "codes.npy",
    "maps/pca/coordinates.npy",
    "maps/pca/preservation.npy",
)


def build(model_dir: Path, data_dir: Path, names: tuple[str, ...], out: Path) -> None:
    build_index(
        load_model(model_dir, "cpu"),
        data_dir=data_dir,
        datasets=names[:2],
        out=out,
        splits=("val", "test"),
        batch_size=8,
        progress=False,
    )


@pytest.fixture(scope="module")
def start(tiny_model_dir, sample_dir, sample_names, processes: ForkServerContext):
    def begin(out: Path) -> BaseProcess:
        process = processes.Process(target=build, args=(tiny_model_dir, sample_dir, sample_names, out))
        process.start()
        return process

    return begin


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory) -> tuple[Path, float]:
    """The index made without any fault, and the seconds that it took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for name in ("warm-up", "index"):  # the first also waits for the server of processes to import torch
        began = time.monotonic()
        process = start(folder / name)
        process.join()
        assert process.exitcode == 0
    return folder / "index", time.monotonic() - began


def rows_so_far(out: Path) -> int:
    journal = partial_of(out) / JOURNAL
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []
    return int(lines[-1].split()[0]) if lines else 0


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.bench)])
def test_a_killed_build_goes_on_and_ends_in_the_same_bytes(kills, start, undisturbed, tmp_path):
    whole, duration = undisturbed
    moments = random.Random(kills)
    done = runs = 0
    while done < kills:  # a build that was done before it was killed often enough is followed by another
        out = tmp_path / f"index{runs}"
        runs += 1
        rows = 0
        while done < kills:
            process = start(out)
            process.join(moments.uniform(0.2, 0.9) * duration)
            if not process.is_alive():
                break
            process.kill()
            process.join()
            done += 1
            if not out.exists():
                with pytest.raises(IndexNotFound):
                    open_index(out)
                assert rows_so_far(out) >= rows or not partial_of(out).exists()
                rows = rows_so_far(out)
        process = start(out)
        process.join()
        assert process.exitcode == 0
        for name in ARRAYS:
            assert (out / name).read_bytes() == (whole / name).read_bytes(), name
        verify(open_index(out))
    assert {path.name for path in tmp_path.iterdir()} == {f"index{run}" for run in range(runs)}


LATER = [pytest.param(name, marks=pytest.mark.bench) for name in ("plan.json", "images.parquet", "maps")]


@pytest.mark.parametrize("moment", ["journal.txt", "index.json.part", *LATER])
def test_a_kill_as_soon_as_a_file_is_there(moment, start, undisturbed, tmp_path):
    out = tmp_path / "index"
    process = start(out)
    while not (partial_of(out) / moment).exists() and process.is_alive():
        pass
    process.kill()
    process.join()
    process = start(out)
    process.join()
    assert process.exitcode == 0
    for name in ARRAYS:
        assert (out / name).read_bytes() == (undisturbed[0] / name).read_bytes(), name
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
