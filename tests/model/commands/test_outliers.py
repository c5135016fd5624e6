import json

import numpy as np
import pytest
from PIL import Image

from model import load_model, open_index
from model.cli import main
from model.data.arrays import open_split
from model.latent.outlier_fitting import fit_outliers
from model.latent.outliers import LatentImages

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def detector(tiny_index_dir):
    return fit_outliers(open_index(tiny_index_dir))


@pytest.fixture(scope="module")
def pictures(tiny_index_dir, sample_dir, tmp_path_factory):
    """Files of a colour, a grey and a noisy colour image, with their arrays."""
    infos = {info["n_channels"]: info["name"] for info in open_index(tiny_index_dir).datasets}
    grains = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    arrays = [np.array(open_split(infos[c], "test", data_dir=sample_dir).images[0]) for c in (3, 1)]
    arrays.append(grains)
    folder = tmp_path_factory.mktemp("files")
    for name, array in zip(("colour", "grey", "noise"), arrays, strict=True):
        Image.fromarray(array).save(folder / f"{name}.png")
    return [folder / f"{name}.png" for name in ("colour", "grey", "noise")], arrays


def arguments(tiny_model_dir, tiny_index_dir, files, *more):
    given = ["--index", str(tiny_index_dir), "--model", str(tiny_model_dir), "--device", "cpu", *more]
    return ["outliers", *map(str, files), *given]


def test_verdicts_are_those_of_the_detector(
    tiny_model_dir, tiny_index_dir, detector, pictures, tmp_path, capsys
):
    files, arrays = pictures
    out = tmp_path / "made" / "verdicts.json"
    name = detector.references[0].name
    more = ("--json", str(out), "--datasets", name)
    assert main(arguments(tiny_model_dir, tiny_index_dir, files, *more)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 2 * len(files)
    assert "more unusual than" in lines[0]
    content = json.loads(out.read_text())
    model = load_model(tiny_model_dir, "cpu")
    assert (content["model"], content["image_sizes"]) == (model.version, [28])
    assert content["index"] == open_index(tiny_index_dir).version
    for i, (item, array) in enumerate(zip(content["items"], arrays, strict=True)):
        expected = detector.judge(LatentImages.of(model.analyse(array[None])))[0]
        assert item["filename"] == files[i].name
        assert item["most_like"] == expected.most_like
        assert [verdict["reference"] for verdict in item["datasets"]] == [name]
        assert item["overall"]["words"] == expected.overall.words
        assert item["overall"]["combined"]["value"] == pytest.approx(
            expected.overall.combined.value, rel=1e-3
        )
        overall, own = lines[1 + 2 * i].split(), lines[2 + 2 * i].split()
        assert overall[:2] == [files[i].name, "all"]
        assert overall[-1] == expected.most_like
        assert own[:2] == [files[i].name, name]
    assert content["items"][2]["overall"]["combined"]["more_unusual_than"] > 0.99


def test_an_image_of_another_size_is_brought_to_that_of_the_index(
    tiny_model_dir, tiny_index_dir, pictures, tmp_path, capsys
):
    large = tmp_path / "large.png"
    Image.fromarray(pictures[1][2].repeat(8, axis=0).repeat(8, axis=1)).save(large)
    assert main(arguments(tiny_model_dir, tiny_index_dir, [large])) == 0
    assert "large.png" in capsys.readouterr().out


def test_each_data_set_judges_at_the_size_of_its_images(tiny_model_dir, mixed_dir, tmp_path, capsys):
    image = np.array(open_split("large", "test", data_dir=mixed_dir).images[0])
    path, out = tmp_path / "large.png", tmp_path / "verdicts.json"
    Image.fromarray(image).save(path)
    assert main(arguments(tiny_model_dir, mixed_dir / "index", [path], "--json", str(out))) == 0
    assert "large.png" in capsys.readouterr().out
    content = json.loads(out.read_text())
    assert content["image_sizes"] == [28, 56]
    model = load_model(tiny_model_dir, "cpu")
    own = next(v for v in content["items"][0]["datasets"] if v["reference"] == "large")
    psnr = model.analyse(image[None]).figures.psnr[0]
    assert own["measures"]["reconstruction_error"]["value"] == pytest.approx(10 ** (-psnr / 10), rel=1e-3)


@pytest.mark.parametrize("wrong", ["absent", "text", "dataset", "index", "none"])
def test_what_is_wrong_is_one_line_and_code_2(
    tiny_model_dir, tiny_index_dir, pictures, tmp_path, capsys, wrong
):
    (tmp_path / "letter.png").write_text("dear colleague")
    files = {"absent": [tmp_path / "absent.png"], "text": [tmp_path / "letter.png"], "none": []}.get(
        wrong, pictures[0][:1]
    )
    index = tmp_path if wrong == "index" else tiny_index_dir
    more = ["--datasets", "nosuch"] if wrong == "dataset" else []
    assert main(arguments(tiny_model_dir, index, files, *more)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("vqscope")
    told = {"absent": "absent.png", "text": "letter.png: ", "dataset": "nosuch", "index": "no latent index"}
    assert told.get(wrong, "FILE") in err


def test_help_has_examples(capsys):
    assert main(["outliers", "--help"]) == 0
    assert "vqscope outliers scan.png --index" in capsys.readouterr().out
