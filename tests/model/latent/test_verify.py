"""What has changed in an index since it was written is found, and not taken over into another."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from model import open_index
from model.cli import main
from model.latent.errors import IndexDamaged
from model.latent.index import build_index
from model.latent.reuse import verify

pytestmark = pytest.mark.integration


def change_figures(folder) -> None:
    table = pq.read_table(folder / "images.parquet")
    place = table.schema.get_field_index("psnr")
    figures = pa.array(np.full(table.num_rows, 99, np.float32))
    pq.write_table(table.set_column(place, "psnr", figures), folder / "images.parquet")


def without_table_digest(folder) -> None:
    content = json.loads((folder / "index.json").read_text())
    del content["sha256"]
    (folder / "index.json").write_text(json.dumps(content))


def test_a_changed_table(copy):
    verify(open_index(copy))
    change_figures(copy)
    with pytest.raises(IndexDamaged, match=r"images\.parquet has changed"):
        verify(open_index(copy))


def test_an_index_of_before_opens_and_says_what_is_not_compared(copy, capsys):
    without_table_digest(copy)
    assert main(["index", "--verify", "--out", str(copy)]) == 0
    assert "have no checksum" in capsys.readouterr().err


@pytest.mark.parametrize("sha256", [[], {}, {"images.parquet": 1}])
def test_a_checksum_that_is_none(copy, sha256):
    content = json.loads((copy / "index.json").read_text()) | {"sha256": sha256}
    (copy / "index.json").write_text(json.dumps(content))
    with pytest.raises(IndexDamaged):
        open_index(copy)


def test_figures_of_a_changed_table_are_not_taken_over(copy, model, sample_dir, sample_names):
    psnr = open_index(copy).images["psnr"].to_numpy()
    change_figures(copy)
    build_index(model, data_dir=sample_dir, datasets=sample_names, out=copy, progress=False)
    np.testing.assert_allclose(open_index(copy).images["psnr"].to_numpy(), psnr, rtol=1e-4)


def test_a_changed_point(copy):
    path = copy / "maps" / "pca" / "coordinates.npy"
    points = np.load(path)
    points[-1] += 1
    np.save(path, points)
    with pytest.raises(IndexDamaged, match=r"coordinates\.npy has changed"):
        verify(open_index(copy))


def test_a_changed_projector_is_found_on_opening(copy):
    path = copy / "maps" / "pca" / "projector.safetensors"
    tensors = load_file(path)
    save_file(tensors | {"mean": tensors["mean"] + 5}, path)
    with pytest.raises(IndexDamaged, match=r"projector\.safetensors has changed"):
        open_index(copy)


def test_a_map_that_was_left_out_is_told(copy):
    other = shutil.copytree(copy / "maps" / "pca", copy / "maps" / "other")
    (other / "projector.safetensors").write_bytes(b"rubbish")
    with pytest.raises(IndexDamaged, match=rf"has changed; to remove it: vqscope map remove {copy} other"):
        verify(open_index(copy))


@pytest.mark.parametrize("sha256", [[], "none"])
def test_a_map_whose_checksums_are_none(copy, sha256):
    path = copy / "maps" / "pca" / "map.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": sha256}))
    with pytest.raises(IndexDamaged, match=r"map\.json does not hold checksums"):
        open_index(copy)
