"""An index whose building is killed, over and over, ends in the same bytes as one that was left in peace."""

import os
import random
import re
import shutil
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


# --- while an index is replaced ---

KILLED = 9
STEPS = (  # in this order, once the new index is whole
    "unlink .index.partial/journal.txt",
    "rename index",
    "rename .index.partial",
    "unlink .index.replaced/index/index.json",
    "remove .index.replaced",
    "unlink index/plan.json",
)


def replace_by(
    model, data_dir: Path, names: tuple[str, ...], out: Path, *, add: bool, splits=("val", "test")
) -> None:
    build_index(
        model,
        data_dir=data_dir,
        datasets=names,
        out=out,
        splits=splits,
        batch_size=8,
        add=add,
        progress=False,
    )


def replace_and_die(
    step: str, model_dir: Path, data_dir: Path, names: tuple[str, ...], out: Path, add: bool
) -> None:
    """Replace the index at ``out``, and end as by a kill just before one of `STEPS`."""

    def ends_before(what, function):
        def call(path, *given, **named):
            where = re.sub(r"(\.replaced)-[^/]*", r"\1", os.path.relpath(path, out.parent))
            if step == f"{what} {where}":
                os._exit(KILLED)
            return function(path, *given, **named)

        return call

    Path.rename = ends_before("rename", Path.rename)
    Path.unlink = ends_before("unlink", Path.unlink)
    shutil.rmtree = ends_before("remove", shutil.rmtree)
    replace_by(load_model(model_dir, "cpu"), data_dir, names, out, add=add)


class Counting:
    """A real model that counts what it is given."""

    def __init__(self, model_dir: Path) -> None:
        self._model, self.batches = load_model(model_dir, "cpu"), 0

    def __getattr__(self, name):
        return getattr(self._model, name)

    def analyse(self, images):
        self.batches += 1
        return self._model.analyse(images)


@pytest.fixture
def killed_at(undisturbed, processes, tiny_model_dir, sample_dir, sample_names, tmp_path):
    """An index of two data sets, killed at a step of its replacement by one of three."""

    def kill(step: str, *, add: bool) -> Path:
        out = Path(shutil.copytree(undisturbed[0], tmp_path / "index"))
        names = sample_names[2:3] if add else sample_names[:3]
        given = (step, tiny_model_dir, sample_dir, names, out, add)
        process = processes.Process(target=replace_and_die, args=given)
        process.start()
        process.join()
        assert process.exitcode == KILLED
        return out

    return kill


def datasets(out: Path) -> list[str]:
    return [info["name"] for info in open_index(out).datasets]


REPLACEMENTS = [(step, True) for step in STEPS] + [("rename index", False), ("rename .index.partial", False)]
QUICK = [
    ("rename index", True),
    ("rename .index.partial", True),
    ("rename .index.partial", False),
    (STEPS[-1], True),
]


@pytest.mark.parametrize(
    ("step", "add"),
    [pytest.param(*one, marks=() if one in QUICK else pytest.mark.bench) for one in REPLACEMENTS],
)
def test_a_kill_while_an_index_is_replaced_loses_neither(
    step, add, killed_at, tiny_model_dir, sample_dir, sample_names, tmp_path
):
    out = killed_at(step, add=add)
    if step == "rename .index.partial":
        assert not out.exists()
    else:
        assert datasets(out) == list(sample_names[: 3 if STEPS.index(step) > 2 else 2])
    model = Counting(tiny_model_dir)
    replace_by(model, sample_dir, sample_names[2:3] if add else sample_names[:3], out, add=add)
    assert model.batches == 0
    assert datasets(out) == list(sample_names[:3])
    verify(open_index(out))
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert not (out / "plan.json").exists()


def test_after_such_a_kill_something_else_is_added_to_the_old_index(
    killed_at, tiny_model_dir, sample_dir, sample_names, tmp_path
):
    out = killed_at("rename .index.partial", add=True)
    model = Counting(tiny_model_dir)
    replace_by(model, sample_dir, sample_names[2:3], out, add=True, splits=("val",))
    assert {(block.dataset, block.split) for block in open_index(out).blocks} == {
        *((name, split) for name in sample_names[:2] for split in ("val", "test")),
        (sample_names[2], "val"),
    }
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_call_cut_while_it_empties_a_finished_build_does_not_make_it_an_index(
    killed_at, processes, tiny_model_dir, sample_dir, sample_names
):
    out = killed_at("rename index", add=True)
    given = ("remove .index.partial/maps", tiny_model_dir, sample_dir, sample_names[1:3], out, False)
    process = processes.Process(target=replace_and_die, args=given)
    process.start()
    process.join()
    assert process.exitcode == KILLED
    replace_by(load_model(tiny_model_dir, "cpu"), sample_dir, sample_names[2:3], out, add=True)
    assert datasets(out) == list(sample_names[:3])
    verify(open_index(out))
