"""Fitting a map from the page, in a real browser over a service with an index of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.map_places import wait_drawn

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def arguments(tiny_model_dir: Path, tiny_index_dir: Path, sample_dir: Path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fits") / "index"
    shutil.copytree(tiny_index_dir, folder)
    return "--model", str(tiny_model_dir), "--index", str(folder), "--data-dir", str(sample_dir)


@pytest.fixture(scope="module")
def pair(start_pair, arguments) -> Iterator[tuple[str, str]]:
    with start_pair(*arguments) as urls:
        yield urls


def _opened(page: Page, url: str) -> None:
    page.goto(url)
    wait_drawn(page)
    page.get_by_role("button", name="Fit a map").click()


def test_a_map_is_fitted_and_shown(page: Page, pair: tuple[str, str]) -> None:
    _opened(page, pair[1])
    parameters = {
        method["name"]: method["parameters"]
        for method in httpx.get(f"{pair[0]}/v1/maps", trust_env=False).json()["methods"]
    }
    page.locator("#fit-method").get_by_text("UMAP", exact=True).click()
    neighbours = next(one for one in parameters["umap"] if one["name"] == "n_neighbors")
    field = page.get_by_label("N neighbors")
    expect(field).to_have_value(str(neighbours["default"]))
    field.fill("100000")
    field.blur()  # bounded as the service bounds it
    expect(field).to_have_value(f"{neighbours['high']:g}")
    page.locator("#fit-method").get_by_text("PCA", exact=True).click()
    expect(field).to_have_count(0)
    page.locator("#fit-dimensions").get_by_text("3-D", exact=True).click()
    page.get_by_label("Name of the map").fill("Not a name")
    page.get_by_role("button", name="Fit", exact=True).click()
    expect(page.locator("#fit-error")).to_contain_text("lower-case")
    page.get_by_label("Name of the map").fill("wide")
    page.get_by_role("button", name="Fit", exact=True).click()
    expect(page.locator("#fit-progress")).to_contain_text("wide is fitted")
    expect(page.locator("#fit-error")).to_be_empty()
    page.get_by_role("button", name="Show it").click()
    page.wait_for_function(
        "() => document.querySelector('#map-graph .js-plotly-plot').layout.meta.map === 'wide'"
    )
    wait_drawn(page)
    assert page.evaluate(
        "() => window.vqscopeMap.frameOf(document.querySelector('#map-graph .js-plotly-plot')).cloud.order.length"
    )
    page.locator("#map-second").click()
    expect(page.get_by_role("option", name="PCA", exact=True)).to_be_visible()


def test_a_fit_is_cancelled(page: Page, pair: tuple[str, str]) -> None:
    _opened(page, pair[1])
    page.locator("#fit-method").get_by_text("t-SNE", exact=True).click()
    page.locator("#fit-dimensions").get_by_text("3-D", exact=True).click()
    page.get_by_role("button", name="Fit", exact=True).click()
    page.get_by_role("button", name="Cancel the fit").click()
    expect(page.locator("#fit-progress")).to_contain_text("was cancelled")
    expect(page.get_by_role("button", name="Fit", exact=True)).to_be_enabled()
    names = [item["name"] for item in httpx.get(f"{pair[0]}/v1/maps", trust_env=False).json()["items"]]
    assert "tsne-3d" not in names


def test_a_service_that_fits_no_maps_says_what_to_do(
    page: Page, start_pair, arguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VQSCOPE_MAP_JOBS", "off")
    with start_pair(*arguments) as (_, url):
        _opened(page, url)
        expect(page.get_by_text("VQSCOPE_MAP_JOBS=on")).to_be_visible()
        expect(page.get_by_role("button", name="Fit", exact=True)).to_be_hidden()
        page.goto("about:blank")  # before its service ends
