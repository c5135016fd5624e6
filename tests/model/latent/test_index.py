"""The index of the offline sample under a really trained tiny model."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.decomposition import PCA

from model import open_index
from model.data.arrays import open_split
from model.data.catalogue import find_dataset
from model.latent.errors import MapNotFound, RowNotFound, SettingError
from model.latent.index import IndexDamaged, IndexMismatch, IndexNotFound

pytestmark = pytest.mark.integration


# --- what it holds ---


def test_shown_it_is_one_line(index, sample_names):
    shown = repr(index)
    assert len(shown.splitlines()) == 1
    assert f"{index.n:,} images of {', '.join(sample_names)}" in shown
    assert "maps pca" in shown


def test_every_image_of_every_split_is_there_once(index, sample_dir, sample_names):
    assert [d["name"] for d in index.datasets] == list(sample_names)
    row = 0
    for name in sample_names:
        for split in ("train", "val", "test"):
            part = open_split(name, split, data_dir=sample_dir)
            table = index.images.slice(row, len(part))
            assert table["dataset"].to_pylist() == [name] * len(part)
            assert table["split"].to_pylist() == [split] * len(part)
            assert table["position"].to_pylist() == list(range(len(part)))
            assert table["label"].to_pylist() == part.labels[:, 0].tolist()
            assert index.row(name, split, len(part) - 1) == row + len(part) - 1
            row += len(part)
    assert index.n == row == index.images.num_rows == len(index.embeddings) == len(index.codes)


def test_rows_hold_what_the_model_says_of_the_image(index, model, sample_dir, sample_names):
    for name in sample_names:
        part = open_split(name, "test", data_dir=sample_dir)
        positions = [0, len(part) // 2, len(part) - 1]
        rows = [index.row(name, "test", p) for p in positions]
        analysis = model.analyse(np.asarray(part.images)[positions])
        np.testing.assert_array_equal(index.codes[rows], analysis.encoding.codes)
        np.testing.assert_allclose(index.embeddings[rows], analysis.encoding.embeddings, atol=1e-5)
        for column in ("psnr", "ssim", "mae"):
            stored = index.images[column].to_numpy()[rows]
            np.testing.assert_allclose(stored, getattr(analysis.figures, column), rtol=1e-3, atol=1e-4)
        stored = index.images["quantisation_error"].to_numpy()[rows]
        np.testing.assert_allclose(stored, analysis.encoding.quantisation_error, rtol=1e-3, atol=1e-5)


def test_types_and_manifest(index, model, sample_dir, sample_names):
    types = {field.name: field.type for field in index.images.schema}
    text = pa.dictionary(pa.int32(), pa.string())
    assert types == {
        "dataset": text,
        "split": text,
        "position": pa.int32(),
        "label": pa.int32(),
    } | dict.fromkeys(("psnr", "ssim", "mae", "quantisation_error"), pa.float32())
    assert index.images["dataset"].num_chunks == 1
    assert isinstance(index.embeddings, np.memmap)
    assert isinstance(index.codes, np.memmap)
    assert isinstance(index.map("pca").coordinates, np.memmap)
    assert index.codes.dtype == np.uint8  # 64 codes
    assert not index.embeddings.flags.writeable
    assert index.manifest["format_version"] == 1
    assert index.manifest["model"]["sha256"] == index.model_sha256 == model.sha256
    assert index.model_version == model.version
    assert index.manifest["model"]["embedding_version"] == model.embedding_version
    assert index.manifest["created_at"].endswith("+00:00")
    for described, name in zip(index.datasets, sample_names, strict=True):
        info = find_dataset(name, sample_dir)
        assert described == json.loads(json.dumps(info.to_dict() | {"path": None}))
        assert described["md5"] == info.md5
    assert len(index.version) == 12


def test_pca_is_fitted_on_the_training_split(index):
    latent_map = index.map("pca")
    train = index.images["split"].to_numpy(zero_copy_only=False) == "train"
    theirs = PCA(2, svd_solver="full").fit(index.embeddings[train].astype(np.float64))
    placed = theirs.transform(index.embeddings.astype(np.float64))
    sign = np.sign((placed * latent_map.coordinates).sum(axis=0))
    np.testing.assert_allclose(latent_map.coordinates, placed * sign, atol=1e-4 * np.abs(placed).max())
    np.testing.assert_allclose(
        latent_map.explained_variance_ratio, theirs.explained_variance_ratio_, rtol=1e-6
    )
    assert latent_map.fitted_on == "train"
    assert latent_map.keeps_proportions
    assert index.map_names == ("pca",)
    assert latent_map.axis_labels[0].startswith("PC 1 (")


def test_a_new_image_lands_where_its_twin_lies(index, model, sample_dir, sample_names):
    part = open_split(sample_names[0], "val", data_dir=sample_dir)
    placed = index.project(model.encode(np.asarray(part.images[:4])).embeddings)
    start = index.row(sample_names[0], "val", 0)
    coordinates = index.map("pca").coordinates
    np.testing.assert_allclose(placed, coordinates[start : start + 4], atol=1e-4 * np.abs(coordinates).max())


def test_what_is_not_there(index, sample_names):
    with pytest.raises(RowNotFound, match="positions are 0 to"):
        index.row(sample_names[0], "train", 10**6)
    with pytest.raises(RowNotFound, match="positions are 0 to"):
        index.row(sample_names[0], "train", -1)
    with pytest.raises(RowNotFound, match="does not hold"):
        index.row("chestmnist", "train", 0)
    with pytest.raises(MapNotFound, match="it has pca"):
        index.map("umap")
    with pytest.raises(SettingError, match="embeddings must be"):
        index.project(np.zeros((1, 3)))


# --- opening ---


def test_no_index(tmp_path, model):
    with pytest.raises(IndexNotFound, match="does not exist"):
        open_index(tmp_path / "nowhere", model)
    with pytest.raises(IndexNotFound, match="holds no latent index"):
        open_index(tmp_path, model)
    (tmp_path / "file").write_text("x")
    with pytest.raises(IndexNotFound):
        open_index(tmp_path / "file", model)


FILES = (
    "images.parquet",
    "embeddings.npy",
    "codes.npy",
    "maps/pca/map.json",
    "maps/pca/coordinates.npy",
    "maps/pca/projector.safetensors",
)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["missing", "cut", "empty", "rubbish"])
def test_a_damaged_file_is_one_clear_line(copy, name, how):
    path = copy / name
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut": data[:-7], "empty": b"", "rubbish": b"\x93rubbish\x00" * 20}[how])
    with pytest.raises(IndexDamaged) as caught:
        open_index(copy)
    message = str(caught.value)
    assert path.name in message
    assert "vqscope index" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"format": "other"}']
)
def test_a_damaged_manifest(copy, data):
    (copy / "index.json").write_bytes(data)
    with pytest.raises(IndexDamaged) as caught:
        open_index(copy)
    assert "\n" not in str(caught.value)


def edit(folder: Path, change) -> None:
    path = folder / "index.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("model"),
        lambda c: c["model"].update(code_grid=[7]),
        lambda c: c["model"].update(embedding_dim="256"),
        lambda c: c["model"].update(embedding_dim=c["model"]["embedding_dim"] + 1),
        lambda c: c["model"].update(codebook_size=70_000),
        lambda c: c.update(n=c["n"] + 1),
        lambda c: c.update(n=True),
        lambda c: c.update(blocks=[]),
        lambda c: c["blocks"].reverse(),
        lambda c: c["blocks"].pop(),
        lambda c: c["blocks"][0].update(split="val"),
        lambda c: c["datasets"].pop(),
        lambda c: c["datasets"][0].update(name="other"),
    ],
)
def test_a_manifest_that_does_not_fit(copy, change):
    edit(copy, change)
    with pytest.raises(IndexDamaged):
        open_index(copy)


def test_rows_that_are_not_those_of_the_manifest(copy):
    table = pq.read_table(copy / "images.parquet")
    n = table.num_rows
    pq.write_table(table.take(pa.array([1, 0, *range(2, n)])), copy / "images.parquet")
    with pytest.raises(IndexDamaged, match="does not hold the images"):
        open_index(copy)
    pq.write_table(table.drop_columns(["ssim"]), copy / "images.parquet")
    with pytest.raises(IndexDamaged, match="no column ssim"):
        open_index(copy)


def test_a_map_of_another_index(copy):
    np.save(copy / "maps" / "pca" / "coordinates.npy", np.zeros((3, 2), np.float32))
    with pytest.raises(IndexDamaged, match=r"coordinates\.npy"):
        open_index(copy)
    shutil.rmtree(copy / "maps" / "pca")
    with pytest.raises(IndexDamaged, match="pca is missing"):
        open_index(copy)


def test_more_columns_and_half_made_maps_do_no_harm(copy):
    table = pq.read_table(copy / "images.parquet")
    pq.write_table(table.append_column("age", pa.array(np.zeros(table.num_rows))), copy / "images.parquet")
    (copy / "maps" / ".umap.part").mkdir()
    assert "age" in open_index(copy).images.column_names
    assert open_index(copy).map_names == ("pca",)


class _Other:
    """The attributes of a model that an index is compared with."""

    def __init__(self, model, **changes) -> None:
        self.version = "other@123456789012"
        self.sha256 = changes.get("sha256", model.sha256)
        self.embedding_version = changes.get("embedding_version", model.embedding_version)


def test_another_model_is_refused(copy, model):
    with pytest.raises(IndexMismatch, match="not with other@123456789012"):
        open_index(copy, _Other(model, sha256="0" * 64))
    with pytest.raises(IndexMismatch, match="not with pooled-v0"):
        open_index(copy, _Other(model, embedding_version="pooled-v0"))
    edit(copy, lambda c: c.update(format_version=99))
    with pytest.raises(IndexMismatch, match="format 99"):
        open_index(copy)
