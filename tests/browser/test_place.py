"""The page for the reader's own images, in a real browser over the real service."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.palette import mark
from tests.browser.conftest import Service
from tests.browser.map_places import names_of

pytestmark = pytest.mark.browser

GRAPH = "#place-graph .js-plotly-plot"
STARS = f"""() => {{
  const {{ x, y, text }} = document.querySelector('{GRAPH}').data.at(-1);
  return text.map((number, k) => [Number(number), x[k], y[k]]);
}}"""
"""Number and place of each star."""

PIXELS = f"""() => {{
  const canvas = document.querySelector('{GRAPH} .map-cloud canvas'), {{ width, height }} = canvas;
  const copy = Object.assign(document.createElement('canvas'), {{ width, height }});
  const context = copy.getContext('2d', {{ willReadFrequently: true }});
  context.drawImage(canvas, 0, 0);
  return context.getImageData(0, 0, width, height);
}}"""

CLOUD = f"""(places) => {{
  const {{ xaxis, yaxis }} = document.querySelector('{GRAPH}')._fullLayout;
  const {{ data, width, height }} = ({PIXELS})();
  return places.map(([x, y]) => {{
    const [across, down] = [xaxis.l2p(x) * width / xaxis._length, yaxis.l2p(y) * height / yaxis._length];
    if (!(across >= 0 && down >= 0 && across < width && down < height)) return null;
    const at = 4 * (Math.floor(down) * width + Math.floor(across));
    return [across, down, ...data.subarray(at, at + 4)];
  }});
}}"""
"""Of places on the map: where on the canvas each is, and its red, green, blue and opacity there; null: not in view."""


@pytest.fixture(scope="module")
def service_of_maps(three_maps: tuple[str, ...]) -> Iterator[Service]:
    """One with three maps, to be taken away and brought back."""
    served = Service(three_maps)
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def asked(service_of_maps: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service_of_maps.url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def place_url(service_of_maps: Service, start_dashboard) -> Iterator[str]:
    """The page over the service with three maps."""
    with start_dashboard(service_of_maps.url) as url:
        yield f"{url}/place"


def _pictures(api: httpx.Client, n: int = 2) -> list[bytes]:
    """Test images of different data sets."""
    return [api.get(f"/v1/samples/{name}/test/0/image").content for name in names_of(api)[:n]]


def _choose(page: Page, pictures: Sequence[bytes]) -> None:
    page.locator("#place-file").set_input_files(
        [{"name": f"{k}.png", "mimeType": "image/png", "buffer": data} for k, data in enumerate(pictures, 1)]
    )


def _choose_map(page: Page, title: str) -> None:
    page.locator("#place-name").click()
    page.get_by_role("option", name=title, exact=True).click()


def _wait_drawn(page: Page, name: str) -> None:
    page.wait_for_selector(f'{GRAPH}[data-drawn="{name}"]')


def _projected(asked: httpx.Client, pictures: Sequence[bytes], name: str) -> list[dict[str, Any]]:
    files = [("file", (f"{k}.png", data)) for k, data in enumerate(pictures, 1)]
    return asked.post("/v1/project", files=files, params={"map": name, "k": 8}).json()["items"]


def _expect_placed(page: Page, asked: httpx.Client, pictures: Sequence[bytes], name: str) -> None:
    """Stars and cards are those of a map, as the service says them, over all of its points."""
    items = _projected(asked, pictures, name)
    _wait_drawn(page, name)
    stars = np.array(page.evaluate(STARS))
    assert stars[:, 0].tolist() == [*range(1, len(pictures) + 1)]
    np.testing.assert_allclose(stars[:, 1:], [(item["x"], item["y"]) for item in items], atol=1e-4)
    for k, item in enumerate(items, 1):
        card = page.locator(f'.place-card[data-file="{k}.png"]')
        for words in item["inside"] or ["outside every"]:
            expect(card.locator('[data-role="inside"]')).to_contain_text(words)
    _expect_cloud(page, asked, name)


def _expect_cloud(page: Page, asked: httpx.Client, name: str) -> None:
    """Each point in view is on the canvas, those that stand alone in the colour of their data set; not all is full."""
    columns = asked.get(f"/v1/maps/{name}/points").json()["columns"]
    names = names_of(asked)
    found = page.evaluate(CLOUD, list(zip(columns["x"], columns["y"], strict=True)))
    seen = [k for k, one in enumerate(found) if one is not None]
    assert len(seen) > 0.02 * len(found)
    pixels = np.array([found[k] for k in seen])
    assert (pixels[:, 5] > 80).all()
    away = np.hypot(*(pixels[:, None, :2] - pixels[None, :, :2]).transpose(2, 0, 1))
    np.fill_diagonal(away, np.inf)
    alone = np.flatnonzero(away.min(axis=1) > 8)
    assert len(alone)
    for k in alone:
        colour = mark(names.index(columns["dataset"][seen[k]])).colour
        wished = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        np.testing.assert_allclose(pixels[k, 2:5], wished, atol=6)
    empty = page.evaluate(
        f"""() => {{
          const {{ data, width, height }} = ({PIXELS})();
          return data.filter((value, k) => k % 4 === 3 && value === 0).length / (width * height);
        }}"""
    )
    assert empty > 0.2


def test_what_is_shown_of_an_image_is_what_the_service_says(page: Page, api: httpx.Client) -> None:
    dataset = api.get("/v1/datasets").json()["items"][0]["name"]
    picture = api.get(f"/v1/samples/{dataset}/test/0/image").content
    files = {"file": ("scan.png", picture)}
    made = api.post("/v1/reconstruct", files=files).json()["items"][0]
    place = api.post("/v1/project", files=files, params={"k": 8}).json()["items"][0]
    verdict = api.post("/v1/outliers", files=files).json()["items"][0]["overall"]

    page.goto("/place")
    page.wait_for_selector("#place-file", state="attached")
    expect(page.locator("#place-cards")).to_contain_text("No image placed yet")
    sent = [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in
            (("scan.png", picture), ("broken.png", picture[: len(picture) // 2]))]  # fmt: skip
    page.locator("#place-file").set_input_files(sent)
    page.wait_for_selector(".place-card")
    card = page.locator('.place-card[data-file="scan.png"]')
    expect(card).to_contain_text(verdict["words"][1:])
    expect(card.locator('[data-figure="psnr"]')).to_have_text(f"{made['psnr']:.2f} dB")
    share = verdict["measures"]["code_rarity"]["more_unusual_than"]
    expect(card.locator('[data-measure="code_rarity"] .value')).to_have_text(f"{100 * share:.1f} %")
    regions = {region["group"]: region for region in api.get("/v1/maps/pca/ellipses").json()["items"]}
    assert place["inside"]
    for name in place["inside"]:
        own = f"{name} (which holds {100 * regions[name]['observed_coverage']:.1f} % of its own images)"
        expect(card.locator('[data-role="inside"]')).to_contain_text(own)
    for name, region in regions.items():
        item = page.locator(f'.place-legend-item[data-dataset="{name}"]')
        expect(item).to_contain_text(f"{100 * region['observed_coverage']:.1f} %")
        expect(item.locator(".warning")).to_have_count(int(bool(region["warnings"])))
    for view, key in (("image", "image"), ("reconstruction", "reconstruction"), ("error", "error_map")):
        source = card.locator(f'.place-picture[data-view="{view}"]').get_attribute("src")
        assert source == f"data:image/png;base64,{made[key]}"
    near = [f"/?point={n['dataset']}/{n['split']}/{n['position']}" for n in place["neighbours"]]
    assert [a.get_attribute("href") for a in card.locator(".place-neighbour").all()] == near
    expect(page.locator('.place-failed[data-file="broken.png"]')).to_be_visible()
    page.wait_for_function("document.querySelectorAll('#place-graph .textpoint').length === 1")
    star = page.evaluate(
        "(() => { const t = document.querySelector('#place-graph .js-plotly-plot').data.at(-1);"
        " return [t.x[0], t.y[0]]; })()"
    )
    assert star == pytest.approx([place["x"], place["y"]], abs=1e-4)
    card.locator(".place-neighbour").first.click()
    page.wait_for_selector(".inspector-body")
    expect(page.locator(f'.inspector-body[data-point="{near[0].partition("=")[2]}"]')).to_be_visible()


def test_too_many_files_are_told_before_they_are_sent(page: Page) -> None:
    page.goto("/place")
    many = [{"name": f"{i}.png", "mimeType": "image/png", "buffer": b"x"} for i in range(17)]
    page.locator("#place-file").set_input_files(many)
    page.wait_for_selector("#place-cards .state-failed")
    expect(page.locator("#place-cards .state-failed")).to_contain_text("at most 16 images")


def test_all_points_of_the_map_lie_under_the_stars(page: Page, place_url: str, asked: httpx.Client) -> None:
    pictures = _pictures(asked)
    page.goto(place_url)
    _choose(page, pictures)
    _expect_placed(page, asked, pictures, "pca")
    # They move with it.
    box = page.locator(GRAPH).bounding_box()
    assert box is not None
    view = f"() => document.querySelector('{GRAPH}')._fullLayout.xaxis.range"
    before = page.evaluate(view)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for turn in range(1, 4):  # one at a time: a browser in a hurry makes one event of several
        page.mouse.wheel(0, -120)
        page.wait_for_function(
            f"(width) => {{ const [low, high] = ({view})(); return high - low < width; }}",
            arg=1.01 * (before[1] - before[0]) * np.exp(-turn / 10),
        )
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 25, box["y"] + box["height"] / 2 - 15, steps=3)
    page.mouse.up()
    page.wait_for_function(
        f"""() => {{
          const canvas = document.querySelector('{GRAPH} .map-cloud canvas'), now = JSON.stringify(({view})());
          window.steadyFor = !canvas.style.transform && now === window.steadyView ? (window.steadyFor || 0) + 1 : 0;
          window.steadyView = now;
          return window.steadyFor > 20;
        }}"""
    )
    _expect_cloud(page, asked, "pca")
    expect(page.locator("#place-graph .textpoint")).to_have_count(2)


def test_files_that_could_not_be_placed_are_not_counted(
    page: Page, place_url: str, asked: httpx.Client
) -> None:
    page.goto(place_url)
    _choose(page, [*_pictures(asked, 1), b"no picture"])
    _wait_drawn(page, "pca")
    expect(page.locator("#place-status")).to_have_text(
        "Placed 1 of 2 images on PCA; why not the others stands below."
    )
    _choose(page, [b"no picture", b"none either"])
    expect(page.locator("#place-status")).to_contain_text("Placed none of 2 images on PCA")


def test_another_map_places_the_same_images_again(page: Page, place_url: str, asked: httpx.Client) -> None:
    pictures = _pictures(asked)
    page.goto(place_url)
    expect(page.get_by_text("Maps of three dimensions are left out here: space.")).to_be_visible()
    _choose(page, pictures)
    _expect_placed(page, asked, pictures, "pca")
    expect(page.get_by_role("link", name="Open this map")).to_have_attribute("href", "/")
    _choose_map(page, "mirror")
    _expect_placed(page, asked, pictures, "mirror")
    expect(page.locator("#place-status")).to_have_text("Placed 2 images on mirror.")
    expect(page.get_by_role("link", name="Open this map")).to_have_attribute("href", "/?map=mirror")
    assert page.url == f"{place_url}?map=mirror"
    # The address brings the map back, not the images.
    page.reload()
    expect(page.locator("#place-name")).to_have_value("mirror")
    expect(page.locator("#place-cards")).to_contain_text("No image placed yet")
    _choose(page, pictures[:1])
    _expect_placed(page, asked, pictures[:1], "mirror")
    # A neighbour is opened on the map that it was seen on.
    near = _projected(asked, pictures[:1], "mirror")[0]["neighbours"][0]
    name = f"{near['dataset']}/{near['split']}/{near['position']}"
    page.locator(".place-neighbour").first.click()
    page.wait_for_selector(f'.inspector-body[data-point="{name}"]')
    assert page.url.endswith(f"/?map=mirror&point={name}")
    page.wait_for_function("() => window.vqscopeMap.mapOf(window.vqscopeMap.graphs()[0]) === 'mirror'")
    # What was placed is still there, and so are the files.
    page.get_by_role("link", name="Place an image").click()
    _choose_map(page, "PCA")
    _expect_placed(page, asked, pictures[:1], "pca")
    assert page.url == place_url


def test_a_neighbour_on_the_plot_is_opened_on_the_map(
    page: Page, place_url: str, asked: httpx.Client
) -> None:
    pictures = _pictures(asked, 1)
    page.goto(f"{place_url}?map=mirror")
    _choose(page, pictures)
    _wait_drawn(page, "mirror")
    # Its projection is the reverse of what the map was fitted on: the star lies elsewhere than its neighbours.
    place = page.evaluate(
        f"""() => {{
          const gd = document.querySelector('{GRAPH}'), {{ xaxis, yaxis }} = gd._fullLayout;
          const {{ x, y, customdata }} = gd.data.find(({{ meta }}) => meta.role === 'neighbours');
          const box = gd.getBoundingClientRect(), k = x.length - 1;
          return [box.left + xaxis._offset + xaxis.l2p(x[k]), box.top + yaxis._offset + yaxis.l2p(y[k])];
        }}"""
    )
    page.mouse.move(place[0] + 2, place[1])
    page.mouse.move(*place)
    expect(page.locator(f"{GRAPH} .hovertext")).to_contain_text("click to open it on the map")
    page.mouse.click(*place)
    page.wait_for_selector(".inspector-body")
    near = _projected(asked, pictures, "mirror")[0]["neighbours"]
    names = [f"{one['dataset']}/{one['split']}/{one['position']}" for one in near]
    assert page.locator(".inspector-body").get_attribute("data-point") in names
    assert "map=mirror" in page.url


def test_an_unknown_map_is_replaced_by_the_first(page: Page, place_url: str, asked: httpx.Client) -> None:
    page.goto(f"{place_url}?map=space")  # as one of three dimensions
    expect(page.locator("#place-name")).to_have_value("PCA")
    page.wait_for_function("() => location.search === ''")


def test_images_are_placed_once_the_service_is_back(
    page: Page, watched, place_url: str, service_of_maps: Service, asked: httpx.Client
) -> None:
    watched.expected = ("503 (Service Unavailable)",)
    pictures = _pictures(asked)
    page.goto(place_url)
    _choose(page, pictures)
    _wait_drawn(page, "pca")
    told = page.locator("#place-cards").get_by_role("alert")
    service_of_maps.stop()
    try:
        _choose_map(page, "mirror")
        expect(told).to_contain_text("The service does not answer")
        expect(told).to_contain_text("Start the service (vqscope serve, or vqscope explore)")
        expect(page.locator("#place-map")).to_be_hidden()
        expect(page.locator("#banner")).to_be_visible()
    finally:
        service_of_maps.start()
    _expect_placed(page, asked, pictures, "mirror")  # without a reload
    expect(told).to_have_count(0)
    # Files that are chosen meanwhile replace those that wait.
    service_of_maps.stop()
    try:
        _choose(page, pictures[:1])
        expect(told).to_be_visible()
        _choose(page, pictures[1:])
    finally:
        service_of_maps.start()
    _expect_placed(page, asked, pictures[1:], "mirror")


def test_images_are_placed_once_the_dashboard_is_back(
    page: Page, watched, place_url: str, asked: httpx.Client
) -> None:
    watched.expected = ("Failed to load resource",)
    pictures = _pictures(asked)
    page.goto(place_url)
    page.wait_for_selector("#place-file", state="attached")
    page.route("**/place?map=*", lambda route: route.abort())
    _choose(page, pictures)
    expect(page.locator("#place-status")).to_contain_text("The dashboard does not answer. Start it again")
    page.unroute("**/place?map=*")
    _expect_placed(page, asked, pictures, "pca")


def test_a_file_that_has_gone_can_still_be_placed_on_another_map(
    page: Page, place_url: str, asked: httpx.Client, tmp_path: Path
) -> None:
    pictures = _pictures(asked, 1)
    file = tmp_path / "1.png"
    file.write_bytes(pictures[0])
    page.goto(place_url)
    page.locator("#place-file").set_input_files(file)
    _wait_drawn(page, "pca")
    file.unlink()
    _choose_map(page, "mirror")
    _expect_placed(page, asked, pictures, "mirror")
