"""The use of the codebook on the index of the offline sample, counted again in plain Python."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import pdist

from model.latent import code_order, enrichment
from model.latent.code_order import similarity_order
from model.latent.code_patches import contact_sheet, crop, draw_candidates, nearest_patches
from model.latent.codebook import co_occurrence, codebook_use, rows_containing
from model.latent.manifest import Block

pytestmark = pytest.mark.integration


def column(index, name):
    return np.array(index.images[name].to_pylist())


def test_counts(index, use, there):
    np.testing.assert_array_equal(use.cells, [(index.codes == c).sum() for c in range(64)])
    np.testing.assert_array_equal(use.images, there.sum(0))
    np.testing.assert_array_equal(use.positions[2, 5], np.bincount(index.codes[:, 2, 5], minlength=64))
    names, labels = column(index, "dataset"), column(index, "label")
    for group, row in zip(use.datasets, use.images_by_dataset, strict=True):
        assert group.n == (names == group.dataset).sum()
        np.testing.assert_array_equal(row, there[names == group.dataset].sum(0))
    for group, row in zip(use.labels, use.images_by_label, strict=True):
        chosen = (names == group.dataset) & (labels == group.label)
        assert group.n == chosen.sum()
        np.testing.assert_array_equal(row, there[chosen].sum(0))
    assert sum(g.n for g in use.labels) == use.n == index.n
    assert set(use.dead) == set(range(64)) - set(np.unique(index.codes).tolist())
    share = use.cells[use.cells > 0] / use.cells.sum()
    assert use.perplexity == pytest.approx(np.prod(share**-share))


def test_chunks_and_splits(index, use, there, monkeypatch):
    monkeypatch.setattr(enrichment, "_CHUNK_BYTES", 64 * 37)
    in_parts = codebook_use(index)
    np.testing.assert_array_equal(in_parts.images_by_label, use.images_by_label)
    np.testing.assert_array_equal(in_parts.positions, use.positions)
    held = codebook_use(index, ["val"])
    chosen = column(index, "split") == "val"
    assert (held.n, held.splits) == (chosen.sum(), ("val",))
    np.testing.assert_array_equal(held.images, there[chosen].sum(0))


def test_labels_are_compared_within_their_data_set(use):
    found = use.label_enrichment()
    for i, group in enumerate(use.labels):
        whole = next(d for d in use.datasets if d.dataset == group.dataset)
        others = whole.n - group.n
        row = use.images_by_dataset[use.datasets.index(whole)] - use.images_by_label[i]
        np.testing.assert_allclose(found.share_elsewhere[i], row / others if others else np.full(64, np.nan))
    assert found.q.shape == (len(use.labels), 64)
    by_dataset = use.dataset_enrichment()
    assert (by_dataset.q < 1e-6).any()  # CT and fundus do not share their codes


def test_several_labels_an_image_are_groups_that_overlap():
    rng = np.random.default_rng(0)
    codes, masks = rng.integers(0, 5, (50, 2, 2)).astype(np.uint8), rng.integers(0, 8, 50)
    index = SimpleNamespace(
        codes=codes,
        manifest={"model": {"codebook_size": 5}},
        blocks=(Block("chest", "train", 0, 50),),
        datasets=({"name": "chest", "multi_label": True},),
        images=pa.table({"label": masks.astype(np.int32)}),
    )
    use = codebook_use(index)
    assert [(g.label, g.n) for g in use.labels] == [(b, int((masks >> b & 1).sum())) for b in range(3)]
    there = np.array([[c in grid for c in range(5)] for grid in codes])
    np.testing.assert_array_equal(use.images_by_label[2], there[masks >> 2 & 1 == 1].sum(0))


def test_codes_that_go_together(index, use, there):
    together = co_occurrence(index.codes, 64)
    np.testing.assert_array_equal(together.toarray(), there.T.astype(int) @ there)
    code = int(use.images.argmax())
    rows = rows_containing(index, code)
    np.testing.assert_array_equal(rows, np.flatnonzero(there[:, code]))


# --- order ---


def test_order_is_a_permutation_that_no_plain_tree_beats():
    vectors = np.random.default_rng(0).normal(size=(60, 3))
    order = similarity_order(vectors)
    assert sorted(order) == list(range(60))

    def length(o):
        return np.linalg.norm(np.diff(vectors[o], axis=0), axis=1).sum()

    plain = dendrogram(linkage(pdist(vectors), "average"), no_plot=True)["leaves"]
    assert length(order) <= length(np.array(plain)) < length(np.arange(60))


def test_points_on_a_line_come_in_their_order(monkeypatch):
    places = np.random.default_rng(0).permutation(40).astype(float)
    vectors = np.outer(places, [1.0, 2.0])
    for limit in (2048, 10):
        monkeypatch.setattr(code_order, "MAX_EXACT", limit)
        along = places[similarity_order(vectors)]
        assert np.array_equal(along, np.arange(40)) or np.array_equal(along, np.arange(40)[::-1])
    assert similarity_order(vectors[:2]).tolist() == [0, 1]


# --- patches ---


def test_cell_errors_are_the_quantisation_error_cell_by_cell(index, model, sample_dir, sample_names):
    from model.data.arrays import open_split

    images = np.asarray(open_split(sample_names[0], "test", data_dir=sample_dir).images[:5])
    codes, errors = model.cell_errors(images)
    encoding = model.encode(images)
    np.testing.assert_array_equal(codes, encoding.codes)
    np.testing.assert_allclose(errors.mean((1, 2)), encoding.quantisation_error, rtol=1e-4)
    vectors = model.code_vectors()
    assert vectors.shape == (64, model.settings.quantizer.code_dim)


def test_patches_are_the_nearest_cells_of_different_images():
    codes = [np.array([[1, 2], [1, 1]]), np.array([[2, 2], [2, 2]]), np.array([[1, 1], [1, 3]])]
    errors = [np.array([[5.0, 0], [3, 4]]), np.zeros((2, 2)), np.array([[9.0, 1], [8, 0]])]
    found = nearest_patches(codes, errors, 1, k=5)
    assert [(p.candidate, p.row, p.column, p.distance) for p in found] == [(2, 0, 1, 1.0), (0, 1, 0, 3.0)]
    assert nearest_patches(codes, errors, 1, k=1) == found[:1]


def test_candidates_are_drawn_evenly_and_the_same_again():
    rows = np.arange(0, 5000, 3)
    drawn = draw_candidates(rows, at_most=100)
    assert len(np.unique(drawn)) == 100
    assert np.isin(drawn, rows).all()
    np.testing.assert_array_equal(drawn, draw_candidates(rows, at_most=100))
    np.testing.assert_array_equal(draw_candidates(rows[:7]), rows[:7])


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3)])
def test_a_crop_is_the_cell_and_its_surroundings(shape):
    image = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    np.testing.assert_array_equal(crop(image, (7, 7), 2, 3, margin=0), image[8:12, 12:16])
    np.testing.assert_array_equal(crop(image, (7, 7), 2, 3), image[4:16, 8:20])
    corner = crop(image, (7, 7), 0, 6)
    assert corner.shape[:2] == (12, 12)
    np.testing.assert_array_equal(corner[4:, :8], image[:8, 20:])
    np.testing.assert_array_equal(corner[:4, :8], image[3::-1, 20:])


def test_a_contact_sheet_shows_all_pictures():
    grey, colour = np.full((4, 4), 7, np.uint8), np.full((4, 4, 3), 9, np.uint8)
    sheet = contact_sheet([grey, colour, grey], columns=2)
    assert sheet.shape == (9, 9, 3)
    assert (sheet[:4, :4] == 7).all()
    assert (sheet[:4, 5:] == 9).all()
    assert (sheet[5:, :4] == 7).all()
    assert (sheet[5:, 5:] == 255).all()
    with pytest.raises(ValueError, match="needs a picture"):
        contact_sheet([])


def test_memory_does_not_grow_with_the_grid_where_there_are_few_codes():
    n, size = 16_384, 16
    codes = np.random.default_rng(0).integers(0, size, (n, 16, 16)).astype(np.uint8)
    small = SimpleNamespace(
        manifest={"model": {"codebook_size": size}},
        codes=codes,
        images=pa.table({"label": np.zeros(n, np.int32)}),
        blocks=(Block("a", "test", 0, n),),
        datasets=({"name": "a"},),
    )
    for count in (codebook_use, lambda index: enrichment.image_counts(index.codes, size)):
        tracemalloc.start()
        try:
            count(small)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 16 << 20  # as int64 all codes are 32 MiB
