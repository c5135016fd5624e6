"""Colours, groups of ellipses and the closer look at an image, in a real browser."""

import io
from base64 import b64decode
from itertools import cycle
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.palette import OKABE_ITO, mark
from tests.browser.map_places import colours_of, expect_on_scale, frame, open_map, rows_of, wait_drawn

pytestmark = pytest.mark.browser

SHAPES = """() => (document.querySelector('#map-graph .js-plotly-plot').layout.shapes || [])
  .map((shape) => ({ name: shape.name, colour: shape.line.color, path: shape.path }))"""


def _choose(page: Page, field: str, option: str) -> None:
    page.locator(field).click()
    page.get_by_role("option", name=option, exact=True).click()


def _coloured(page: Page, path: str) -> list[dict[str, Any]]:
    """The points of each data set as they are drawn once they are coloured by a column; with `rows` and `colours`."""
    for element in (".map-body", "#map-graph .js-plotly-plot"):
        page.wait_for_selector(f'{element}[data-colour^="{path}"]')
    return [
        points | {"rows": rows_of(points["runs"]), "colours": colours_of(points)}
        for points in frame(page)["points"]
    ]


def _bytes(colour: str) -> list[int]:
    return [int(colour[k : k + 2], 16) for k in (1, 3, 5)]


def _values(api: httpx.Client, path: str) -> np.ndarray:
    return np.load(io.BytesIO(api.get(path).content), allow_pickle=False)


def test_numbers_lie_on_a_scale_with_its_unit(page: Page, api: httpx.Client) -> None:
    open_map(page)
    _choose(page, "#map-colour", "Reconstruction PSNR")
    traces = _coloured(page, "/columns/psnr")
    column = next(item for item in api.get("/v1/columns").json()["items"] if item["name"] == "psnr")
    low, high = column["robust_limits"]
    values = _values(api, "/v1/columns/psnr")
    assert len(traces) == len(api.get("/v1/datasets").json()["items"])
    for trace in traces:
        rows = trace["rows"]
        path = api.get("/v1/samples", params={"dataset": trace["dataset"], "limit": 200}).json()["items"]
        np.testing.assert_allclose(values[rows][: len(path)], [item["psnr"] for item in path], rtol=1e-6)
        expected = np.clip((values[rows] - low) / (high - low), 0, 1)
        expect_on_scale(trace, expected)
    legend = page.locator("#map-colours")
    for text in ("Reconstruction PSNR", "dB", f"≤ {low:.3g}", f"≥ {high:.3g}"):
        expect(legend).to_contain_text(text)
    page.wait_for_function("() => location.search.includes('colour=psnr')")
    _choose(page, "#map-colour", "Data set")
    names = [item["name"] for item in api.get("/v1/datasets").json()["items"]]
    for trace in _coloured(page, "dataset"):
        colour = _bytes(mark(names.index(trace["dataset"])).colour)
        assert (trace["colours"] == [*colour, 255]).all()
    expect(legend).to_be_hidden()


def test_a_link_colours_by_label(page: Page, api: httpx.Client) -> None:
    open_map(page, "/?colour=label")
    traces = _coloured(page, "/columns/label")
    column = next(item for item in api.get("/v1/columns").json()["items"] if item["name"] == "label")
    values = _values(api, "/v1/columns/label")
    names = [item["name"] for item in api.get("/v1/datasets").json()["items"]]
    labels = sorted((names.index(v["dataset"]), v["label"]) for v in column["values"])
    colours = dict(zip(labels, cycle(OKABE_ITO), strict=False))
    for trace in traces:
        place = names.index(trace["dataset"])
        assert trace["colours"].tolist() == [
            [*_bytes(colours[place, column["values"][number]["label"]]), 255]
            for number in values[trace["rows"]]
        ]
        part = page.locator(f'#map-colours [data-colours-of="{trace["dataset"]}"]')
        for value in column["values"]:
            if value["dataset"] == trace["dataset"]:
                expect(part).to_contain_text(f"{value['count']:,}")
    # The legend has only what is on the map.
    name = traces[0]["dataset"]
    page.get_by_role("button", name=f"Show only {name}", exact=True).click()
    expect(page.locator("#map-colours [data-colours-of]:visible")).to_have_count(1)


