"""Switching labels on the map in a real browser."""

import re

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.pages.map_regions import HIDDEN_COUNT
from tests.browser.map_places import (
    PLACES,
    half_of,
    link_to,
    lonely,
    open_map,
    wait_drawn,
)
from tests.browser.map_saving import MAP, PANELS, panels_of, saved_svg, texts_of

pytestmark = pytest.mark.browser
SET = "sample_mr"


def _labels(page: Page) -> list[int]:
    """Labels of the points of the set that have a place on the map."""
    places = page.evaluate(PLACES, "#map-graph")
    return [
        one["label"]
        for one in places
        if one["dataset"] == SET and one["x"] is not None and one["x"] == one["x"]
    ]


def _wait_labels(page: Page, labels: set[int]) -> list[int]:
    page.wait_for_function(
        f"""([set, labels]) => {{
          const shown = ({PLACES})('#map-graph').filter((p) => p.dataset === set && !Number.isNaN(p.x));
          const has = new Set(shown.map((p) => p.label));
          return has.size === labels.length && labels.every((label) => has.has(label));
        }}""",
        arg=[SET, sorted(labels)],
    )
    return _labels(page)


def _open(page: Page) -> None:
    page.locator(f'.legend-row[data-dataset="{SET}"] .text-button').click()
    expect(page.get_by_role("dialog", name=f"Labels of {SET}")).to_be_visible()


@pytest.fixture
def names(api: httpx.Client) -> dict[int, str]:
    items = {item["name"]: item["labels"] for item in api.get("/v1/datasets").json()["items"]}
    return {int(value): name for value, name in items[SET].items()}


def test_labels_are_switched_one_at_a_time_or_all_and_a_link_keeps_them(
    page: Page, names: dict[int, str]
) -> None:
    open_map(page)
    everyone = _wait_labels(page, set(names))
    first, *others = names
    _open(page)
    page.get_by_role("checkbox", name=names[first], exact=True).uncheck()
    assert len(_wait_labels(page, set(others))) == sum(label != first for label in everyone)
    opener = page.locator(f'.legend-row[data-dataset="{SET}"] .text-button')
    expect(opener).to_have_text(f"{len(others)} of {len(names)} labels")
    page.wait_for_url(re.compile(rf"off={SET}(/|%2F){first}(&|$)"))
    page.get_by_role("button", name=f"None labels of {SET}").click()
    _wait_labels(page, set())
    page.get_by_role("checkbox", name=names[first], exact=True).check()
    _wait_labels(page, {first})
    page.wait_for_url(re.compile(rf"off={SET}(/|%2F){others[0]}(&|$)"))

    page.reload()
    wait_drawn(page)
    _wait_labels(page, {first})
    expect(opener).to_have_text(f"1 of {len(names)} labels")
    _open(page)
    page.get_by_role("button", name=f"All labels of {SET}").click()
    assert len(_wait_labels(page, set(names))) == len(everyone)
    page.wait_for_function("() => !location.search.includes('off=')")


def test_what_is_off_is_neither_met_nor_drawn(page: Page, names: dict[int, str]) -> None:
    open_map(page, f"/?on={SET}")
    spot = next(one for one in lonely(page, 40) if one["nearest"] > 14)
    page.mouse.move(spot["x"], spot["y"])
    page.wait_for_selector(f'#hover-card[data-point="{spot["name"]}"]', state="visible")
    page.mouse.move(2, 2)
    expect(page.locator("#hover-card")).to_be_hidden()
    place = {"x": spot["x"], "y": spot["y"], "width": 1, "height": 1}
    drawn = page.screenshot(clip=place)

    _open(page)
    page.get_by_role("checkbox", name=names[spot["label"]], exact=True).uncheck()
    _wait_labels(page, set(names) - {spot["label"]})
    page.keyboard.press("Escape")
    page.mouse.move(spot["x"], spot["y"])
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.locator("#hover-card")).to_be_hidden()
    page.mouse.move(2, 2)
    assert page.screenshot(clip=place) != drawn


def test_a_selection_leaves_out_what_is_off(page: Page, api: httpx.Client, names: dict[int, str]) -> None:
    polygon = half_of(api)
    off = next(iter(names))
    page.goto(f"/?{link_to(polygon)}&off={SET}/{off}")
    found = api.post(
        "/v1/selections", json={"polygon": polygon, "without": [{"dataset": SET, "labels": [off]}]}
    ).json()
    everyone = api.post("/v1/selections", json={"polygon": polygon}).json()
    assert found["n"] < everyone["n"]
    expect(page.locator("#selection-count")).to_contain_text(f"{found['n']:,} of {found['total']:,}")
    link = page.locator('#map-selection a[href*="/exports/csv"]')
    rows = page.request.get(link.get_attribute("href")).text().splitlines()
    assert len(rows) - 1 == found["n"]


def test_the_ellipse_of_a_label_that_is_off_is_gone(page: Page, names: dict[int, str]) -> None:
    open_map(page, "/?group=label")
    rows = [page.locator(f'#map-groups [data-group="{SET} / {name}"]') for name in names.values()]
    for row in rows:
        expect(row).to_have_count(1)
    _open(page)
    page.get_by_role("checkbox", name=next(iter(names.values())), exact=True).uncheck()
    expect(rows[0]).to_have_count(0)
    expect(rows[1]).to_have_count(1)


def test_numbers_of_a_saved_panel_are_of_what_is_shown(page: Page, names: dict[int, str]) -> None:
    open_map(page)
    labels = np.array(_wait_labels(page, set(names)))
    off = next(iter(names))
    _open(page)
    page.get_by_role("checkbox", name=names[off], exact=True).uncheck()
    shown = len(_wait_labels(page, set(names) - {off}))
    assert shown == int((labels != off).sum())
    page.keyboard.press("Escape")
    titles = [" ".join(text.split()) for *_, text in panels_of(saved_svg(page, PANELS))]
    assert any(title.endswith(f" {SET} (n = {shown:,})") for title in titles)


def test_an_image_whose_label_is_off_has_no_ring(
    page: Page, api: httpx.Client, names: dict[int, str]
) -> None:
    label = api.get(f"/v1/samples/{SET}/test/0").json()["label"]
    open_map(page, f"/?point={SET}/test/0")
    ring = page.locator("#map-graph .map-ring")
    expect(ring).to_be_visible()
    _open(page)
    box = page.get_by_role("checkbox", name=names[label], exact=True)
    box.uncheck()
    expect(ring).to_be_hidden()
    box.check()
    expect(ring).to_be_visible()


def test_it_is_said_that_ellipses_are_of_labels_that_are_off_too(page: Page, names: dict[int, str]) -> None:
    open_map(page)
    note = page.locator("#map-groups .note")
    expect(note).to_have_count(0)
    _open(page)
    box = page.get_by_role("checkbox", name=next(iter(names.values())), exact=True)
    box.uncheck()
    expect(note).to_have_text(HIDDEN_COUNT)
    page.keyboard.press("Escape")
    assert HIDDEN_COUNT in " ".join(texts_of(saved_svg(page, MAP)))
    _open(page)
    box.check()
    expect(note).to_have_count(0)
