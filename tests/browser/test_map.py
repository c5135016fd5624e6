"""The map page in a real browser over the real service."""

import io
import json
import re

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from dashboard.components.words import percentile
from dashboard.palette import mark
from dashboard.state_map import MAX_LEVEL
from tests.browser.map_places import FRAME, PLACES, frame, lonely, names_of, open_map, rows_of, wait_drawn

pytestmark = pytest.mark.browser

# Where a place of the map is in the window.
ON_SCREEN = """([x, y]) => {
  const gd = document.querySelector('#map-graph .js-plotly-plot');
  const box = gd.getBoundingClientRect();
  const { xaxis, yaxis } = gd._fullLayout;
  return [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)];
}"""


def _wait_shown(page: Page, names: set[str]) -> None:
    """Until the points and the ellipses of these data sets are drawn, and no others."""
    wait_drawn(page, names=names)
    drawn = frame(page)
    for part in ("points", "lines"):
        assert {one["dataset"] for one in drawn[part]} == names


def _ellipses(page: Page) -> dict[str, list[tuple[float, float]]]:
    """Outlines of the ellipses that are drawn, by data set."""
    return {line["dataset"]: list(zip(line["x"], line["y"], strict=True)) for line in frame(page)["lines"]}


def _colours(page: Page) -> set[tuple[int, int, int]]:
    """The colours of which the picture of the map shows more than a few pixels."""
    picture = Image.open(io.BytesIO(page.locator(".map-body").screenshot())).convert("RGB")
    counted = picture.getcolors(maxcolors=2**24) or []
    return {colour for n, colour in counted if n > 20}


def test_all_data_sets_and_their_ellipses_are_drawn(page: Page, api: httpx.Client) -> None:
    open_map(page)
    names = names_of(api)
    datasets = {
        item["name"]: sum(item["n_indexed"].values()) for item in api.get("/v1/datasets").json()["items"]
    }
    drawn = frame(page)
    assert {p["dataset"]: len(rows_of(p["runs"])) for p in drawn["points"]} == datasets
    # Where the service says that the images are; Plotly has none of them.
    columns = api.get("/v1/maps/pca/points").json()["columns"]
    served = {
        f"{dataset}/{split}/{position}": (x, y)
        for dataset, split, position, x, y in zip(
            *(columns[name] for name in ("dataset", "split", "position", "x", "y")), strict=True
        )
    }
    places = page.evaluate(PLACES, "#map-graph")
    assert {place["name"] for place in places} == set(served)
    on_screen = page.evaluate(f"(places) => places.map({ON_SCREEN})", [served[p["name"]] for p in places])
    assert np.allclose([(p["x"], p["y"]) for p in places], on_screen, atol=0.05)
    traces = (
        "() => document.querySelector('#map-graph .js-plotly-plot').data.map((t) => [t.type, t.x.length])"
    )
    assert page.evaluate(traces) == [["scatter", 0]] * 2 * len(names) + [["scatter", 2]]  # ends of the axes
    expect(page.locator("#map-graph .gl-container canvas")).to_have_count(0)
    fitted = {e["group"]: e for e in api.get("/v1/maps/pca/ellipses").json()["items"]}
    ellipses = _ellipses(page)
    assert set(ellipses) == set(names)
    for name, outline in ellipses.items():
        assert outline == [pytest.approx(p, rel=1e-5) for p in fitted[name]["outline"]]
    for name in names:
        row = page.locator(f'.legend-row[data-dataset="{name}"]')
        expect(row).to_contain_text(f"{datasets[name]:,}")
        expect(row).to_contain_text(f"{100 * fitted[name]['observed_coverage']:.1f} %")
    axes = api.get("/v1/maps").json()["items"][0]["axis_labels"]
    expect(page.locator("#map-graph .xtitle")).to_have_text(axes[0])
    expect(page.locator("#map-graph .ytitle")).to_have_text(axes[1])


def test_data_sets_are_switched_one_at_a_time(page: Page, api: httpx.Client) -> None:
    open_map(page)
    names = names_of(api)
    colour = {
        name: tuple(int(mark(i).colour[k : k + 2], 16) for k in (1, 3, 5)) for i, name in enumerate(names)
    }
    for name in names:
        page.get_by_role("button", name=f"Show only {name}", exact=True).click()
        _wait_shown(page, {name})
        seen = _colours(page)
        assert colour[name] in seen
        assert not seen & {c for other, c in colour.items() if other != name}
    page.get_by_role("button", name="None", exact=True).click()
    _wait_shown(page, set())
    expect(page.locator("#map-none-on")).to_be_visible()
    assert not _colours(page) & set(colour.values())
    on: set[str] = set()
    for name in names:
        page.get_by_role("switch", name=f"Show {name}", exact=True).click(force=True)
        on.add(name)
        _wait_shown(page, on)
    page.get_by_role("button", name="None", exact=True).click()
    _wait_shown(page, set())
    page.get_by_role("button", name="All", exact=True).click()
    _wait_shown(page, set(names))
    assert set(colour.values()) <= _colours(page)


