"""The files of an open index are looked after: what is missing or cut short is told, what replaces it is not."""

import json
import shutil

import pytest

from model.latent.errors import IndexDamaged
from model.latent.index import open_index
from model.latent.index_files import check_files


@pytest.fixture
def opened(tiny_index_dir, tmp_path):
    folder = tmp_path / "index"
    shutil.copytree(tiny_index_dir, folder)
    return open_index(folder)


def test_a_whole_index_is_well(opened):
    check_files(opened)


@pytest.mark.parametrize(
    "name", ["index.json", "embeddings.npy", "codes.npy", "images.parquet", "maps/pca", "."]
)
def test_what_is_missing_is_told(opened, name):
    (opened.path / name).rename(opened.path.parent / "away")
    with pytest.raises(IndexDamaged, match="missing"):
        check_files(opened)


def test_what_is_cut_short_is_told(opened):
    file = opened.path / "codes.npy"
    data = file.read_bytes()
    file.unlink()  # else the file that is mapped is cut, and whoever reads it dies
    file.write_bytes(data[:-1])
    with pytest.raises(IndexDamaged, match="bytes instead of"):
        check_files(opened)


def test_another_index_in_its_place_is_well_as_the_open_one_lives_on(opened):
    new = opened.path.parent / "new"
    shutil.copytree(opened.path, new)
    (new / "index.json").write_text(json.dumps({**opened.manifest, "created": "later"}))
    opened.path.rename(opened.path.parent / "old")
    new.rename(opened.path)
    (opened.path / "codes.npy").unlink()
    check_files(opened)
    (opened.path / "index.json").write_text("{")
    with pytest.raises(IndexDamaged, match="JSON"):
        check_files(opened)
