"""The quality of a map and the preservation of its points over HTTP."""

import io
import shutil
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest

from model.latent.index import open_index
from model.latent.map_measuring import QualitySettings, measure_map

pytestmark = pytest.mark.integration


def test_quality_is_that_of_the_index(client, index):
    answer = client.get("/v1/maps/pca/quality").json()
    assert (answer["map"], answer["index"]) == ("pca", index.version)
    chart = index.map("pca")
    expected = asdict(chart.quality)
    assert (
        answer["neighbourhoods"]["trustworthiness"]["value"]
        == expected["neighbourhoods"]["trustworthiness"]["value"]
    )
    assert answer["points"]["by_dataset"] == expected["points"]["by_dataset"]
    assert answer["stability"] is None
    low, high = answer["neighbourhoods"]["preservation"]["interval"]
    assert low < answer["neighbourhoods"]["preservation"]["value"] < high


def test_points_carry_their_preservation(client, index):
    stored = index.map("pca").preservation
    columns = client.get("/v1/maps/pca/points").json()["columns"]
    np.testing.assert_array_equal(np.array(columns["preservation"], np.float32), stored)
    block = index.blocks[-1]
    params = {"dataset": block.dataset, "split": block.split, "format": "arrow"}
    response = client.get("/v1/maps/pca/points", params=params)
    table = pa.ipc.open_stream(io.BytesIO(response.content)).read_all()
    np.testing.assert_array_equal(table["preservation"].to_numpy(), stored[block.start : block.stop])


def test_a_map_that_was_not_measured(run_service, make_settings, tiny_index_dir, tmp_path, problem):
    """And one that was measured afterwards, otherwise: what clients hold of its points is no longer right."""
    folder = shutil.copytree(tiny_index_dir, tmp_path / "index")
    (folder / "maps" / "pca" / "quality.json").unlink()
    tags = []
    with run_service(make_settings(index=folder)) as service:
        detail = problem(service.client.get("/v1/maps/pca/quality"), 404, "not-found")
        assert "vqscope map-quality INDEX --map pca" in detail
        points = service.client.get("/v1/maps/pca/points?split=val")
        assert "preservation" not in points.json()["columns"]
        tags.append(points.headers["etag"])
    measure_map(open_index(folder), "pca", QualitySettings(k=5, sample=200, references=150))
    with run_service(make_settings(index=folder)) as service:
        assert service.client.get("/v1/maps/pca/quality").json()["points"]["k"] == 5
        points = service.client.get("/v1/maps/pca/points?split=val")
        assert set(np.round(np.array(points.json()["columns"]["preservation"]) * 5, 5) % 1) == {0}
        tags.append(points.headers["etag"])
        problem(service.client.get("/v1/maps/umap/quality"), 404, "not-found")
    assert tags[0] != tags[1]