def test_zoom_survives_a_switch(page: Page, api: httpx.Client) -> None:
    open_map(page)
    ranges = "() => document.querySelector('#map-graph .js-plotly-plot')._fullLayout.xaxis.range.slice()"
    before = page.evaluate(ranges)
    page.get_by_role("button", name="Zoom in", exact=True).click()
    page.wait_for_function(f"(before) => ({ranges})()[0] > before[0]", arg=before)
    zoomed = page.evaluate(ranges)
    name = names_of(api)[0]
    page.get_by_role("button", name=f"Show only {name}", exact=True).click()
    _wait_shown(page, {name})
    assert page.evaluate(ranges) == zoomed


def test_fit_brings_what_is_on_into_view(page: Page, api: httpx.Client) -> None:
    open_map(page)
    layout = "document.querySelector('#map-graph .js-plotly-plot')._fullLayout"
    ranges = f"() => ['xaxis', 'yaxis'].map((axis) => {layout}[axis].range)"
    before = page.evaluate(ranges)
    ellipses = {e["group"]: e for e in api.get("/v1/maps/pca/ellipses").json()["items"]}
    name = min(ellipses, key=lambda group: ellipses[group]["axes"][0])
    page.get_by_role("button", name=f"Show only {name}", exact=True).click()
    _wait_shown(page, {name})
    page.get_by_role("button", name="Fit the view to the data sets that are on").click()
    page.wait_for_function(
        f"(before) => JSON.stringify(({ranges})()) !== JSON.stringify(JSON.parse(before))",
        arg=json.dumps(before),
    )
    columns = api.get("/v1/maps/pca/points", params={"dataset": name}).json()["columns"]
    for (low, high), values in zip(page.evaluate(ranges), (columns["x"], columns["y"]), strict=True):
        assert low < min(values)
        assert max(values) < high


def test_hover_shows_the_image_of_that_point(page: Page, api: httpx.Client) -> None:
    open_map(page)
    for name in names_of(api)[:3]:
        page.get_by_role("button", name=f"Show only {name}", exact=True).click()
        _wait_shown(page, {name})
        (point,) = lonely(page, dataset=name)
        assert point["nearest"] > 3
        path = point["name"]
        with page.expect_response(re.compile(f"/pictures/{path}/image")) as caught:
            page.mouse.move(point["x"] + 40, point["y"])
            page.mouse.move(point["x"], point["y"])
            page.wait_for_selector(f'#hover-card[data-point="{path}"]', state="visible")
        shown = page.locator("#hover-image")
        page.wait_for_function("() => document.getElementById('hover-image').naturalWidth > 0")
        assert caught.value.url.endswith(shown.get_attribute("src") or "-")
        assert caught.value.body() == api.get(f"/v1/samples/{path}/image").content
        sample = api.get(f"/v1/samples/{path}").json()
        expect(page.locator("#hover-text")).to_contain_text(sample["label_name"])
        page.mouse.move(2, 2)
        expect(page.locator("#hover-card")).to_be_hidden()


def _expect_inspector(page: Page, api: httpx.Client, path: str) -> None:
    sample = api.get(f"/v1/samples/{path}").json()
    body = page.locator(f'.inspector-body[data-point="{path}"]')
    expect(body).to_be_visible()
    expect(body.locator(".inspector-label")).to_have_text(sample["label_name"])
    figures = {
        "psnr": f"{sample['psnr']:.2f} dB",
        "ssim": f"{sample['ssim']:.3f}",
        "mae": f"{100 * sample['mae']:.2f} % of full range",
        "quantisation_error": f"{sample['quantisation_error']:.4f} latent units²",
    }
    for key, text in figures.items():
        stands = percentile(sample["percentiles"][key])
        expect(body.locator(f'[data-figure="{key}"]')).to_have_text(f"{text}percentile {stands}")
    assert body.locator(".codes td").all_inner_texts() == [
        str(code) for row in sample["codes"] for code in row
    ]
    for view in ("image", "reconstruction", "error"):
        img = body.locator(f'img[data-view="{view}"]')
        page.wait_for_function("(img) => img.complete && img.naturalWidth > 0", arg=img.element_handle())
        shown = page.request.get(img.get_attribute("src") or "")
        served = api.get(f"/v1/samples/{path}/{view}", params={"v": sample["index"]})
        assert shown.body() == served.content
        assert shown.headers["cache-control"] == served.headers["cache-control"]
        assert "immutable" in shown.headers["cache-control"]
        width, natural = img.evaluate("(img) => [img.getBoundingClientRect().width, img.naturalWidth]")
        assert width % natural == 0
        assert img.evaluate("(img) => getComputedStyle(img).imageRendering") == "pixelated"
    ring = page.locator("#map-graph .map-ring")
    expect(ring).to_be_visible()
    assert json.loads(ring.get_attribute("data-place") or "") == pytest.approx(
        sample["maps"]["pca"], rel=1e-5
    )
    drawn = page.evaluate(ON_SCREEN, sample["maps"]["pca"])
    box = ring.bounding_box()
    assert box is not None
    assert [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2] == pytest.approx(drawn, abs=1)


