"""Selecting on the map in a real browser: what the panel says is what the service says of the same polygon."""

import csv
import io
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from dashboard.palette import mark
from tests.browser.map_places import half_of, hues, images_of, link_to, names_of, open_map, wait_drawn

pytestmark = pytest.mark.browser

# The middle of the plot, in the window: what a mouse drags over.
PLOT = """() => {
  const gd = document.querySelector('#map-graph .js-plotly-plot');
  const box = gd.getBoundingClientRect();
  const { _size: size } = gd._fullLayout;
  return { x: box.left + size.l, y: box.top + size.t, width: size.w, height: size.h };
}"""
OUTLINES = """() => (document.querySelector('#map-graph .js-plotly-plot').layout.shapes || [])
  .filter((shape) => shape.name === 'selection').map((shape) => shape.path)"""


def _polygon(page: Page) -> list[list[float]]:
    """As the address has it."""
    page.wait_for_function("() => location.search.includes('sel=')")
    values = [float(part) for part in parse_qs(urlsplit(page.url).query)["sel"][0].split(",")]
    return [list(pair) for pair in zip(values[::2], values[1::2], strict=True)]


def _ask(api: httpx.Client, polygon: list[list[float]], **more: Any) -> dict[str, Any]:
    answer = api.post(
        "/v1/selections", json={"polygon": polygon, "datasets": names_of(api), "codes": 20, **more}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def _expect_composition(page: Page, found: dict[str, Any]) -> None:
    share = f"{100 * found['n'] / found['total']:.1f} %"
    expect(page.locator("#selection-count")).to_have_text(f"{found['n']:,} of {found['total']:,} ({share})")
    for part in found["datasets"]:
        row = page.locator(f'#selection-composition [data-part="{part["dataset"]}"]')
        expect(row).to_contain_text(f"{part['count']:,}")
        expect(row).to_contain_text(f"{100 * part['share']:.1f} %")
        low, high = (100 * limit for limit in part["interval"])
        expect(row).to_contain_text(f"{low:.1f}–{high:.1f}")
        expect(row).to_contain_text(f"{100 * part['share_of_whole']:.1f} %")
    for part in found["labels"][:5]:
        row = page.locator(f'#selection-composition [data-part="{part["label_name"]} ({part["dataset"]})"]')
        expect(row).to_contain_text(f"{part['count']:,}")


def _choose(page: Page, tool: str) -> None:
    button = page.get_by_role("button", name=tool)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def test_a_box_and_a_lasso_select_what_the_service_selects(page: Page, api: httpx.Client) -> None:
    open_map(page)
    plot = page.evaluate(PLOT)
    _choose(page, "Select a box")
    page.mouse.move(plot["x"] + 0.2 * plot["width"], plot["y"] + 0.15 * plot["height"])
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.75 * plot["width"], plot["y"] + 0.9 * plot["height"], steps=4)
    page.mouse.up()
    box = _polygon(page)
    assert len(box) == 4
    found = _ask(api, box)
    assert 0 < found["n"] < found["total"]
    _expect_composition(page, found)
    expect(page.get_by_role("button", name="Move the map")).to_have_attribute("aria-pressed", "true")

    _choose(page, "Select by drawing round images")
    plot = page.evaluate(PLOT)
    corners = [(0.3, 0.2), (0.5, 0.3), (0.55, 0.5), (0.5, 0.8), (0.3, 0.7)]
    places = [(plot["x"] + a * plot["width"], plot["y"] + b * plot["height"]) for a, b in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()
    page.wait_for_function(
        "(before) => !location.search.includes(before)", arg=link_to(box).removeprefix("sel=")
    )
    lasso = _polygon(page)
    assert 5 <= len(lasso) <= 60  # straight edges need no vertices in between
    found = _ask(api, lasso)
    assert 0 < found["n"] < found["total"]
    _expect_composition(page, found)
    # The shape on the map is the polygon that was asked about, not the one that the mouse drew.
    (path,) = page.evaluate(OUTLINES)
    assert [list(map(float, pair.split(","))) for pair in path[1:-1].split("L")] == lasso

    page.reload()
    wait_drawn(page)
    _expect_composition(page, found)
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator("#map-selection")).to_be_hidden()
    page.wait_for_function("() => !location.search.includes('sel=')")
    assert page.evaluate(OUTLINES) == []


