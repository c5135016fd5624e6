import json
import shutil

import pytest

from model import open_index
from model.cli import main

pytestmark = pytest.mark.integration


@pytest.fixture
def copy(tiny_index_dir, tmp_path):
    folder = shutil.copytree(tiny_index_dir, tmp_path / "index")
    (folder / "maps" / "pca" / "quality.json").unlink()
    return folder


def test_all_maps_are_measured_and_told(copy, tmp_path, capsys):
    assert (
        main(
            [
                "map-quality",
                str(copy),
                "--k",
                "7",
                "--sample",
                "150",
                "--json",
                str(tmp_path / "new" / "q.json"),
            ]
        )
        == 0
    )
    quality = open_index(copy).map("pca").quality
    assert quality.neighbourhoods.k == 7
    out, err = capsys.readouterr()
    assert f"trustworthiness       {quality.neighbourhoods.trustworthiness.value:.3f}" in out
    assert f"of {quality.neighbourhoods.n_used:,} of {quality.neighbourhoods.n:,} images" in out
    assert "among all images" in out
    assert all(name in out for name in quality.points.by_dataset)
    assert "map pca, points" in err
    written = json.loads((tmp_path / "new" / "q.json").read_text())
    assert written["pca"]["points"]["mean"] == quality.points.mean


@pytest.mark.parametrize(
    ("fitted_by", "asked", "measured_by"),
    [({}, [], "euclidean"), ({"metric": "cosine"}, [], "cosine"), ({}, ["--metric", "cosine"], "cosine")],
)
def test_a_map_is_measured_by_the_distance_it_was_fitted_by(copy, fitted_by, asked, measured_by):
    told = copy / "maps" / "pca" / "map.json"
    content = json.loads(told.read_text())
    told.write_text(json.dumps({**content, "parameters": {**content["parameters"], **fitted_by}}))
    assert main(["map-quality", str(copy), "--sample", "150", *asked]) == 0
    assert open_index(copy).map("pca").quality.metric == measured_by


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--map", "umap"], "no map 'umap'"),
        (["--k", "0"], "k must be at least 1"),
        (["--map", "pca", "--stability", "3"], "pca has no seed"),
        (["--metric", "l1"], "invalid choice"),
        (["--sample", "3"], "sample must be at least"),
    ],
)
def test_what_is_wrong_is_one_line(copy, capsys, more, words):
    assert main(["map-quality", str(copy), *more]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words in error


def test_no_index(tmp_path, capsys):
    assert main(["map-quality", str(tmp_path)]) == 2
    assert "holds no latent index" in capsys.readouterr().err
