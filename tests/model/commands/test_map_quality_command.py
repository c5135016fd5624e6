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
