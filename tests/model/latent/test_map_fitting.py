"""Maps that are added to an index on the disk and taken away: whole or not at all."""

import json
import shutil

import numpy as np
import pytest

from model import open_index
from model.errors import VQScopeError
from model.latent.errors import IndexDamaged, IndexMismatch, MapNotFound, SettingError
from model.latent.features import Features
from model.latent.index import maps_state, with_present_maps
from model.latent.map_fitting import add_map, remove_map
from model.latent.mean2d import Mean2DProjector
from model.latent.pca import PCASettings
from model.latent.projection import method_class, open_map
from model.latent.tsne import TSNESettings

pytestmark = pytest.mark.integration


def entries(copy):
    return sorted(path.name for path in (copy / "maps").iterdir())


def test_a_map_is_added_and_removed(copy):
    index = open_index(copy)
    before = maps_state(index)
    chart = add_map(index, "pca", PCASettings(dimensions=3))
    assert chart.name == "pca-3d"
    assert entries(copy) == ["pca", "pca-3d"]
    assert maps_state(index) != before
    again = open_index(copy).map("pca-3d")
    np.testing.assert_array_equal(again.coordinates, chart.coordinates)
    np.testing.assert_allclose(again.coordinates[:, :2], index.map("pca").coordinates, rtol=1e-5, atol=1e-5)
    train = sum(block.count for block in index.blocks if block.split == "train")
    assert (again.method, again.dimensions, again.fitted_on, again.n_fitted) == ("pca", 3, "train", train)
    assert again.parameters == {"dimensions": 3}
    assert again.version == chart.version != index.map("pca").version
    assert with_present_maps(index).map_names == ("pca", "pca-3d")
    assert with_present_maps(index).version == index.version
    remove_map(open_index(copy), "pca-3d")
    assert entries(copy) == ["pca"]
    assert maps_state(index) == before
    with pytest.raises(MapNotFound, match="it has pca"):
        remove_map(open_index(copy), "pca-3d")
    with pytest.raises(SettingError, match="every index has it"):
        remove_map(index, "pca")


def test_images_of_the_fit_keep_its_places_and_others_are_placed(copy):
    index = open_index(copy)
    chart = add_map(index, "tsne", TSNESettings(perplexity=5, max_fitted=400), name="near", stability=0)
    anchors = chart.projector.anchors
    assert anchors is not None
    splits = np.array(index.images["split"].to_pylist())
    assert set(splits[anchors.rows]) == {"train"}
    assert len(anchors.rows) == chart.n_fitted == min(400, (splits == "train").sum())
    np.testing.assert_array_equal(chart.coordinates[anchors.rows], anchors.places)
    others = np.setdiff1d(np.arange(index.n), anchors.rows)
    opened = open_index(copy)
    placed = opened.project(index.embeddings[others[:7]], "near")
    np.testing.assert_array_equal(placed, chart.coordinates[others[:7]])
    assert not chart.keeps_proportions
    assert chart.quality.stability is None


def test_the_same_fit_gives_the_same_files(copy):
    for name in ("one", "two"):
        add_map(open_index(copy), "pca", PCASettings(dimensions=3), name=name)
    for file in ("map.json", "coordinates.npy", "projector.safetensors"):
        one, two = ((copy / "maps" / name / file).read_bytes() for name in ("one", "two"))
        assert one == two


@pytest.mark.parametrize("name", ["", "Map", "a.b", "../x", "a/b", "-x", "x" * 65, "ä", "a\n"])
def test_names_that_are_none(copy, name):
    with pytest.raises(SettingError, match="name"):
        add_map(open_index(copy), "pca", name=name)
    assert entries(copy) == ["pca"]


def test_a_name_that_is_taken(copy):
    with pytest.raises(VQScopeError, match="vqscope map remove"):
        add_map(open_index(copy), "pca")
    assert entries(copy) == ["pca"]


def test_what_ends_a_fit_leaves_nothing(copy):
    def stop(stage, share):
        assert stage
        assert any(name.startswith(".") for name in entries(copy))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_map(open_index(copy), "pca", name="other", progress=stop)
    assert entries(copy) == ["pca"]


