"""What the canvas of a map of the plane shows, and which image the mouse meets on it, in a real browser."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Route, expect

from dashboard.palette import SYMBOLS, mark
from tests.browser.map_places import PLACES, frame, lonely, names_of, open_map, pixels, wait_drawn

pytestmark = pytest.mark.browser

GRAPH = "#map-graph .js-plotly-plot"
REACH = 5.5  # pixels from a point that no other's marker covers
CLICKS = 200

# How much of each pixel a marker covers, from 0 to 255, in an SVG of Plotly's and here.
SHAPES = """async ([symbol, size]) => {
  const side = 2 * size, div = document.body.appendChild(document.createElement('div'));
  const marker = { symbol, size, opacity: 1, line: { width: 0 } };
  const range = [-size, size], margin = { l: 0, r: 0, t: 0, b: 0 };
  const layout = { width: side, height: side, margin, xaxis: { range }, yaxis: { range } };
  await window.Plotly.newPlot(div, [{ type: 'scatter', mode: 'markers', x: [0], y: [0], marker }], layout);
  const path = div.querySelector('.points path');
  const [x, y] = /translate\\(([-\\d.]+),([-\\d.]+)\\)/.exec(path.getAttribute('transform')).slice(1).map(Number);
  const context = Object.assign(document.createElement('canvas'), { width: side, height: side }).getContext('2d');
  context.translate(x, y);
  context.fill(new Path2D(path.getAttribute('d')));
  const raster = new window.vqscopeRaster.Raster(side, side);
  const look = { shape: symbol, size, opacity: 1, colours: Uint8Array.of(0, 0, 0, 255), colourOf: null };
  const view = { left: -x, top: y, perX: 1, perY: 1 };
  raster.scatter(Float32Array.of(0), Float32Array.of(0), [[0, 1]], view, look);
  window.Plotly.purge(div);
  div.remove();
  return [context.getImageData(0, 0, side, side), raster.image()].map(({ data }) =>
    Array.from({ length: side * side }, (_, k) => data[4 * k + 3]));
}"""

# The bytes of pictures of 8 × 8 pixels after points were put on them: all of one, then one of two.
STAMPED = """([x, y, chosen]) => {
  const raster = new window.vqscopeRaster.Raster(8, 8);
  const colours = Uint8Array.of(200, 100, 0, 255, 0, 100, 200, 255), runs = [[0, 1], [2, x.length]];
  const look = { shape: 'square', size: 4, opacity: 0.5, colours, colourOf: Uint16Array.from(x, (_, k) => k % 2) };
  const numbers = (values) => Float32Array.from(values, (value) => (value === null ? NaN : value));
  const view = { left: 0, top: 8, perX: 1, perY: 1 };
  raster.scatter(numbers(x), numbers(y), runs, view, look, chosen && Uint8Array.from(chosen), 1);
  return Array.from(raster.image().data);
}"""

# Which part of the map is seen, and where in the window.
VIEW = f"""() => {{
  const gd = document.querySelector('{GRAPH}'), box = gd.getBoundingClientRect();
  const view = window.vqscopeMap.viewOf(gd);
  return {{ ...view, x: box.left + view.x, y: box.top + view.y }};
}}"""

# Where an image is in the window now.
PLACE = f"""(name) => {{
  const {{ x, y }} = ({PLACES})('#map-graph').find((point) => point.name === name);
  return [x, y];
}}"""

# Whether no frame of the last twenty has seen another view of the map.
STEADY = f"""() => {{
  const view = JSON.stringify(({VIEW})());
  window.steadyFor = view === window.steadyView ? window.steadyFor + 1 : 0;
  window.steadyView = view;
  return window.steadyFor > 20;
}}"""

# The bytes that the browser has of the picture in the inspector.
PICTURE = """async (img) => {
  const answer = await fetch(img.currentSrc, { cache: 'force-cache' });
  return Array.from(new Uint8Array(await answer.arrayBuffer()));
}"""


def _only(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Show only {name}", exact=True).click()
    wait_drawn(page, names={name})


def _bytes(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)], np.float64)


def _outlines(page: Page, names: Sequence[str]) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Colour and outline in the window of each ellipse that is drawn, in this order."""
    view = page.evaluate(VIEW)
    found = []
    for line in frame(page)["lines"]:
        x = view["x"] + (np.array(line["x"]) - view["left"]) * view["perX"]
        y = view["y"] + (view["top"] - np.array(line["y"])) * view["perY"]
        found.append((_bytes(mark(names.index(line["dataset"])).colour), np.stack([x, y], axis=-1)))
    return found


