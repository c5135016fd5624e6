import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from model.errors import VQScopeError
from model.evaluation import evaluate
from model.inference import load_model
from model.report import check_report_folder, write_report
from model.report.charts import histogram, line_chart, usage_chart
from model.report.curves import read_curves
from model.report.markup import element, to_html

HOSTILE = (
    "</title></style><script>alert('x')</script><img src=http://evil.example/x onerror=alert(1)>\"'&\ud800"
)


class Tags(HTMLParser):
    """All elements of a page, with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def hostile_page(tiny_model_dir, tmp_path_factory):
    """Report of a model and a data set whose cards hold markup wherever they may hold text."""
    folder = tmp_path_factory.mktemp("hostile")
    run_dir = shutil.copytree(tiny_model_dir, folder / "run")
    card = json.loads((run_dir / "card.json").read_text())
    card |= {"intended_use": HOSTILE, "limits": HOSTILE, "caveats": [HOSTILE], "created": HOSTILE}
    card["embedding"]["definition"] = HOSTILE
    card["datasets"] = [dict.fromkeys(("name", "title", "modality", "licence", "note", "n_train"), HOSTILE)]
    (run_dir / "card.json").write_text(json.dumps(card))
    rng = np.random.default_rng(0)
    arrays = {}
    for split in ("train", "val", "test"):
        arrays[f"{split}_images"] = rng.integers(0, 256, (12, 20, 34), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(12)[:, None] % 2
    np.savez(folder / "bad.npz", **arrays)
    words = {"title": HOSTILE, "licence": HOSTILE, "note": HOSTILE, "stands_for": f"{HOSTILE}!"}
    (folder / "bad.json").write_text(json.dumps({**words, "labels": {"0": HOSTILE, "1": HOSTILE}}))
    model = load_model(run_dir, "cpu")
    evaluation = evaluate(model, data_dir=folder, datasets=["bad"], progress=False)
    return write_report(folder / "report", evaluation, model, run_dir=run_dir).read_text(encoding="utf-8")


def test_hostile_words_stay_words(hostile_page):
    tags = Tags(hostile_page)
    assert not {"script", "iframe", "object", "link", "form"} & {tag for tag, _ in tags.found}
    assert not [
        attributes for _, attributes in tags.found if any(name.startswith("on") for name in attributes)
    ]
    assert len(tags.of("title")) == len(tags.of("style")) == 1
    assert hostile_page.count("&lt;script&gt;alert") >= 10
    assert all(image["src"].startswith("data:image/png;base64,") for image in tags.of("img"))


def test_nothing_is_loaded_from_anywhere(hostile_page):
    (policy,) = (
        m["content"]
        for m in Tags(hostile_page).of("meta")
        if m.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    style = re.search(r"<style>(.*?)</style>", hostile_page, re.DOTALL).group(1)
    assert "url(" not in style
    assert "@import" not in style


def test_every_picture_and_chart_is_described(hostile_page):
    tags = Tags(hostile_page)
    pictures = tags.of("img")
    # Three groups of six images, each as original, reconstruction and error map; and the legend.
    assert len(pictures) == 3 * 6 * 3 + 1
    assert all(picture["alt"] for picture in pictures)
    assert all(chart["aria-label"] for chart in tags.of("svg"))


def test_small_pictures_are_enlarged_by_whole_factors(hostile_page):
    sizes = {(int(p["width"]), int(p["height"])) for p in Tags(hostile_page).of("img") if "width" in p}
    assert sizes == {(34 * 3, 20 * 3)}


def test_figures_and_curves_are_on_the_page(hostile_page):
    for words in (
        "PSNR (dB)",
        "Balanced accuracy",
        "Codebook perplexity by epoch",
        "not comparable with published",
    ):
        assert words in hostile_page


def test_images_with_several_labels_are_captioned_with_those_they_have(tiny_model_dir, tmp_path):
    arrays = {}
    for split in ("train", "val", "test"):
        arrays[f"{split}_images"] = np.full((3, 28, 28, 3), 90, dtype=np.uint8)
        arrays[f"{split}_labels"] = np.array([[0, 0], [0, 1], [1, 1]])
    np.savez(tmp_path / "chest.npz", **arrays)
    (tmp_path / "chest.json").write_text(json.dumps({"labels": {"0": "nodule", "1": "mass"}}))
    model = load_model(tiny_model_dir, "cpu")
    evaluation = evaluate(model, data_dir=tmp_path, datasets=["chest"], progress=False)
    page = write_report(tmp_path / "report", evaluation, model).read_text()
    for caption in ("</b> none<br>", "</b> mass<br>", "</b> nodule, mass<br>"):
        assert caption in page
    assert "No curves" in page


def test_only_an_empty_folder_or_a_report_is_written_to(tmp_path, hostile_page):
    check_report_folder(tmp_path / "new")
    check_report_folder(tmp_path)
    page = tmp_path / "index.html"
    page.write_text("<title>my own page</title>")
    with pytest.raises(VQScopeError, match="is not a report"):
        check_report_folder(tmp_path)
    page.write_text(hostile_page)
    check_report_folder(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(VQScopeError, match="is not a report"):
        check_report_folder(tmp_path / "file")


def test_curves_are_read_as_training_wrote_them(tiny_model_dir):
    curves = read_curves(tiny_model_dir / "metrics.csv")
    assert set(curves) == {"loss", "psnr", "ssim", "mae", "codebook_perplexity"}
    assert set(curves["psnr"]) == {"train", "val"}
    assert len(curves["psnr"]["val"]) == 2


@pytest.mark.parametrize("text", ["", "epoch,val_psnr\n", "epoch,val_psnr\n1,good\n", "epoch,val_psnr\n1\n"])
def test_a_broken_file_of_curves_is_left_out(tmp_path, text):
    (tmp_path / "metrics.csv").write_text(text)
    assert read_curves(tmp_path / "metrics.csv") is None
    assert read_curves(tmp_path / "none.csv") is None


@pytest.mark.parametrize(
    "chart",
    [
        line_chart({"train": [1.0, float("nan"), 2.0, 2.5], "val": [3.0]}, xlabel="epoch", description="a"),
        line_chart({"val": [float("nan")]}, xlabel="epoch", description="b"),
        histogram(np.full(5, 30.0), (30.0, 30.0), xlabel="PSNR", description="c"),
        usage_chart(np.array([0, 7, 0]), description="d"),
        usage_chart(np.arange(1, 4001), description="e"),
    ],
)
def test_charts_stay_within_their_frame(chart):
    text = to_html(chart).decode()
    assert "nan" not in text
    numbers = [
        pair.split() for d in re.findall(r' d="([^"]*)"', text) for pair in re.findall(r"[\d.-]+ [\d.-]+", d)
    ]
    for x, y in numbers:
        assert 0 <= float(x) <= 320
        assert 0 <= float(y) <= 190


def test_text_after_elements_keeps_its_place():
    assert (
        to_html(element("p", "a", element("b", "<"), "c", None, "d"))
        == b"<!doctype html>\n<p>a<b>&lt;</b>cd</p>\n"
    )
