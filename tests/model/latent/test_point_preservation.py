import numpy as np
import pytest

from model.latent import point_preservation as module
from model.latent.errors import SettingError
from model.latent.map_quality import neighbourhoods
from model.latent.point_preservation import point_preservation, summary
from model.latent.sampling import draw
from tests.model.latent.test_map_quality import clouds, projected


def spelt_out(embeddings, coordinates, references, k):
    """The definition, point by point, in float64."""
    found = []
    for row in range(len(embeddings)):
        others = references[references != row]
        sets = []
        for space in (embeddings, coordinates):
            offsets = space[others].astype(np.float64) - space[row].astype(np.float64)
            sets.append(set(others[np.argsort(np.linalg.norm(offsets, axis=1), kind="stable")[:k]].tolist()))
        found.append(len(sets[0] & sets[1]) / k)
    return np.array(found)


@pytest.mark.parametrize("drawn", [120, 600])
@pytest.mark.parametrize("block_bytes", [32 << 20, 4 * 600 * 7])
def test_against_the_definition(drawn, block_bytes, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_BYTES", block_bytes)
    embeddings = clouds(600) + np.float32(50)
    coordinates = projected(embeddings)
    references = draw([400, 200], drawn, seed=1)
    found = point_preservation(embeddings, coordinates, references, k=9)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, spelt_out(embeddings, coordinates, references.rows, 9), atol=1e-6)


def test_with_all_images_as_references_it_is_the_figure_of_the_map():
    embeddings = clouds(400)
    coordinates = projected(embeddings)
    found = point_preservation(embeddings, coordinates, draw([400], 400, seed=0))
    exact = neighbourhoods(embeddings, coordinates).preservation
    assert found.mean() == pytest.approx(exact.value, abs=1e-6)
    told = summary(found, draw([400], 400, seed=0), {"a": np.arange(100), "b": np.arange(100, 400)}, 15)
    assert (told.references, told.exact, told.k) == (400, True, 15)
    assert told.chance == pytest.approx(exact.chance)
    assert told.by_dataset["a"] == pytest.approx(found[:100].mean())


def test_the_map_itself_keeps_all_and_a_shuffled_one_keeps_chance():
    points = clouds(900, d=2)
    references = draw([900], 300, seed=0)
    assert (point_preservation(points, points, references) == 1).all()
    shuffled = np.random.default_rng(0).permutation(points)
    found = point_preservation(points, shuffled, references)
    chance = summary(found, references, {}, 15).chance
    assert chance == pytest.approx(15 * (1 / 299 + 2 / 300) / 3)
    assert found.mean() == pytest.approx(chance, abs=0.01)


def test_copies_of_an_image_do_no_harm():
    embeddings = np.repeat(clouds(60, d=30), 20, axis=0) * np.float32(0.1)
    found = point_preservation(embeddings, embeddings[:, :2], draw([1200], 1200, seed=0), k=19)
    assert (found == 1).all()
    collapsed = point_preservation(embeddings, np.zeros((1200, 2)), draw([1200], 1200, seed=0), k=19)
    assert collapsed.mean() < 0.1


def test_too_few_images():
    points = clouds(30, d=2)
    with pytest.raises(SettingError, match="needs more than 30 images"):
        point_preservation(points, points, draw([30], 30, seed=0))
    with pytest.raises(SettingError, match="among 5 references"):
        point_preservation(points, points, draw([30], 5, seed=0), k=5)


def test_what_float32_cannot_tell_is_measured_again():
    """Neighbours whose distances differ by less than float32 holds at this distance from the origin."""
    rng = np.random.default_rng(0)
    embeddings = (1 + rng.integers(0, 2**6, (300, 12)) * 2.0**-16).astype(np.float32)
    embeddings[0] = 30  # far out, so that it alone sets the scale of the rounding
    coordinates = embeddings[:, :2]
    found = point_preservation(embeddings, coordinates, draw([300], 300, seed=0), k=5)
    exact = neighbourhoods(embeddings, coordinates, k=5).preservation.value
    assert found.mean() == pytest.approx(exact, abs=1e-6)
    assert exact < 0.5


def test_it_can_be_ended():
    points = clouds(100, d=2)

    def cancel(*step):
        assert step == ("points", 100, 100)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        point_preservation(points, points, draw([100], 100, seed=0), progress=cancel)
