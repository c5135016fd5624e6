import numpy as np
import pyarrow.parquet as pq
import pytest

from model.latent import images_table
from model.latent.images_table import FIGURES, TableWriter, open_table
from model.latent.manifest import Block


@pytest.mark.parametrize("held", [1, 3, 100])
def test_what_is_written_in_parts_is_read_whole(held, tmp_path, monkeypatch):
    monkeypatch.setattr(images_table, "_ROW_GROUP", held)
    blocks = [Block("a", "train", 0, 7), Block("a", "test", 7, 3), Block("b", "test", 10, 4)]
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 9, 14).astype(np.int32)
    figures = {name: rng.random(14, dtype=np.float32) for name in FIGURES}
    path = tmp_path / "images.parquet"
    with TableWriter(path) as table:
        for block in blocks:
            rows = slice(block.start, block.stop)
            table.append(block, labels[rows], {name: column[rows] for name, column in figures.items()})
    sizes = [
        pq.ParquetFile(path).metadata.row_group(i).num_rows
        for i in range(pq.ParquetFile(path).num_row_groups)
    ]
    assert max(sizes) == min(held, 7)
    found = open_table(path, blocks)
    np.testing.assert_array_equal(found["label"].to_numpy(), labels)
    for name in FIGURES:
        np.testing.assert_array_equal(found[name].to_numpy(), figures[name])
    assert found["dataset"].to_pylist() == ["a"] * 10 + ["b"] * 4
    assert found["split"].to_pylist() == ["train"] * 7 + ["test"] * 7