def test_the_images_that_contain_a_code_are_marked(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    code = api.get(f"/v1/samples/{name}/test/0").json()["codes"][0][0]
    open_map(page, f"/?code={code}")
    present = _values(api, f"/v1/codebook/{code}/presence")
    for trace in _coloured(page, f"/presence/{code}"):
        marked = trace["colours"][:, 3] == 255  # the others are grey, and seen through
        np.testing.assert_array_equal(marked, present[trace["rows"]] == 1)
        assert (trace["colours"][marked, :3] == _bytes(OKABE_ITO[1])).all()
    expect(page.locator("#map-code")).to_have_value(str(code))
    other = code + 1
    page.locator("#map-code").fill(str(other))
    _coloured(page, f"/presence/{other}")
    page.wait_for_function(f"() => location.search.includes('code={other}')")


def test_ellipses_of_labels_and_splits(page: Page, api: httpx.Client) -> None:
    open_map(page, "/?group=label")
    for group, option in (("label", None), ("split", "Split")):
        if option:
            _choose(page, "#map-group", option)
        fitted = api.get("/v1/maps/pca/ellipses", params={"group_by": group}).json()["items"]
        drawn = {e["group"]: e for e in fitted if e["outline"]}
        page.wait_for_function(f"(n) => ({SHAPES})().length === n", arg=len(drawn))
        wait_drawn(page)
        assert all(not line["x"] for line in frame(page)["lines"])  # in place of those of the data sets
        for shape in page.evaluate(SHAPES):
            outline = drawn[shape["name"].removeprefix("group ")]["outline"]
            first = shape["path"][1:].split("L")[0].split(",")
            assert [float(value) for value in first] == pytest.approx(outline[0], rel=1e-5)
        for ellipse in fitted:
            row = page.locator(f'#map-groups [data-group="{ellipse["group"]}"]')
            expect(row).to_contain_text(f"{ellipse['n']:,}")
            if ellipse["outline"]:
                expect(row).to_contain_text(f"{100 * ellipse['observed_coverage']:.1f} %")
            expect(row.locator(".warning")).to_have_count(1 if ellipse["warnings"] else 0)
    # Of the data sets that are on alone.
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    page.get_by_role("button", name=f"Show only {name}", exact=True).click()
    for ellipse in api.get("/v1/maps/pca/ellipses", params={"group_by": "split", "dataset": name}).json()[
        "items"
    ]:
        expect(page.locator(f'#map-groups [data-group="{ellipse["group"]}"]')).to_contain_text(
            f"{ellipse['n']:,}"
        )
    _choose(page, "#map-group", "Data set")
    page.wait_for_function(f"() => ({SHAPES})().length === 0")
    (line,) = frame(page)["lines"]
    fitted = {e["group"]: e for e in api.get("/v1/maps/pca/ellipses").json()["items"]}
    assert line["dataset"] == name
    assert line["x"] == pytest.approx([x for x, _ in fitted[name]["outline"]], rel=1e-5)


def test_a_cell_knows_its_code_and_the_second(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    path = f"{name}/train/1"
    open_map(page, f"/?point={path}")
    cells = api.get(f"/v1/samples/{path}/cells").json()["items"]
    body = page.locator(f'.inspector-body[data-point="{path}"]')
    # By keyboard: one stop, then arrows.
    body.locator(".codes button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    _expect_cell(page, next(cell for cell in cells if (cell["row"], cell["column"]) == (1, 1)))
    # By mouse, on the image.
    page.get_by_role("button", name="Code grid over the image").click()
    body.locator('.codes-over [data-cell="2,3"]').click()
    cell = next(cell for cell in cells if (cell["row"], cell["column"]) == (2, 3))
    _expect_cell(page, cell)
    page.get_by_role("button", name=f"Mark images with code {cell['code']}").click()
    _coloured(page, f"/presence/{cell['code']}")
    page.wait_for_function(f"() => location.search.includes('code={cell['code']}')")


def _expect_cell(page: Page, cell: dict[str, Any]) -> None:
    details = page.locator(".cell")
    expect(details.get_by_role("link", name=f"Code {cell['code']}", exact=True)).to_have_attribute(
        "href", f"/codebook?code={cell['code']}"
    )
    expect(details).to_contain_text(f"row {cell['row'] + 1}, column {cell['column'] + 1}")
    expect(details.locator('[data-figure="distance"]')).to_have_text(f"{cell['distance']:.4f}")
    expect(details.locator('[data-figure="second"]')).to_have_text(str(cell["second"]))
    expect(details.locator('[data-figure="margin"]')).to_have_text(f"{cell['margin']:.4f}")


def test_neighbours_and_how_unusual_an_image_is(page: Page, api: httpx.Client) -> None:
    name = api.get("/v1/datasets").json()["items"][0]["name"]
    open_map(page, f"/?point={name}/test/1")
    found = api.get(f"/v1/neighbours/{name}/test/1", params={"k": 8}).json()
    near = page.locator("#map-neighbours")
    pictures = near.locator(".thumbnail")
    expect(pictures).to_have_count(8)
    paths = ["{dataset}/{split}/{position}".format(**item) for item in found["items"]]
    assert [picture.get_attribute("data-inspect") for picture in pictures.all()] == paths
    for picture, path in zip(pictures.locator("img").all(), paths, strict=True):
        kind, content = (picture.get_attribute("src") or "").split(",")
        assert kind == "data:image/png;base64"
        assert b64decode(content) == api.get(f"/v1/samples/{path}/image").content
        assert picture.evaluate("(img) => img.complete && img.naturalWidth > 0")
    expect(near.locator(".neighbour-distance").first).to_have_text(f"{found['items'][0]['distance']:.3f}")
    for key, words in (("same_label", "the same label"), ("same_dataset", "the same data set")):
        shared = found[key]
        expect(near).to_contain_text(
            f"{shared['count']} of 8 have {words} ({100 * shared['share']:.1f} %; "
            f"by chance {100 * shared['expected']:.1f} %)"
        )
    words = api.get(f"/v1/samples/{name}/test/1/outlier").json()["overall"]["words"]
    expect(page.locator("#map-standing")).to_contain_text(words[1:])
    pictures.nth(1).click()
    expect(page.locator(f'.inspector-body[data-point="{paths[1]}"]')).to_be_visible()
    expect(pictures.first).not_to_have_attribute("data-inspect", paths[0])