def test_an_index_that_is_replaced_meanwhile_gets_no_map(copy):
    def replace(stage, share):
        content = json.loads((copy / "index.json").read_text())
        (copy / "index.json").write_text(json.dumps(content | {"created_at": "later"}))

    with pytest.raises(IndexMismatch, match="was replaced"):
        add_map(open_index(copy), "pca", name="other", progress=replace)
    assert entries(copy) == ["pca"]


def test_places_that_are_not_finite_are_not_stored(copy):
    embeddings = np.load(copy / "embeddings.npy")
    last = open_index(copy).blocks[-1]
    assert last.split != "train"
    embeddings[last.start] = np.inf
    np.save(copy / "embeddings.npy", embeddings)
    with pytest.raises(VQScopeError, match="no finite places"), np.errstate(invalid="ignore"):
        add_map(open_index(copy), "pca", name="other")
    assert entries(copy) == ["pca"]


def test_maps_of_early_versions_open(copy):
    """They tell neither parameters nor sums."""
    path = copy / "maps" / "pca" / "map.json"
    content = json.loads(path.read_text())
    del content["parameters"], content["sha256"]
    path.write_text(json.dumps(content))
    assert open_index(copy).map("pca").parameters == {}


@pytest.mark.parametrize(
    "change", [{"method": "magic"}, {"fitted_on": "test"}, {"n_fitted": "many"}, {"parameters": []}]
)
def test_a_map_that_says_something_impossible(copy, change):
    path = copy / "maps" / "pca" / "map.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(IndexDamaged, match=r"map\.json"):
        open_index(copy)


def test_methods(copy):
    with pytest.raises(MapNotFound, match="choose one of pca, umap, tsne, mean2d"):
        method_class("magic")
    with pytest.raises(MapNotFound, match="magic"):
        add_map(open_index(copy), "magic")


# --- mean2d ---


def test_the_mean_of_2d_codes(copy):
    vectors = np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32)
    index = open_index(copy)
    chart = add_map(index, "mean2d", code_vectors=vectors)
    expected = vectors[index.codes.reshape(index.n, -1)].mean(axis=1)
    np.testing.assert_allclose(chart.coordinates, expected, atol=1e-6)
    assert (chart.fitted_on, chart.n_fitted, chart.parameters) == ("none", 0, {})
    assert chart.keeps_proportions
    opened = open_index(copy)
    placed = opened.project(index.embeddings[:3], "mean2d", codes=index.codes[:3])
    np.testing.assert_allclose(placed, expected[:3], atol=1e-6)
    with pytest.raises(SettingError, match="placed by its codes"):
        opened.project(index.embeddings[:3], "mean2d")
    with pytest.raises(SettingError, match="codes must be"):
        opened.project(index.embeddings[:3], "mean2d", codes=index.codes[:2])
    with pytest.raises(SettingError, match=r"0 … 63"):
        opened.project(index.embeddings[:1], "mean2d", codes=np.full((1, 7, 7), 64))


def test_codes_of_another_dimension_are_refused(copy, model):
    with pytest.raises(SettingError, match="this one's have 8 dimensions"):
        add_map(open_index(copy), "mean2d", code_vectors=model.code_vectors())
    with pytest.raises(SettingError, match="needs the model's codebook"):
        add_map(open_index(copy), "mean2d")
    assert entries(copy) == ["pca"]


def test_a_codebook_that_is_not_of_the_index(copy):
    index = open_index(copy)
    add_map(index, "mean2d", code_vectors=np.zeros((64, 2), np.float32))
    other = Mean2DProjector(np.zeros((70_000, 2), np.float32))
    from safetensors.numpy import save_file

    folder = copy / "maps" / "mean2d"
    save_file(other.tensors(), folder / "projector.safetensors")
    content = json.loads((folder / "map.json").read_text())
    (folder / "map.json").write_text(json.dumps({key: content[key] for key in content if key != "sha256"}))
    with pytest.raises(IndexDamaged, match="do not fit codes"):
        open_map(folder, Features(index.embeddings, index.codes))


def test_a_hidden_or_foreign_entry_is_no_map(copy):
    index = open_index(copy)
    before = maps_state(index)
    shutil.copytree(copy / "maps" / "pca", copy / "maps" / ".pca2.fitting-1-ab" / "map")
    assert maps_state(index) == before
    assert with_present_maps(index).map_names == ("pca",)
