"""Building the index of the offline sample under a really trained tiny model."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from model import open_index
from model.data import download as download_module
from model.errors import VQScopeError
from model.latent.errors import SettingError
from model.latent.index import build_index

pytestmark = pytest.mark.integration

FILES = (
    "images.parquet",
    "embeddings.npy",
    "codes.npy",
    "maps/pca/map.json",
    "maps/pca/coordinates.npy",
    "maps/pca/projector.safetensors",
)


def build(model, sample_dir, names, out, **settings) -> Path:
    return build_index(
        model, data_dir=sample_dir, datasets=names, out=out, **({"progress": False} | settings)
    )


def test_a_second_build_is_the_same_and_replaces_the_first(
    tiny_index_dir, copy, model, sample_dir, sample_names
):
    (copy / "stale").write_text("of the old index")
    assert build(model, sample_dir, sample_names, copy) == copy
    assert not (copy / "stale").exists()
    for name in FILES:
        assert (copy / name).read_bytes() == (tiny_index_dir / name).read_bytes(), name
    assert [p.name for p in copy.parent.iterdir()] == ["copy"]


def test_some_splits_and_batches(model, sample_dir, sample_names, tmp_path, index):
    out = build(
        model, sample_dir, sample_names[:2], tmp_path / "new" / "i", splits=("val", "test"), batch_size=33
    )
    small = open_index(out, model)
    assert {(b.dataset, b.split) for b in small.blocks} == {
        (d, s) for d in sample_names[:2] for s in ("val", "test")
    }
    assert small.map("pca").fitted_on == "all"
    ours, theirs = small.row(sample_names[1], "test", 3), index.row(sample_names[1], "test", 3)
    np.testing.assert_allclose(small.embeddings[ours], index.embeddings[theirs], atol=1e-5)


@pytest.mark.parametrize("occupied", ["file", "folder"])
def test_what_is_no_index_is_never_replaced(model, sample_dir, sample_names, tmp_path, occupied):
    out = tmp_path / "precious"
    kept = out if occupied == "file" else out / "index.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text('{"mine": 1}')
    with pytest.raises(VQScopeError, match="not a latent index"):
        build(model, sample_dir, sample_names[:1], out)
    assert kept.read_text() == '{"mine": 1}'


def test_an_empty_folder_is_taken(model, sample_dir, sample_names, tmp_path):
    out = tmp_path / "empty"
    out.mkdir()
    assert open_index(build(model, sample_dir, sample_names[:1], out)).n > 0


class _Failing:
    """A real model that stops after some batches."""

    def __init__(self, model, error: BaseException | None, after: int) -> None:
        self._model, self._error, self._left = model, error, after

    def __getattr__(self, name):
        return getattr(self._model, name)

    def analyse(self, images):
        self._left -= 1
        if self._left >= 0:
            return self._model.analyse(images)
        if self._error is not None:
            raise self._error
        analysis = self._model.analyse(images)
        spoilt = np.full_like(analysis.encoding.embeddings, np.nan)
        return dataclasses.replace(
            analysis, encoding=dataclasses.replace(analysis.encoding, embeddings=spoilt)
        )


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(28, "No space left on device"), VQScopeError),
        (RuntimeError("bug"), RuntimeError),
        (None, VQScopeError),
    ],
)
def test_a_failed_build_leaves_nothing_and_harms_nothing(
    copy, model, sample_dir, sample_names, error, raised
):
    before = (copy / "index.json").read_bytes()
    with pytest.raises(raised):
        build(_Failing(model, error, after=2), sample_dir, sample_names, copy, batch_size=16)
    assert [p.name for p in copy.parent.iterdir()] == ["copy"]
    assert (copy / "index.json").read_bytes() == before
    assert open_index(copy, model).n > 0


def test_one_progress_bar_over_all_images(model, sample_dir, sample_names, tmp_path, capsys):
    out = build(model, sample_dir, sample_names[:2], tmp_path / "i", splits=("test",), progress=True)
    shown = capsys.readouterr().err
    n = open_index(out).n
    assert f"{n}/{n}" in shown
    assert "indexing: 100%" in shown
    build(model, sample_dir, sample_names[:1], tmp_path / "j", splits=("test",))
    assert "indexing" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [{"datasets": []}, {"datasets": ["a", "a"]}, {"splits": ()}, {"splits": ("dev",)}, {"batch_size": 0}],
)
def test_settings_out_of_range(model, sample_dir, sample_names, tmp_path, wrong):
    with pytest.raises(SettingError):
        build_index(
            model, **({"data_dir": sample_dir, "datasets": sample_names[:1], "out": tmp_path / "i"} | wrong)
        )


def test_an_unknown_data_set(model, sample_dir, tmp_path):
    with pytest.raises(VQScopeError, match="nosuch"):
        build(model, sample_dir, ["nosuch"], tmp_path / "i")
    assert list(tmp_path.iterdir()) == []


def test_what_killed_builds_left_goes_with_the_next(model, sample_dir, sample_names, tmp_path):
    for name in (".i.building-1-abcd", ".i.replaced-1-abcd", ".j.building-1-abcd"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "embeddings.npy").write_bytes(b"half")
    build(model, sample_dir, sample_names[:1], tmp_path / "i", splits=("test",))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".j.building-1-abcd", "i"]


def test_an_absent_official_set_is_downloaded(model, sample_dir, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(
        download_module,
        "fetch",
        lambda url, target, *, md5: shutil.copyfile(sample_dir / "sample_ct.npz", target),
    )
    out = build(model, tmp_path / "data", ["breastmnist"], tmp_path / "i", splits=("test",))
    index = open_index(out, model)
    assert [d["name"] for d in index.datasets] == ["breastmnist"]
    assert index.manifest["datasets"][0]["multi_label"] is False