def _crosses(outline: NDArray[np.float64], place: NDArray[np.float64]) -> tuple[bool, float]:
    """Whether a place is inside an outline, and how far it is from it."""
    start, end = outline, np.roll(outline, -1, axis=0)
    (ax, ay), (bx, by), (x, y) = start.T, end.T, place
    beside = (ay > y) != (by > y)
    right = x < ax + (bx - ax) * (y - ay) / np.where(by == ay, 1, by - ay)
    length = np.maximum(((end - start) ** 2).sum(axis=1), 1e-12)
    share = np.clip(((place - start) * (end - start)).sum(axis=1) / length, 0, 1)
    nearest = start + share[:, None] * (end - start)
    return bool((beside & right).sum() % 2), float(np.hypot(*(nearest - place).T).min())


def _expect_on_screen(
    page: Page, names: Sequence[str], points: Sequence[dict[str, Any]], within: int = 4
) -> int:
    """Points that stand alone have the colour of their data set on the screen; gives how many were looked at.

    It lies on the white ground, and the faint area of each ellipse that holds the point over it.
    """
    outlines = _outlines(page, names)
    seen = 0
    for point, pixel in zip(points, pixels(page, points), strict=True):
        expected = 0.7 * _bytes(mark(names.index(point["dataset"])).colour) + 0.3 * 255
        held = [_crosses(outline, np.array([point["x"], point["y"]])) for _, outline in outlines]
        if any(away < 4 for _, away in held):  # the line itself
            continue
        for (colour, _), (inside, _) in zip(outlines, held, strict=True):
            expected = 0.06 * colour + 0.94 * expected if inside else expected
        assert np.abs(pixel - expected).max() <= within, (point, pixel, expected)
        seen += 1
    return seen


def _without_grid(page: Page) -> None:
    """So that the pixels of a point are its own."""
    page.evaluate(
        "() => document.querySelectorAll('.gridlayer').forEach((grid) => (grid.style.display = 'none'))"
    )


def _alone(page: Page, n: int = 60) -> list[dict[str, Any]]:
    return [point for point in lonely(page, n) if point["nearest"] > REACH]


def _steady(page: Page) -> None:
    """Until the map has come to rest."""
    page.evaluate("() => { window.steadyFor = 0; }")
    page.wait_for_function(STEADY)


def _click(page: Page, name: str) -> None:
    """Click where the point of an image is now; the inspector shows that image."""
    place = page.evaluate(PLACE, name)
    page.mouse.move(*place)
    page.wait_for_selector(f'#hover-card[data-point="{name}"]', state="visible")
    page.mouse.click(*place)
    expect(page.locator(f'.inspector-body[data-point="{name}"]')).to_be_visible()


@pytest.fixture(scope="module")
def drawn(browser: Browser, dashboard_url: str):
    """A page with a map, on which nothing is changed."""
    page = browser.new_page()
    page.goto(dashboard_url)
    wait_drawn(page)
    yield page
    page.close()


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_markers_have_the_shapes_of_plotly(drawn: Page, symbol: str) -> None:
    theirs, ours = (np.array(covered) / 255 for covered in drawn.evaluate(SHAPES, [symbol, 40]))
    assert theirs.sum() > 500
    assert np.minimum(theirs, ours).sum() / np.maximum(theirs, ours).sum() > 0.95