def test_without_a_mouse_what_is_in_view_is_selected(page: Page, api: httpx.Client) -> None:
    open_map(page)
    button = page.get_by_role("button", name="Select what is in view")
    button.focus()
    page.keyboard.press("Enter")
    found = _ask(api, _polygon(page))
    assert found["n"] > 0.9 * found["total"]
    _expect_composition(page, found)
    # Data sets that are switched off are no part of it.
    name = names_of(api)[0]
    page.get_by_role("button", name=f"Show only {name}", exact=True).click()
    _expect_composition(page, _ask(api, _polygon(page), datasets=[name]))


def test_codes_and_pictures_of_the_selection(page: Page, api: httpx.Client) -> None:
    polygon = half_of(api)
    found = _ask(api, polygon, limit=36)
    open_map(page, f"/?{link_to(polygon)}")
    page.locator("#map-tab").get_by_text("Codes", exact=True).click()
    table = page.get_by_role("table", name="Figures of the selection")
    expect(table.locator('[data-figure="psnr"]')).to_contain_text(
        f"{found['figures']['psnr']['mean']:.2f} dB"
    )
    expect(table.locator('[data-figure="psnr"]')).to_contain_text(
        f"{found['figures_of_whole']['psnr']['mean']:.2f} dB"
    )
    assert found["codes"]
    rows = page.locator("#selection-codes [data-code]")
    assert [int(row.get_attribute("data-code") or -1) for row in rows.all()] == [
        one["code"] for one in found["codes"]
    ]
    first = found["codes"][0]
    expect(rows.first).to_contain_text(f"{100 * first['share']:.1f} %")
    expect(rows.first.get_by_role("link")).to_have_attribute("href", f"/codebook?code={first['code']}")

    page.locator("#map-tab").get_by_text("Images", exact=True).click()
    pictures = page.locator("#selection-images .thumbnail")
    expect(pictures).to_have_count(len(found["items"]))
    path = "{dataset}/{split}/{position}".format(**found["items"][3])
    expect(pictures.nth(3)).to_have_attribute("data-inspect", path)
    shown = page.request.get(pictures.nth(3).locator("img").get_attribute("src") or "")
    assert shown.body() == api.get(f"/v1/samples/{path}/image").content
    pages = -(-found["n"] // 36)
    expect(page.locator("#selection-place")).to_have_text(f"Page 1 of {pages}")
    pictures.nth(3).click()
    expect(page.locator(f'.inspector-body[data-point="{path}"]')).to_be_visible()


def test_a_link_keeps_the_tab(page: Page, api: httpx.Client) -> None:
    polygon = half_of(api)
    open_map(page, f"/?{link_to(polygon)}")
    bare = page.url
    panels = {"Codes": "#selection-codes", "Images": "#selection-pages", "Table": "#selection-table"}
    for tab, panel in panels.items():
        page.locator("#map-tab").get_by_text(tab, exact=True).click()
        page.wait_for_function("(tab) => location.search.endsWith(`&tab=${tab}`)", arg=tab.lower())
        fresh = page.context.new_page()
        fresh.goto(page.url)
        expect(fresh.locator(panel)).to_be_visible()
        expect(fresh.locator("#selection-composition")).to_be_hidden()
        expect(fresh.locator("#map-tab input:checked")).to_have_value(tab.lower())
        assert fresh.url == page.url
        if tab == "Table":
            expect(fresh.locator("#selection-table .ag-row").first).to_be_visible()
        fresh.close()
    # Back and forward.
    page.evaluate(
        """(link) => { history.pushState(null, '', link); window.dispatchEvent(new PopStateEvent('popstate')); }""",
        f"/?{link_to(polygon)}&tab=codes",
    )
    expect(page.locator("#selection-codes")).to_be_visible()
    link = page.get_by_role("link", name="Map", exact=True)  # the page has followed once this has the address
    expect(link).to_have_attribute("href", re.compile("&tab=codes$"))
    page.go_back()
    expect(page.locator("#selection-table")).to_be_visible()
    expect(link).to_have_attribute("href", re.compile("&tab=table$"))
    page.go_forward()
    expect(page.locator("#selection-codes")).to_be_visible()
    page.locator("#map-tab").get_by_text("Composition", exact=True).click()
    page.wait_for_url(bare)
    # Without a selection there is no tab in the address.
    page.locator("#map-tab").get_by_text("Codes", exact=True).click()
    page.wait_for_function("() => location.search.includes('tab=')")
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_function("() => !location.search.includes('tab=')")


def test_the_table_is_sorted_and_filtered_by_the_service(page: Page, api: httpx.Client) -> None:
    polygon = half_of(api)
    sizes: list[int] = []
    page.on("response", lambda r: sizes.append(len(r.body())) if "_dash-update" in r.url else None)
    open_map(page, f"/?{link_to(polygon)}")
    page.locator("#map-tab").get_by_text("Table", exact=True).click()
    header = page.locator("#selection-table .ag-header-cell[col-id=psnr] .ag-header-cell-label")
    header.click()
    body = {"polygon": polygon, "sort": "psnr", "order": "asc", "limit": 5}
    expected = api.post("/v1/selections/rows", json=body).json()
    shown = "#selection-table .ag-row[row-index='{}'] [col-id={}]"
    for i, item in enumerate(expected["items"]):
        expect(page.locator(shown.format(i, "psnr"))).to_have_text(f"{item['psnr']:.2f}")
        expect(page.locator(shown.format(i, "label_name"))).to_have_text(item["label_name"])
    page.locator(shown.format(2, "split")).click()
    path = "{dataset}/{split}/{position}".format(**expected["items"][2])
    expect(page.locator(f'.inspector-body[data-point="{path}"]')).to_be_visible()
    name = expected["items"][0]["dataset"]
    page.locator("#selection-table .ag-header-cell[col-id=dataset] .ag-header-cell-filter-button").click()
    page.locator(".ag-filter input[type=text]").first.fill(name)
    page.locator(".ag-filter").get_by_text("Apply").click()
    where = [{"column": "dataset", "contains": name}]
    total = api.post("/v1/selections/rows", json=body | {"where": where}).json()["total"]
    page.wait_for_function(
        "(total) => Number(document.querySelector('#selection-table [aria-rowcount]').getAttribute('aria-rowcount')) "
        "=== total + 1",
        arg=total,
    )
    assert max(sizes) < 100_000  # no callback brings the points, nor the table's rows all at once


def test_a_link_keeps_the_order_of_the_table(page: Page, api: httpx.Client) -> None:
    polygon = half_of(api)
    open_map(page, f"/?{link_to(polygon)}&tab=table")
    header = page.locator("#selection-table .ag-header-cell[col-id=psnr] .ag-header-cell-label")
    first = page.locator("#selection-table .ag-row[row-index='0'] [col-id=psnr]")
    for order, address in (("asc", "psnr"), ("desc", "-psnr")):
        body = {"polygon": polygon, "sort": "psnr", "order": order, "limit": 1}
        best = api.post("/v1/selections/rows", json=body).json()["items"][0]["psnr"]
        header.click()
        expect(first).to_have_text(f"{best:.2f}")
        page.wait_for_url(re.compile(f"order={address}(&|$)"))
    page.reload()
    expect(first).to_have_text(f"{best:.2f}")
    # Files have the table's order too.
    link = page.locator('#map-selection a[href*="/exports/csv"]')
    expect(link).to_have_attribute("href", re.compile("order=-psnr"))
    names, *rows = csv.reader(page.request.get(link.get_attribute("href") or "").text().splitlines())
    found = [float(row[names.index("psnr")]) for row in rows]
    assert len(found) > 2
    assert found == sorted(found, reverse=True)
    header.click()  # the third time: as they are in the index
    page.wait_for_function("() => !location.search.includes('order=')")


def test_a_filter_of_the_table_narrows_the_selection(page: Page, api: httpx.Client) -> None:
    """On the map, in figures, in the files, and in the link."""
    polygon = half_of(api)
    open_map(page, f"/?{link_to(polygon)}")
    page.locator("#map-tab").get_by_text("Table", exact=True).click()
    limit = api.post("/v1/selections", json={"polygon": polygon}).json()["figures"]["psnr"]["quartiles"][0]
    page.locator("#selection-table .ag-header-cell[col-id=psnr] .ag-header-cell-filter-button").click()
    page.locator(".ag-filter select, .ag-filter .ag-select").first.click()
    page.get_by_role("option", name="Less than or equal to").click()
    page.locator(".ag-filter input[type=number]").first.fill(f"{limit:.2f}")
    page.locator(".ag-filter").get_by_text("Apply").click()
    where = [{"column": "psnr", "max": float(f"{limit:.2f}")}]
    found = api.post("/v1/selections", json={"polygon": polygon, "where": where}).json()
    count = page.locator("#selection-count")
    expect(count).to_contain_text(f"{found['n']:,} of {found['total']:,}")
    expect(count).to_contain_text("PSNR")
    _expect_marked(page, api, polygon, where)
    page.wait_for_function("() => location.search.includes('where=psnr')")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as caught:
        page.get_by_role("link", name="Table (CSV)").click()
    with caught.value.path().open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == found["n"]

    page.reload()
    expect(count).to_contain_text(f"{found['n']:,} of")
    _expect_marked(page, api, polygon, where)
    page.locator("#map-tab").get_by_text("Table", exact=True).click()
    rows = "() => Number(document.querySelector('#selection-table [aria-rowcount]')?.getAttribute('aria-rowcount'))"
    page.wait_for_function(f"(n) => ({rows})() === n + 1", arg=found["n"])
    page.locator("#selection-table .ag-header-cell[col-id=psnr] .ag-header-cell-filter-button").click()
    page.locator(".ag-filter").get_by_text("Reset").click()
    whole = api.post("/v1/selections", json={"polygon": polygon}).json()["n"]
    expect(count).to_contain_text(f"{whole:,} of")
    page.wait_for_function("() => !location.search.includes('where=')")
    page.wait_for_function("() => window.vqscopeMap.maskFor(window.vqscopeMap.graphs()[0]) === null")


def _expect_marked(page: Page, api: httpx.Client, polygon: list, where: list) -> None:
    """The map shows the images that are selected, the others faintly."""
    answer = api.post("/v1/selections/mask", json={"polygon": polygon, "where": where})
    expected = np.load(io.BytesIO(answer.content)).tolist()
    page.wait_for_function(
        "(wanted) => { const mask = window.vqscopeMap.frameOf(window.vqscopeMap.graphs()[0])?.mask;"
        " return mask && mask.length === wanted.length && mask.every((one, i) => one === wanted[i]); }",
        arg=expected,
    )


def _save(page: Page, item: str, file: str) -> bytes:
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as caught:
        page.get_by_role("button", name=item, exact=True).click()
    assert caught.value.suggested_filename == file
    return caught.value.path().read_bytes()


def test_the_map_is_saved_as_a_picture(page: Page, api: httpx.Client) -> None:
    open_map(page)
    names = names_of(api)
    own = {name: mark(i).colour for i, name in enumerate(names)}
    box = page.locator("#map-graph .js-plotly-plot").bounding_box()
    assert box is not None
    # As it is seen: the points of each data set on the ground of the page, three times as large.
    content = _save(page, "Map, PNG", "latent-map.png")
    assert content.startswith(b"\x89PNG")
    png = Image.open(io.BytesIO(content))
    assert png.size == (round(3 * box["width"]), round(3 * box["height"]))
    seen = hues(png, ground=(255, 255, 255))
    assert all(seen[colour] > 300 for colour in own.values())
    # In an SVG they are a picture on its axes, with shapes for the rest; a legend names the data sets.
    content = _save(page, "Map, SVG", "latent-map.svg")
    assert content.startswith(b"<svg")
    (picture,) = images_of(content.decode())
    assert all(hues(picture)[colour] > 300 for colour in own.values())
    assert all(f">{name}<" in content.decode() for name in names)


def test_a_saved_picture_has_what_is_on(page: Page, api: httpx.Client) -> None:
    open_map(page)
    name = names_of(api)[1]
    page.get_by_role("button", name=f"Show only {name}", exact=True).click()
    wait_drawn(page, names={name})
    svg = _save(page, "Map, SVG", "latent-map.svg").decode()
    (picture,) = images_of(svg)
    assert {colour for colour, n in hues(picture).items() if n > 30} == {mark(1).colour}
    assert [other for other in names_of(api) if f">{other}<" in svg] == [name]


def test_what_was_in_view_stays_in_view_when_the_panel_opens(page: Page, api: httpx.Client) -> None:
    ranges = """() => { const { xaxis, yaxis } = document.querySelector('#map-graph .js-plotly-plot')._fullLayout;
      return [xaxis.range.slice(), yaxis.range.slice()]; }"""
    open_map(page)
    height = "() => document.querySelector('#map-graph .js-plotly-plot')._fullLayout.height"
    before, tall = page.evaluate(ranges), page.evaluate(height)
    page.get_by_role("button", name="Select what is in view").click()
    expect(page.locator("#selection-count")).to_contain_text(" of ")
    page.wait_for_function(f"(tall) => ({height})() < tall", arg=tall)
    columns = api.get("/v1/maps/pca/points").json()["columns"]
    for (low, high), (least, most), values in zip(
        page.evaluate(ranges), before, (columns["x"], columns["y"]), strict=True
    ):
        assert low <= max(least, min(values))
        assert high >= min(most, max(values))
