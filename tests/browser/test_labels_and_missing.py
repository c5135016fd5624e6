"""Data sets with several labels per image, and data sets whose pictures the service does not have."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.map_places import lonely, wait_drawn

pytestmark = pytest.mark.browser

CLASSES = 14
N = 90  # per split
GONE = "gone"
SEVERAL = "several"


def _labels(split: int) -> np.ndarray:
    """(N, 14): none, each class alone, all of them, then pairs."""
    labels = np.zeros((N, CLASSES), np.uint8)
    for i in range(1, N):
        if i <= CLASSES:
            labels[i, i - 1] = 1
        elif i == CLASSES + 1:
            labels[i] = 1
        else:
            labels[i, [i % CLASSES, (3 * i + split) % CLASSES]] = 1
    return labels


def _write(folder: Path, source: Path) -> None:
    """Pictures of the sample once more: with 14 classes, and as a data set whose file will be removed."""
    with np.load(source) as sample:
        images = {split: sample[f"{split}_images"] for split in ("train", "val", "test")}
    for name, task in ((SEVERAL, "multi-label, binary-class"), (GONE, "multi-class")):
        arrays = {}
        for k, split in enumerate(images):
            chosen = np.resize(np.arange(len(images[split])), N)
            arrays[f"{split}_images"] = images[split][chosen]
            arrays[f"{split}_labels"] = _labels(k) if name == SEVERAL else np.zeros((N, 1), np.uint8)
        np.savez_compressed(folder / f"{name}.npz", **arrays)
        labels = {str(c): f"class {c:02d}" for c in range(CLASSES if name == SEVERAL else 1)}
        card = {
            "title": name,
            "modality": "test",
            "task": task,
            "labels": labels,
            "licence": "as the sample",
            "official": False,
        }
        (folder / f"{name}.json").write_text(json.dumps(card))


@pytest.fixture(scope="module")
def addresses(
    start_pair, sample_dir: Path, tiny_model_dir: Path, tmp_path_factory
) -> Iterator[tuple[str, str]]:
    from model.inference import load_model
    from model.latent.index import build_index

    folder = tmp_path_factory.mktemp("labels")
    data, index = folder / "data", folder / "index"
    data.mkdir()
    first = sorted(sample_dir.glob("*.npz"))[0]
    for path in sample_dir.glob(f"{first.stem}.*"):
        shutil.copy(path, data)
    _write(data, first)
    build_index(
        load_model(tiny_model_dir, "cpu"),
        data_dir=data,
        datasets=(first.stem, SEVERAL, GONE),
        out=index,
        progress=False,
    )
    (data / f"{GONE}.npz").unlink()
    with start_pair("--model", str(tiny_model_dir), "--index", str(index), "--data-dir", str(data)) as pair:
        yield pair


@pytest.fixture(scope="module")
def api(addresses: tuple[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=addresses[0], timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def dashboard_url(addresses: tuple[str, str]) -> str:
    return addresses[1]


def _open(page: Page, name: str) -> None:
    page.goto(f"/?on={name}")
    wait_drawn(page, names={name})


def _hover(page: Page, point: dict[str, Any]) -> str:
    """Move the mouse to a point; the card says which image it is."""
    page.mouse.move(point["x"] + 40, point["y"])
    page.mouse.move(point["x"], point["y"])
    card = page.locator("#hover-card")
    expect(card).to_be_visible()
    expect(card).to_have_attribute("data-point", point["name"])
    return point["name"]


def test_hover_names_every_class_of_the_image(page: Page, api: httpx.Client) -> None:
    _open(page, SEVERAL)
    alone = [point for point in lonely(page, 3 * N) if point["nearest"] > 1]
    pairs = [point["label"] for point in alone if point["label"].bit_count() == 2]
    seen = set()
    for label in (0, 1, 2, 1 << (CLASSES - 1), (1 << CLASSES) - 1, *pairs[:3]):
        path = _hover(page, next(point for point in alone if point["label"] == label))
        name = api.get(f"/v1/samples/{path}").json()["label_name"]
        expect(page.locator("#hover-text div").first).to_have_text(name)
        seen.add(name)
    assert {"none", "class 00", "class 13", " + ".join(f"class {c:02d}" for c in range(CLASSES))} <= seen
    page.wait_for_function("() => document.getElementById('hover-image').naturalWidth > 0")


def test_the_filter_finds_the_class_among_others(page: Page, api: httpx.Client) -> None:
    page.goto(f"/reconstructions?dataset={SEVERAL}&split=test")
    page.wait_for_selector(".card")
    page.locator("#recon-label").click()
    page.get_by_role("option", name="with class 03", exact=True).click()
    page.wait_for_url("**label=3**")
    expected = int(_labels(2)[:, 3].sum())
    expect(page.locator("#recon-total")).to_have_text(f"{expected} images")
    names = page.locator(".card .card-label").all_inner_texts()
    assert names
    assert all("class 03" in name for name in names)
    assert any(" + " in name for name in names)


def _show_only(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Show only {name}", exact=True).click()
    wait_drawn(page, names={name})


def test_pictures_that_are_not_there_are_said_to_be_missing(page: Page, api: httpx.Client) -> None:
    available = {item["name"]: item["available"] for item in api.get("/v1/datasets").json()["items"]}
    assert not available.pop(GONE)
    assert all(available.values())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    wait_drawn(page)
    expect(page.locator(f'.legend-row[data-dataset="{GONE}"]').get_by_text("no pictures")).to_be_visible()
    expect(page.locator(".legend-row").get_by_text("no pictures")).to_have_count(1)
    _show_only(page, GONE)  # its images are those of the other data sets: they lie at the same places
    (point,) = lonely(page)
    path = _hover(page, point)
    expect(page.locator("#hover-card")).to_contain_text("picture not available")
    expect(page.locator("#hover-image")).to_be_hidden()
    page.mouse.click(point["x"], point["y"])
    body = page.locator(f'.inspector-body[data-point="{path}"]')
    expect(body.get_by_text("Pictures not available")).to_be_visible()
    expect(body.locator("img")).to_have_count(0)
    sample = api.get(f"/v1/samples/{path}").json()
    expect(body.locator('[data-figure="psnr"] .value')).to_have_text(f"{sample['psnr']:.2f} dB")
    expect(body.locator(".codes td")).to_have_count(sum(map(len, sample["codes"])))
    page.goto(f"/reconstructions?dataset={GONE}")
    page.wait_for_selector(".card")
    expect(page.locator(".card").first).to_contain_text("Pictures not available")
    expect(page.locator(".card").first).to_contain_text("dB")
    assert [url for url in asked if f"/pictures/{GONE}/" in url] == []  # neighbours of other sets have theirs
    # A picture that is there comes back after one that is not.
    page.goto("/")
    wait_drawn(page)
    for name in (GONE, SEVERAL):
        _show_only(page, name)
        _hover(page, *lonely(page))
    expect(page.locator("#hover-image")).to_be_visible()
    expect(page.locator("#hover-card")).not_to_contain_text("not available")
