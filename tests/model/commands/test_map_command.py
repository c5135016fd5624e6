import json
import os
import shlex
import signal
import subprocess
import sys

import pytest

from model import open_index
from model.cli import main
from model.commands.map import recipe

pytestmark = pytest.mark.integration


@pytest.fixture
def folder(tiny_index_dir, tmp_path):
    import shutil

    return shutil.copytree(tiny_index_dir, tmp_path / "an index")


def test_add_list_remove(folder, capsys):
    assert main(["map", "add", str(folder), "--method", "pca", "--dimensions", "3"]) == 0
    assert "pca-3d (pca, 3 axes, fitted to " in capsys.readouterr().err
    assert main(["map", "list", str(folder)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == ["NAME", "pca", "pca-3d"]
    assert main(["map", "list", str(folder), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["dimensions"]) for one in facts] == [("pca", 2), ("pca-3d", 3)]
    assert main(["map", "remove", str(folder), "pca-3d"]) == 0
    assert open_index(folder).map_names == ("pca",)


def test_parameters_are_given_before_computing(folder, capsys):
    options = [
        "--perplexity",
        "6.5",
        "--metric",
        "euclidean",
        "--seed",
        "4",
        "--max-fitted",
        "400",
        "--stability",
        "2",
    ]
    assert main(["map", "add", str(folder), "--method", "tsne", "--name", "near", *options]) == 0
    chart = open_index(folder).map("near")
    assert chart.parameters == {
        "dimensions": 2,
        "perplexity": 6.5,
        "metric": "euclidean",
        "seed": 4,
        "max_fitted": 400,
    }
    error = capsys.readouterr().err
    for stage in ("finding neighbours", "t-sne", "placing images", "measuring stability"):
        assert f"{stage}: 100%" in error
    disparity = open_index(folder).map("near").quality.stability.mean
    assert f"other seeds: {disparity:.3f} apart in 2 fits" in error
    assert main(["map", "list", str(folder)]) == 0
    assert f"{disparity:.3f} apart in 2 fits" in capsys.readouterr().out
    assert main(["map", "list", str(folder), "--json"]) == 0
    facts = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert facts["near"]["stability"]["mean"] == disparity
    assert facts["pca"]["stability"] is None
    # Measured anew, with all maps.
    assert main(["map-quality", str(folder), "--sample", "150", "--stability", "2"]) == 0
    assert (
        f"{disparity:.3f} in the mean, {disparity:.3f} at most, of 2 fits to all 400 images"
        in capsys.readouterr().out
    )


def test_the_recipe_of_a_map_makes_it_again(folder):
    assert main(["map", "add", str(folder), "--method", "pca", "--dimensions", "3", "--name", "wide"]) == 0
    line = shlex.split(recipe(folder, open_index(folder).map("wide")))
    assert line[0] == "vqscope"
    assert main(["map", "remove", str(folder), "wide"]) == 0
    assert main(line[1:]) == 0
    assert open_index(folder).map("wide").parameters == {"dimensions": 3}


def test_an_index_made_anew_tells_how_to_fit_its_maps_again(
    folder, tiny_model_dir, sample_dir, sample_names, capsys
):
    assert main(["map", "add", str(folder), "--method", "pca", "--dimensions", "3", "--name", "wide"]) == 0
    line = ["index", str(tiny_model_dir), "--data-dir", str(sample_dir), "--datasets", ",".join(sample_names)]
    assert main([*line, "--out", str(folder), "--add", "--device", "cpu"]) == 0
    assert f"vqscope map add '{folder}' --method pca --dimensions 3 --name wide" in capsys.readouterr().err
    assert open_index(folder).map_names == ("pca",)


def test_help_has_examples_and_the_parameters(capsys):
    assert main(["map", "--help"]) == 0
    assert "vqscope map add indexes/two --method umap" in capsys.readouterr().out
    assert main(["map", "add", "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--n-neighbors", "--min-dist", "--perplexity", "--max-fitted", "--dimensions", "--seed"):
        assert option in shown


@pytest.mark.parametrize(
    "line",
    [
        "list NOWHERE",
        "remove INDEX umap",
        "remove INDEX pca",
        "add INDEX --method magic",
        "add INDEX --method pca --n-neighbors 5",
        "add INDEX --method umap --n-neighbors 1",
        "add INDEX --method umap --min-dist nan",
        "add INDEX --method umap --metric manhattan",
        "add INDEX --method umap --seed many",
        "add INDEX --method umap --n-neighbors 500 --max-fitted 400",
        "add INDEX --method pca --dimensions 4",
        "add INDEX --method pca --stability 2",
        "add INDEX --method umap --stability 1",
        "add INDEX --method pca --name ../out",
        "add INDEX --method pca",
        "add INDEX --method pca --name other --model base",
        "add INDEX --method mean2d",
        "add INDEX --method mean2d --model RUN",
        "add INDEX",
        "show INDEX",
        "",
    ],
)
def test_what_is_wrong_is_one_line_and_code_2(folder, tiny_model_dir, tmp_path, capsys, line):
    places = {"INDEX": str(folder), "NOWHERE": str(tmp_path / "nowhere"), "RUN": str(tiny_model_dir)}
    assert main(["map", *(places.get(word, word) for word in line.split())]) == 2
    error = capsys.readouterr().err
    assert error.splitlines()[-1].startswith("vqscope")
    assert "error: " in error.splitlines()[-1]
    assert len([part for part in error.splitlines() if "%|" not in part]) == 1
    assert [path.name for path in (folder / "maps").iterdir()] == ["pca"]


def test_without_the_package_it_says_what_to_install(folder, capsys, monkeypatch):
    for name in ("umap", "openTSNE"):
        monkeypatch.setitem(sys.modules, name, None)
    for method, package in (("umap", "umap-learn"), ("tsne", "openTSNE")):
        assert main(["map", "add", str(folder), "--method", method]) == 2
        assert f"pip install {package}" in capsys.readouterr().err
    assert [path.name for path in (folder / "maps").iterdir()] == ["pca"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_leaves_nothing(folder, number, code):
    line = ["map", "add", str(folder), "--method", "tsne", "--perplexity", "5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "model.cli", *line], stderr=subprocess.PIPE, env=os.environ
    )
    try:
        seen = b""
        while b"t-sne:" not in seen:  # it is at work
            piece = os.read(process.stderr.fileno(), 4096)
            assert piece, seen
            seen += piece
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code, error
    assert b"Traceback" not in error
    assert [path.name for path in (folder / "maps").iterdir()] == ["pca"]