def test_markers_lie_over_each_other_and_end_at_the_edges(drawn: Page) -> None:
    def stamped(*arguments: Any) -> NDArray[np.int64]:
        return np.array(drawn.evaluate(STAMPED, list(arguments)), np.int64).reshape(8, 8, 4)

    first = [200, 100, 0]
    second = [0, 100, 200]
    # Of the second image no marker is wanted; two others lie at the same place, then over the upper left corner.
    over = stamped([4, 4, 4], [4, 4, 4], None)
    both = (0.25 * np.array(first) + 0.5 * np.array(second)) / 0.75
    np.testing.assert_allclose(over[4, 4], [*both, 255 * 0.75], atol=2)
    assert (over[0] == 0).all()
    corner = stamped([20, 4, 0], [4, 4, 8], None)
    np.testing.assert_allclose(corner[0, 0], [*second, 255 * 0.5], atol=2)
    assert (corner[3:, :, 3] == 0).all()
    assert (corner[:, 3:, 3] == 0).all()
    np.testing.assert_allclose(stamped([4, 4, 4], [4, 4, 4], [1, 1, 0])[4, 4], [*first, 255 * 0.5], atol=2)
    # Nowhere, or far away, nothing is drawn.
    assert (stamped([None, 4, 1e30], [4, 4, -1e30], None) == 0).all()


@pytest.mark.parametrize("ratio", [1, 2])
def test_points_have_the_colour_of_their_data_set(
    browser: Browser, open_page: Callable[..., Page], watched, api: httpx.Client, ratio: int
) -> None:
    page = open_page(browser, device_scale_factor=ratio)
    open_map(page)
    _without_grid(page)
    names = names_of(api)
    assert _expect_on_screen(page, names, _alone(page)) > 10
    places = []
    for name in names:
        _only(page, name)
        points = [point for point in lonely(page, 20) if point["nearest"] > REACH]
        assert _expect_on_screen(page, names, points) > 0
        places += points
    # Off, nothing of them is left, neither to see nor for the mouse.
    page.get_by_role("button", name="None", exact=True).click()
    wait_drawn(page, names=())
    assert page.evaluate(
        """() => {
          const canvas = document.querySelector('#map-graph .map-cloud canvas');
          return canvas.toDataURL() === canvas.cloneNode().toDataURL();
        }"""
    )
    hint = page.locator("#map-none-on").bounding_box()
    assert hint is not None
    free = [p for p in places if not hint["y"] - 2 < p["y"] < hint["y"] + hint["height"] + 2]
    assert (pixels(page, free) == 255).all()
    page.mouse.move(free[0]["x"] + 1, free[0]["y"])
    page.mouse.click(free[0]["x"], free[0]["y"])
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.locator("#hover-card")).to_be_hidden()
    expect(page.get_by_text("No image selected")).to_be_visible()
    page.context.close()
    watched.check()


def test_what_is_off_cannot_be_met(page: Page, api: httpx.Client) -> None:
    open_map(page)
    names = names_of(api)
    _only(page, names[0])
    shown = np.array([(p["x"], p["y"]) for p in page.evaluate(PLACES, "#map-graph")])
    page.get_by_role("button", name="All", exact=True).click()
    wait_drawn(page, names=names)
    others = [point for point in lonely(page, 5000) if point["dataset"] != names[0]]
    point = next(p for p in others if np.hypot(*(shown - [p["x"], p["y"]]).T).min() > 14)
    _click(page, point["name"])
    page.get_by_role("button", name="Clear selection").click()
    _only(page, names[0])
    page.mouse.move(point["x"] + 1, point["y"])
    page.mouse.click(point["x"], point["y"])
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.locator("#hover-card")).to_be_hidden()
    expect(page.get_by_text("No image selected")).to_be_visible()


