"""Building the index of the offline sample under a really trained tiny model."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from model import open_index
from model.data import download as download_module
from model.errors import VQScopeError
from model.latent.errors import IndexDamaged, IndexMismatch, IndexNotFound, SettingError
from model.latent.index import build_index
from model.latent.partial_build import partial_of
from model.latent.reuse import verify

pytestmark = pytest.mark.integration

FILES = (
    "images.parquet",
    "embeddings.npy",
    "codes.npy",
    "maps/pca/map.json",
    "maps/pca/coordinates.npy",
    "maps/pca/projector.safetensors",
    "maps/pca/quality.json",
    "maps/pca/preservation.npy",
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
        self._model, self._error, self.left = model, error, after

    def __getattr__(self, name):
        return getattr(self._model, name)

    def analyse(self, images):
        self.left -= 1
        if self.left >= 0:
            return self._model.analyse(images)
        if self._error is not None:
            raise self._error
        analysis = self._model.analyse(images)
        spoilt = np.full_like(analysis.encoding.embeddings, np.nan)
        return dataclasses.replace(
            analysis, encoding=dataclasses.replace(analysis.encoding, embeddings=spoilt)
        )


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_build_harms_nothing_and_is_gone_on_with(
    tiny_index_dir, copy, model, sample_dir, sample_names, error
):
    before = (copy / "index.json").read_bytes()
    with pytest.raises((KeyboardInterrupt, VQScopeError)):
        build(_Failing(model, error, 2), sample_dir, sample_names, copy, batch_size=16, afresh=True)
    assert sorted(p.name for p in copy.parent.iterdir()) == [".copy.partial", "copy"]
    assert (copy / "index.json").read_bytes() == before
    assert open_index(copy, model).n > 0
    with pytest.raises(IndexNotFound):
        open_index(partial_of(copy))  # never before it is whole


def test_an_interrupted_build_ends_in_the_same_bytes(model, sample_dir, sample_names, tmp_path):
    given = {"splits": ("val", "test"), "batch_size": 16}
    begin(model, sample_dir, sample_names[:2], tmp_path / "i", splits=("val", "test"))
    counting = _Counting(model)
    out = build(counting, sample_dir, sample_names[:2], tmp_path / "i", **given)
    assert [p.name for p in tmp_path.iterdir()] == ["i"]
    undisturbed = build(model, sample_dir, sample_names[:2], tmp_path / "j", **given)
    assert counting.batches == number_of_batches(undisturbed, 16) - 3
    for name in FILES:
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes(), name


class _Counting:
    """A real model that counts what it is given."""

    def __init__(self, model) -> None:
        self._model, self.batches = model, 0

    def __getattr__(self, name):
        return getattr(self._model, name)

    def analyse(self, images):
        self.batches += 1
        return self._model.analyse(images)


def number_of_batches(folder: Path, size: int) -> int:
    return sum(-(-block.count // size) for block in open_index(folder).blocks)


def test_a_build_that_cannot_be_leaves_nothing_and_harms_nothing(copy, model, sample_dir, sample_names):
    before = (copy / "index.json").read_bytes()
    with pytest.raises(VQScopeError):
        build(_Failing(model, None, 2), sample_dir, sample_names, copy, batch_size=16, afresh=True)
    assert [p.name for p in copy.parent.iterdir()] == ["copy"]
    assert (copy / "index.json").read_bytes() == before
    assert open_index(copy, model).n > 0


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory")])
def test_after_any_other_error_the_next_build_goes_on(model, sample_dir, sample_names, tmp_path, error):
    out = tmp_path / "i"
    with pytest.raises(type(error)):
        build(_Failing(model, error, 2), sample_dir, sample_names[:1], out, batch_size=16)
    counting = _Counting(model)
    build(counting, sample_dir, sample_names[:1], out, batch_size=16)
    assert counting.batches == number_of_batches(out, 16) - 2
    assert [p.name for p in tmp_path.iterdir()] == ["i"]


@pytest.mark.parametrize("damage", [b"", b"[1]", b'{"format": '])
def test_an_index_whose_description_is_damaged_is_built_again(copy, model, sample_dir, sample_names, damage):
    (copy / "index.json").write_bytes(damage)
    with pytest.raises(IndexDamaged, match="vqscope index"):
        open_index(copy)
    build(model, sample_dir, sample_names, copy, batch_size=16)
    assert open_index(copy, model).n > 0


def test_a_folder_with_something_elses_description_is_left_alone(model, sample_dir, sample_names, tmp_path):
    (tmp_path / "index.json").write_bytes(b"[1]")
    with pytest.raises(VQScopeError, match="is not a latent index"):
        build(model, sample_dir, sample_names, tmp_path, batch_size=16)
    assert [p.name for p in tmp_path.iterdir()] == ["index.json"]


def begin(model, sample_dir, names, out, **settings) -> Path:
    """A build interrupted after three batches; its partial folder."""
    with pytest.raises(KeyboardInterrupt):
        build(_Failing(model, KeyboardInterrupt(), 3), sample_dir, names, out, batch_size=16, **settings)
    return partial_of(out)


@pytest.mark.parametrize(
    "harm", ["torn line", "lost bytes", "changed byte", "longer", "no plan", "torn plan"]
)
def test_what_a_loss_of_power_leaves_is_found_and_made_again(model, sample_dir, sample_names, tmp_path, harm):
    partial = begin(model, sample_dir, sample_names[:1], tmp_path / "i", splits=("train",))
    embeddings, journal, plan = (partial / name for name in ("embeddings.npy", "journal.txt", "plan.json"))
    written = embeddings.read_bytes()
    row = model.embedding_dim * 4
    if harm == "torn line":
        journal.write_bytes(journal.read_bytes()[:-5])
    elif harm == "lost bytes":
        embeddings.write_bytes(written[:-row])
    elif harm == "changed byte":
        embeddings.write_bytes(written[: -20 * row] + b"\0" * 4 + written[-20 * row + 4 :])
    elif harm == "longer":
        embeddings.write_bytes(written + b"x" * 77)
    elif harm == "no plan":
        plan.unlink()
    else:
        plan.write_bytes(plan.read_bytes()[:50])
    counting = _Counting(model)
    out = build(counting, sample_dir, sample_names[:1], tmp_path / "i", splits=("train",), batch_size=16)
    kept = {"torn line": 2, "lost bytes": 2, "changed byte": 1, "longer": 3}.get(harm, 0)
    assert counting.batches == number_of_batches(out, 16) - kept
    whole = build(model, sample_dir, sample_names[:1], tmp_path / "j", splits=("train",), batch_size=16)
    for name in FILES:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_build_of_something_else_drops_what_was_begun(model, sample_dir, sample_names, tmp_path):
    begin(model, sample_dir, sample_names[:2], tmp_path / "i")
    out = build(model, sample_dir, sample_names[:1], tmp_path / "i", splits=("test",))
    assert [p.name for p in tmp_path.iterdir()] == ["i"]
    assert {b.dataset for b in open_index(out).blocks} == {sample_names[0]}


def test_two_builds_of_one_index_at_once_are_refused(model, sample_dir, sample_names, tmp_path):
    class Nested(_Counting):
        def analyse(self, images):
            with pytest.raises(VQScopeError, match="another vqscope is building the index i now"):
                build(model, sample_dir, sample_names[:1], tmp_path / "i", splits=("val",))
            return super().analyse(images)

    nested = Nested(model)
    assert open_index(build(nested, sample_dir, sample_names[:1], tmp_path / "i", splits=("val",))).n > 0


def test_adding_a_data_set_encodes_it_alone(model, sample_dir, sample_names, tmp_path):
    out = build(model, sample_dir, sample_names[:2], tmp_path / "i", splits=("val", "test"))
    counting = _Counting(model)
    build(counting, sample_dir, [sample_names[2]], out, splits=("val",), add=True)
    grown = open_index(out, model)
    assert [(b.dataset, b.split) for b in grown.blocks] == [
        *((name, split) for name in sample_names[:2] for split in ("val", "test")),
        (sample_names[2], "val"),
    ]
    assert counting.batches == 1
    verify(grown)
    # To the byte what encoding everything would give.
    twin = tmp_path / "j"
    build(model, sample_dir, sample_names[:2], twin, splits=("val", "test"))
    build(model, sample_dir, [sample_names[2]], twin, splits=("val",), add=True, afresh=True)
    for name in FILES:
        assert (out / name).read_bytes() == (twin / name).read_bytes(), name


def test_nothing_is_taken_over_from_another_file_or_a_changed_array(
    model, sample_dir, sample_names, tmp_path
):
    data = Path(shutil.copytree(sample_dir, tmp_path / "data"))
    one, two = sample_names[:2]
    out = build(model, data, [one, two], tmp_path / "i", splits=("test",))
    shutil.copyfile(data / f"{two}.npz", data / f"{one}.npz")  # other images under the same name
    array = bytearray((out / "codes.npy").read_bytes())
    array[-1] ^= 1  # in the last block
    (out / "codes.npy").write_bytes(array)
    with pytest.raises(IndexDamaged, match=rf"codes\.npy has changed in {two}/test"):
        verify(open_index(out))
    counting = _Counting(model)
    build(counting, data, [one, two], out, splits=("test",))
    assert counting.batches == 2
    verify(open_index(out))


def test_an_index_of_another_model_cannot_be_added_to(copy, model, sample_dir, sample_names):
    class Other:
        sha256, version, embedding_version = "0" * 64, "other@0", model.embedding_version

    with pytest.raises(IndexMismatch, match="not with other@0"):
        build(Other(), sample_dir, sample_names[:1], copy, add=True)


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


def test_what_a_killed_swap_left_goes_with_the_next(model, sample_dir, sample_names, tmp_path):
    for name in (".i.partial", ".i.replaced-1-abcd", ".j.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "embeddings.npy").write_bytes(b"half")
    build(model, sample_dir, sample_names[:1], tmp_path / "i", splits=("test",))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".j.partial", "i"]


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
