"""Pictures of samples: pixel for pixel what the model package gives, and cacheable."""

import numpy as np
import pytest

from backend.pictures import PictureCache, fit
from model.data.arrays import open_split
from model.metrics import error_map

KINDS = ("image", "reconstruction", "error")


@pytest.fixture(params=["grey", "colour"])
def block(request, index):
    """Test split of a grey and of a colour data set."""
    channels = 1 if request.param == "grey" else 3
    name = next(info["name"] for info in index.datasets if info["n_channels"] == channels)
    return next(b for b in index.blocks if (b.dataset, b.split) == (name, "test"))


def test_pictures_are_the_models(client, model, sample_dir, block, unpng):
    images = np.array(open_split(block.dataset, "test", data_dir=sample_dir).images)
    for position in [0, 1, block.count - 1]:
        image = images[position : position + 1]
        reconstruction = model.reconstruct(
            image
        )  # alone, as it is asked for: sums of a batch may round otherwise
        expected = (image, reconstruction, error_map(image, reconstruction))
        for kind, (picture,) in zip(KINDS, expected, strict=True):
            response = client.get(f"/v1/samples/{block.dataset}/test/{position}/{kind}")
            assert response.status_code == 200
            assert response.headers["content-type"] == "image/png"
            np.testing.assert_array_equal(unpng(response.content), picture)


@pytest.mark.parametrize("kind", KINDS)
def test_caching(client, index, block, kind):
    path = f"/v1/samples/{block.dataset}/test/0/{kind}"
    first = client.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert first.headers["cache-control"] == "private, no-cache"
    kept = client.get(path, params={"v": index.version})
    assert kept.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert kept.content == first.content
    assert client.get(path, params={"v": "0123456789ab"}).headers["cache-control"] == "private, no-cache"
    for given in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = client.get(path, headers={"If-None-Match": given})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
    assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content


def test_second_time_the_model_is_not_asked(running, block):
    path = f"/v1/samples/{block.dataset}/test/5/reconstruction"
    first = running.client.get(path)
    images = running.batcher.images
    assert running.client.get(path).content == first.content
    assert running.batcher.images == images


def test_other_file_than_indexed_is_not_shown(
    run_service, make_settings, index, sample_dir, tmp_path, problem
):
    """A picture from another file under the same name would be the wrong patient's."""
    changed, gone, kept = (info["name"] for info in index.datasets[:3])
    (tmp_path / f"{changed}.npz").write_bytes((sample_dir / f"{gone}.npz").read_bytes())
    (tmp_path / f"{kept}.npz").write_bytes((sample_dir / f"{kept}.npz").read_bytes())
    with run_service(make_settings(data_dir=tmp_path)) as service:
        items = service.client.get("/v1/datasets").json()["items"]
        assert {item["name"] for item in items if item["available"]} == {kept}
        for name in (changed, gone):
            for kind in KINDS:
                answer = service.client.get(f"/v1/samples/{name}/test/0/{kind}")
                detail = problem(answer, 404, "not-found")
                assert name in detail
                assert str(tmp_path) not in detail
        assert service.client.get(f"/v1/samples/{kept}/test/0/error").status_code == 200
        assert service.client.get("/v1/maps/pca/points").json()["n"] == index.n


def test_cache_is_bounded_and_drops_the_oldest():
    cache = PictureCache(100)
    for key in range(5):
        cache.put(key, bytes(30))
        cache.get(0)
    assert [key for key in range(5) if cache.get(key) is not None] == [0, 3, 4]
    cache.put(4, bytes(90))
    assert [key for key in range(5) if cache.get(key) is not None] == [4]
    cache.put(5, bytes(101))
    assert all(cache.get(key) is None for key in range(6))
    cache.put(6, bytes(100))
    assert cache.get(6) == bytes(100)


def test_fit_keeps_what_fits(grey, colour):
    assert fit(grey[0], 28) is grey[0].base or np.shares_memory(fit(grey[0], 28), grey[0])
    assert fit(grey[0], 14).shape == (14, 14)
    assert fit(colour[0], 56).shape == (56, 56, 3)
    flat = np.full((60, 40), 77, np.uint8)
    np.testing.assert_array_equal(fit(flat, 28), np.full((28, 28), 77))