@pytest.mark.parametrize("slowed", [1, 6])
def test_points_stay_at_their_places_when_the_mouse_zooms_and_moves_the_map(
    page: Page, api: httpx.Client, slowed: int
) -> None:
    """On a machine that is slower by this factor the last frame moves with the mouse until it rests."""
    open_map(page)
    _without_grid(page)
    names = names_of(api)
    before = page.evaluate(VIEW)
    middle = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    page.mouse.move(*middle)
    for turn in range(1, 7):  # one at a time: a browser in a hurry makes one event of several
        page.mouse.wheel(0, -120)
        page.wait_for_function(
            f"(perX) => ({VIEW})().perX > perX", arg=0.99 * before["perX"] * np.exp(turn / 10)
        )
    _steady(page)
    assert page.evaluate(VIEW)["perX"] == pytest.approx(
        before["perX"] * np.exp(0.6), rel=0.01
    )  # none was undone
    page.mouse.move(2, 2)
    assert _expect_on_screen(page, names, _alone(page)) > 10

    moved = -90, 60
    still = {point["name"] for point in _alone(page, 200)}
    held = page.evaluate(VIEW)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + moved[0], middle[1] + moved[1], steps=6)
    page.wait_for_function(f"(left) => ({VIEW})().left > left", arg=held["left"])
    _steady(page)
    there = page.evaluate(VIEW)
    assert (there["left"] - held["left"]) * held["perX"] == pytest.approx(-moved[0], abs=1)
    assert (there["top"] - held["top"]) * held["perY"] == pytest.approx(moved[1], abs=1)
    if slowed > 1:
        assert page.evaluate("() => document.querySelector('#map-graph .map-cloud canvas').style.transform")
    points = [point for point in _alone(page, 200) if point["name"] in still]
    assert _expect_on_screen(page, names, points, within=30) > 10
    page.mouse.up()
    page.mouse.move(2, 2)
    _steady(page)
    assert _expect_on_screen(page, names, _alone(page)) > 10
    expect(page.get_by_text("No image selected")).to_be_visible()  # this was no click
    for point in _alone(page)[:4]:
        _click(page, point["name"])


def test_with_a_tool_the_mouse_meets_no_image(page: Page) -> None:
    open_map(page)
    (point,) = lonely(page)
    page.mouse.move(point["x"], point["y"])
    expect(page.locator("#hover-card")).to_be_visible()
    box = page.get_by_role("button", name="Select a box")
    box.click()
    expect(box).to_have_attribute("aria-pressed", "true")
    page.mouse.move(point["x"] + 1, point["y"])
    page.mouse.move(point["x"], point["y"])
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.locator("#hover-card")).to_be_hidden()


def test_the_right_picture_is_shown_every_time(page: Page, api: httpx.Client) -> None:
    dice = random.Random(0)
    open_map(page)
    names = names_of(api)
    on = set(names)
    seen: list[str] = []
    while len(seen) < CLICKS:
        alone = [point["name"] for point in lonely(page, 5000) if point["nearest"] > 1.5]
        for name in dice.sample(alone, min(10, len(alone), CLICKS - len(seen))):
            _click(page, name)
            img = page.locator(f'.inspector-body[data-point="{name}"] img[data-view="image"]')
            page.wait_for_function("(img) => img.complete && img.naturalWidth > 0", arg=img.element_handle())
            assert bytes(img.evaluate(PICTURE)) == api.get(f"/v1/samples/{name}/image").content
            seen.append(name)
        for name in dice.sample(names, dice.randint(1, 3)):
            page.get_by_role("switch", name=f"Show {name}", exact=True).click(force=True)
            on ^= {name}
        if not on:
            page.get_by_role("button", name="All", exact=True).click()
            on = set(names)
        wait_drawn(page, names=on)
        tool = dice.choice(["Zoom in", "Zoom out", "Fit the view to the data sets that are on"])
        page.get_by_role("button", name=tool, exact=True).click()
        _steady(page)
    assert len({name.split("/")[0] for name in seen}) == len(names)
    assert len(set(seen)) > 0.7 * CLICKS


@pytest.mark.parametrize("failure", ["no connection", "refused"])
def test_points_that_cannot_be_had_come_by_themselves(
    page: Page, api: httpx.Client, watched, failure: str
) -> None:
    watched.expected = ("Failed to load resource",)
    fails = True
    asked: list[float] = []

    def answer(route: Route) -> None:
        asked.append(time.monotonic())
        if not fails:
            route.continue_()
        elif failure == "refused":
            route.fulfill(status=503, json={"detail": "the service is away"})
        else:
            route.abort()

    page.route("**/points/**", answer)
    page.goto("/")
    note = page.locator("#map-graph .map-cloud-note")
    expect(note).to_contain_text("The points could not be fetched")
    expect(note).to_contain_text("the service is away" if failure == "refused" else "Trying again")
    expect(note).to_be_in_viewport(ratio=1)
    expect(page.locator(f"{GRAPH}[data-drawn]")).to_have_count(0)
    fails = False
    wait_drawn(page, names=names_of(api))
    expect(note).to_be_hidden()
    assert (np.diff(asked) > 2.5).all()  # seconds
    _click(page, lonely(page)[0]["name"])