def test_click_fills_the_inspector_with_the_numbers_of_the_service(page: Page, api: httpx.Client) -> None:
    open_map(page)
    for name in names_of(api)[-2:]:
        page.get_by_role("button", name=f"Show only {name}", exact=True).click()
        _wait_shown(page, {name})
        (point,) = lonely(page, dataset=name)
        path = point["name"]
        page.mouse.move(point["x"], point["y"])
        page.wait_for_selector(f'#hover-card[data-point="{path}"]', state="visible")
        page.mouse.click(point["x"], point["y"])
        _expect_inspector(page, api, path)
        page.wait_for_url(re.compile(re.escape(f"point={path}")))
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_text("No image selected")).to_be_visible()


def test_a_link_reproduces_the_view(page: Page, api: httpx.Client) -> None:
    first, second, *_ = names_of(api)
    link = f"/?on={second}&on={first}&kind=normal&level=80&point={first}/test/1"
    open_map(page, link)
    _wait_shown(page, {first, second})
    _expect_inspector(page, api, f"{first}/test/1")
    fitted = {
        e["group"]: e
        for e in api.get("/v1/maps/pca/ellipses", params={"kind": "normal", "level": 0.8}).json()["items"]
    }
    assert _ellipses(page)[first] == [pytest.approx(p, rel=1e-5) for p in fitted[first]["outline"]]
    expect(page.locator("#map-level")).to_have_value("80 %")
    # What the page makes of it is an address that gives the same view again.
    page.wait_for_function("() => location.search.includes('kind=normal')")
    page.reload()
    _wait_shown(page, {first, second})
    _expect_inspector(page, api, f"{first}/test/1")


def test_a_link_to_ellipses_says_what_they_are(page: Page) -> None:
    note = page.locator("#map-ellipse-note")
    for link, words in (
        ("/?kind=mean", "Where the mean of the group lies, not where its images fall."),
        ("/?kind=sigma&sigma=2", "2 standard deviations cover 86.5 % of a 2-D normal distribution."),
    ):
        open_map(page, link)
        expect(note).to_have_text(words)
    page.locator("#map-kind").click()
    page.get_by_role("option", name="Prediction: a new image").click()
    expect(note).to_have_text("")


def test_kind_and_level_of_the_ellipses_are_asked_of_the_service(page: Page, api: httpx.Client) -> None:
    open_map(page)
    name = names_of(api)[0]
    page.locator("#map-kind").click()
    page.get_by_role("option", name="Robust (MCD)").click()
    page.locator("#map-level").fill("60")
    page.wait_for_url(re.compile("kind=robust&level=60"))
    asked = {"kind": "robust", "level": 0.6}
    fitted = {e["group"]: e for e in api.get("/v1/maps/pca/ellipses", params=asked).json()["items"]}
    row = page.locator(f'.legend-row[data-dataset="{name}"]')
    expect(row).to_contain_text(f"{100 * fitted[name]['observed_coverage']:.1f} %")
    page.wait_for_function(
        f"([name, x]) => Math.abs(({FRAME})('#map-graph').lines.find((line) => line.dataset === name).x[0] - x) < 1e-4",
        arg=[name, fitted[name]["outline"][0][0]],
    )


def test_a_level_out_of_bounds_is_brought_within_them_and_used(page: Page) -> None:
    open_map(page)
    field = page.locator("#map-level")
    field.fill("120")
    page.locator("#map-name").focus()
    most = f"{MAX_LEVEL:g}"
    expect(field).to_have_value(f"{most} %")
    page.wait_for_url(re.compile(f"level={re.escape(most)}(&|$)"))


def test_warnings_of_the_service_are_shown(page: Page, api: httpx.Client) -> None:
    open_map(page)
    datasets = {item["name"]: item["warnings"] for item in api.get("/v1/datasets").json()["items"]}
    for ellipse in api.get("/v1/maps/pca/ellipses").json()["items"]:
        texts = [*ellipse["warnings"], *datasets[ellipse["group"]]]
        sign = page.locator(f'.legend-row[data-dataset="{ellipse["group"]}"] .warning')
        expect(sign).to_have_count(1 if texts else 0)
        if texts:
            expect(sign).to_have_attribute("aria-label", "Warning: " + "; ".join(texts))


def test_an_image_that_does_not_exist_is_said_to_be_missing(page: Page, api: httpx.Client) -> None:
    open_map(page, f"/?point={names_of(api)[0]}/test/999999")
    expect(page.get_by_text("No such image")).to_be_visible()
