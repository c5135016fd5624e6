"""Maps of three dimensions, in a real browser over a service with three maps: every place is worked out here anew."""

import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.chromium import SWITCHES
from tests.browser.map_places import DRAWN, frame, lonely, names_of, pixels, wait_drawn

pytestmark = pytest.mark.browser

GRAPH = "#map-graph .js-plotly-plot"
START = (45.0, 25.0)
SPACE = f"""() => {{
  const map = window.vqscopeMap, gd = document.querySelector('{GRAPH}');
  const {{ x, y, near, order }} = map.cloudOf(gd);
  const ring = gd.querySelector('.map-ring');
  const columns = {{ x: Array.from(x), y: Array.from(y), near: Array.from(near), order: Array.from(order) }};
  const more = {{ camera: map.direction(gd), ring: ring && JSON.parse(ring.dataset.place) }};
  return {{ ...columns, ...more, box: gd.layout.meta.box }};
}}"""


@pytest.fixture(scope="module")
def asked(pair: tuple[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=pair[0], timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def at(page: Page, pair: tuple[str, str]):
    def opened(query: str) -> Page:
        page.goto(f"{pair[1]}/{query}")
        wait_drawn(page)
        return page

    return opened


def _laid(places: Any, box: Any, camera: Sequence[float]) -> NDArray[np.float64]:
    """(n, 3) places of the map as (n, 3): to the right, up and towards the reader, from the middle of the box.

    Turned about the third axis until the reader's azimuth is in front, then about the line to the right.
    """
    azimuth, elevation = np.radians(camera)
    about_height = np.array(
        [
            [-math.sin(azimuth), math.cos(azimuth), 0],
            [math.cos(azimuth), math.sin(azimuth), 0],
            [0, 0, 1],
        ]
    )  # rows: right, towards, up
    cos, sin = math.cos(elevation), math.sin(elevation)
    tilt = np.array([[1, 0, 0], [0, -sin, cos], [0, cos, sin]])  # rows: right, up, towards
    return (np.asarray(places, np.float64) - np.mean(box, axis=1)) @ (tilt @ about_height).T


def _places(asked: httpx.Client) -> NDArray[np.float64]:
    columns = asked.get("/v1/maps/space/points").json()["columns"]
    return np.stack([columns[axis] for axis in "xyz"], axis=1)


def _expect_laid(page: Page, asked: httpx.Client, camera: Sequence[float] | None = None) -> dict[str, Any]:
    """All points lie where they are seen from this side, the farthest are drawn first."""
    space = page.evaluate(SPACE)
    if camera is not None:
        assert space["camera"] == pytest.approx(camera, abs=0.06)
    expected = _laid(_places(asked), space["box"], space["camera"])
    scale = np.abs(expected).max()
    np.testing.assert_allclose(np.stack([space["x"], space["y"]], 1), expected[:, :2], atol=1e-5 * scale)
    order = space["order"]
    assert sorted(order) == list(range(len(expected)))
    depth = expected[order, 2]
    assert (np.diff(depth) > -2 * np.ptp(np.asarray(space["box"]), axis=1).sum() / 4096).all()
    near = np.array(space["near"])
    assert near.min() >= 0
    assert near.max() <= 1
    assert np.corrcoef(near, expected[:, 2])[0, 1] == pytest.approx(1)
    return space


def _click(page: Page, asked: httpx.Client) -> str:
    """The image that the mouse is at is shown, opened, and marked where it lies."""
    (point,) = lonely(page)
    page.mouse.move(point["x"] + 3, point["y"] + 3)
    page.mouse.move(point["x"], point["y"])
    expect(page.locator("#hover-card")).to_have_attribute("data-point", point["name"])
    page.mouse.click(point["x"], point["y"])
    expect(page.locator(f'.inspector-body[data-point="{point["name"]}"]')).to_be_visible()
    page.wait_for_function(
        "(name) => (window.vqscopeMap.wanted.sample || {}).point === name", arg=point["name"]
    )
    place = asked.get(f"/v1/samples/{point['name']}").json()["maps"]["space"]
    space = page.evaluate(SPACE)
    seen = _laid([place], space["box"], space["camera"])[0]
    assert space["ring"] == pytest.approx(seen[:2].tolist(), rel=1e-3, abs=1e-3)
    return point["name"]


def _drag(page: Page, dx: float, dy: float) -> None:
    box = page.locator("#map-graph").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=5)
    page.mouse.up()


def _turned(page: Page, camera: Sequence[float]) -> None:
    page.wait_for_function(
        """([graph, camera]) => {
          const gd = document.querySelector(graph), near = (a, b) => Math.abs(a - b) < 0.06;
          return window.vqscopeMap.direction(gd).every((value, k) => near(value, camera[k])) && gd.dataset.drawn;
        }""",
        arg=[GRAPH, list(camera)],
    )


def test_every_point_is_laid_where_it_is_seen_and_can_be_met(at, asked: httpx.Client) -> None:
    page = at("?map=space")
    _expect_laid(page, asked, START)
    drawn = frame(page)["points"]
    assert sum(end - first for part in drawn for first, end, *_ in part["runs"]) == len(_places(asked))
    assert {part["dataset"] for part in drawn} == set(names_of(asked))
    page.mouse.move(2, 2)
    assert (pixels(page, lonely(page, 20)).min(axis=1) < 235).all()
    expect(page.locator("#map-flat-tools")).to_be_hidden()
    expect(page.get_by_text("drag to turn, Shift-drag to move")).to_be_visible()
    _click(page, asked)


def test_the_mouse_turns_it_and_a_link_brings_it_back(at, pair: tuple[str, str], asked: httpx.Client) -> None:
    page = at("?map=space")
    _drag(page, -100, 50)
    camera = (START[0] + 40, START[1] + 20)
    _turned(page, camera)
    page.wait_for_function("() => location.search.includes('camera=85,45')")
    _expect_laid(page, asked, camera)
    expect(page.get_by_text("No image selected")).to_be_visible()  # this was no click
    _drag(page, 0, 500)
    _turned(page, (camera[0], 90))  # from above, and no farther
    _expect_laid(page, asked, (camera[0], 90))
    page.goto(f"{pair[1]}/?map=space&view=-3,3,-3,3&camera=200,-30")
    wait_drawn(page)
    _turned(page, (200, -30))
    _expect_laid(page, asked, (200, -30))
    _click(page, asked)
    page.get_by_role("button", name="Fit the view to the data sets that are on").click()
    _turned(page, START)
    page.wait_for_function("() => !location.search.includes('camera=') && !location.search.includes('view=')")


def test_keys_turn_it_and_open_images(at, asked: httpx.Client) -> None:
    page = at("?map=space")
    stop = page.locator("#map-graph")
    stop.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    _turned(page, (START[0] + 10, START[1] + 10))
    page.keyboard.press("Enter")
    expect(page.locator(".inspector-body")).to_be_visible()
    name = stop.get_attribute("aria-label") or ""
    assert "arrow keys turn it" in name
    page.keyboard.press("0")
    _turned(page, START)


def test_shift_and_a_drag_move_it(at) -> None:
    page = at("?map=space")
    view = f"() => window.vqscopeMap.viewOf(document.querySelector('{GRAPH}'))"
    before = page.evaluate(view)
    page.keyboard.down("Shift")
    _drag(page, -80, 30)
    page.keyboard.up("Shift")
    page.wait_for_function("() => location.search.includes('view=')")
    _turned(page, START)
    after = page.evaluate(view)
    assert after["perX"] == pytest.approx(before["perX"], rel=1e-3)
    assert (after["left"] - before["left"]) * before["perX"] == pytest.approx(80, abs=1)
    assert (after["top"] - before["top"]) * before["perY"] == pytest.approx(30, abs=1)


def test_a_finger_turns_it_and_another_does_nothing(at) -> None:
    page = at("?map=space")
    touch = page.evaluate(f"() => getComputedStyle(document.querySelector('{GRAPH} .nsewdrag')).touchAction")
    assert touch == "none"  # else the browser takes the gesture
    page.evaluate(
        f"""() => {{
          const at = document.querySelector('{GRAPH} .nsewdrag');
          const told = (type, pointerId, clientX, isPrimary) => at.dispatchEvent(new PointerEvent(type, {{
            pointerId, clientX, clientY: 300, isPrimary, pointerType: 'touch', buttons: 1, bubbles: true }}));
          told('pointerdown', 7, 600, true);
          told('pointermove', 7, 500, true);
          told('pointerdown', 8, 100, false);
          told('pointermove', 8, 150, false);
          told('pointerup', 8, 150, false);
          told('pointermove', 7, 475, true);
          told('pointerup', 7, 475, true);
        }}"""
    )
    _turned(page, (START[0] + 50, START[1]))


def test_a_click_leaves_what_is_seen_as_the_link_has_it(at, asked: httpx.Client) -> None:
    page = at("?map=space&view=-3,3,-3,3&camera=200,-30")
    _click(page, asked)
    page.wait_for_function("() => location.search.includes('point=')")
    assert "view=-3,3,-3,3&camera=200,-30" in page.url


def test_points_follow_their_box(at, asked: httpx.Client) -> None:
    """The box holds the ellipsoids, too: with others it has another middle."""
    page = at("?second=space&level=50")
    second = "document.querySelector('#map-graph-2 .js-plotly-plot')"
    wait_drawn(page, "#map-graph-2")
    for choice in ("no second map", "space (3-D)"):
        page.locator("#map-second").click()
        page.get_by_role("option", name=choice, exact=True).click()
        page.wait_for_function("(n) => window.vqscopeMap.graphs().length === n", arg=1 + (choice[0] == "s"))
        level = page.get_by_label("Nominal coverage")
        level.fill("99.9")
        level.blur()
    wait_drawn(page, "#map-graph-2")
    box, x = page.evaluate(
        f"() => [{second}.layout.meta.box, Array.from(window.vqscopeMap.cloudOf({second}).x)]"
    )
    expected = _laid(_places(asked), box, START)[:, 0]
    np.testing.assert_allclose(x, expected, atol=1e-5 * np.abs(expected).max())


def test_the_box_is_drawn_anew_in_the_dark(at) -> None:
    page = at("?map=space")
    # Read from a copy: a canvas that is read again and again is drawn by other means, whose lines have fewer
    # pixels that they cover whole. For the same reason a pixel counts that a line covers in part.
    inked = f"""() => {{
      const canvas = document.querySelector('{GRAPH} .map-cloud canvas'), {{ width, height }} = canvas;
      const context = new OffscreenCanvas(width, height).getContext('2d', {{ willReadFrequently: true }});
      context.drawImage(canvas, 0, 0);
      const data = context.getImageData(0, 0, width, height).data;
      const line = getComputedStyle(document.documentElement).getPropertyValue('--line').trim();
      const ink = [1, 3, 5].map((k) => parseInt(line.slice(k, k + 2), 16));
      let n = 0;
      for (let i = 0; i < data.length; i += 4)
        if (data[i + 3] > 60 && ink.every((value, k) => Math.abs(value - data[i + k]) < 8)) n++;
      return n;
    }}"""
    before = page.evaluate(inked)
    assert before > 1000
    page.locator("#scheme").click()
    page.wait_for_function("() => document.documentElement.dataset.mantineColorScheme === 'dark'")
    page.wait_for_function(f"(least) => ({inked})() > least", arg=before // 2)


def test_ellipsoids_of_data_sets_and_of_other_groups(at, pair: tuple[str, str], asked: httpx.Client) -> None:
    page = at("?map=space")
    space = page.evaluate(SPACE)
    fitted = {item["group"]: item for item in asked.get("/v1/maps/space/ellipses").json()["items"]}
    lines = {line["dataset"]: line for line in frame(page)["lines"]}
    assert set(lines) == set(fitted)
    for name, item in fitted.items():
        first = np.array(item["outlines"][0])
        seen = np.stack([lines[name][axis][: len(first)] for axis in "xy"], axis=1)
        np.testing.assert_allclose(seen, _laid(first, space["box"], START)[:, :2], rtol=1e-4, atol=1e-4)
        row = page.locator(f'.legend-row[data-dataset="{name}"]')
        expect(row).to_contain_text(f"{100 * item['observed_coverage']:.1f} %")
    page.goto(f"{pair[1]}/?map=space&group=split")
    wait_drawn(page)
    groups = page.evaluate(
        f"""() => window.vqscopeMap.groupLines(document.querySelector('{GRAPH}'))
          .map((line) => [line.name, line.x.filter((value) => value === null).length])"""
    )
    assert sorted(groups) == [["test", 2], ["train", 2], ["val", 2]]  # three lines round each


def test_a_selection_on_the_other_map_is_shown_in_space(
    at, pair: tuple[str, str], asked: httpx.Client
) -> None:
    columns = asked.get("/v1/maps/pca/points").json()["columns"]
    x, y = columns["x"], columns["y"]
    middle = float(f"{np.median(x):.5g}")
    polygon = [[min(x) - 1, min(y) - 1], [middle, min(y) - 1], [middle, max(y) + 1], [min(x) - 1, max(y) + 1]]
    polygon = [[float(f"{value:.5g}") for value in vertex] for vertex in polygon]
    answer = asked.post("/v1/selections/mask", json={"map": "pca", "polygon": polygon})
    rows = np.flatnonzero(np.load(io.BytesIO(answer.content), allow_pickle=False)).tolist()
    selected = ",".join(f"{value:.5g}" for vertex in polygon for value in vertex)
    page = at(f"?second=space&sel={selected}")
    wait_drawn(page, "#map-graph-2")
    page.wait_for_selector(".map-body[data-linked]")
    second = "document.querySelector('#map-graph-2 .js-plotly-plot')"
    page.wait_for_function(f"() => window.vqscopeMap.frameOf({second}).mask")
    assert frame(page, "#map-graph-2")["selected"] == rows


def test_maps_of_the_plane_and_in_space_by_turns(at, asked: httpx.Client) -> None:
    page = at("")
    for title, name in (("space (3-D)", "space"), ("mirror", "mirror"), ("space (3-D)", "space")):
        page.locator("#map-name").click()
        page.get_by_role("option", name=title, exact=True).click()
        page.wait_for_function(
            f"""(name) => {{ const gd = ({DRAWN})('#map-graph');
              return gd && window.vqscopeMap.mapOf(gd) === name; }}""",
            arg=name,
        )
        wait_drawn(page)
        if name == "space":
            _expect_laid(page, asked, START)
            page.mouse.move(2, 2)
            _click(page, asked)
            page.mouse.move(2, 2)


def test_it_needs_no_webgl(launch, open_page, watched, pair: tuple[str, str], asked: httpx.Client) -> None:
    with launch(*SWITCHES, "--disable-3d-apis") as browser:
        page = open_page(browser)
        page.goto(f"{pair[1]}/?map=space")
        wait_drawn(page)
        assert page.evaluate("() => !document.createElement('canvas').getContext('webgl')")
        _expect_laid(page, asked, START)
        _click(page, asked)
    watched.check()


def test_it_is_saved_as_it_is_seen(at, tmp_path) -> None:
    page = at("?map=space")
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Map, PNG", exact=True).click()
    download.value.save_as(tmp_path / "map.png")
    picture = np.array(Image.open(tmp_path / "map.png").convert("RGB"), np.int64)
    coloured = (np.ptp(picture, axis=2) > 60).mean()
    assert coloured > 0.005
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Map, SVG", exact=True).click()
    download.value.save_as(tmp_path / "map.svg")
    drawn = (tmp_path / "map.svg").read_text()
    assert "rediction ellipsoids" in drawn
    for name in ("PC 1", "PC 2", "PC 3"):
        assert name in drawn


@pytest.mark.parametrize("second", ["", "&second=pca"])
def test_all_words_round_the_box_are_seen_whole(at, second: str) -> None:
    page = at(f"?map=space{second}")
    drawn = """() => {
      const real = CanvasRenderingContext2D.prototype.fillText;
      window.drawn = [];
      CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        const { a, b, c, d, e, f } = this.getTransform(), size = this.measureText(text), { canvas } = this;
        const [up, down] = [-size.actualBoundingBoxAscent, size.actualBoundingBoxDescent];
        const [left, right] = [-size.actualBoundingBoxLeft, size.actualBoundingBoxRight];
        window.drawn.push([text, [[left, up], [left, down], [right, up], [right, down]].every(([u, v]) => {
          const [px, py] = [e + a * u + c * v, f + b * u + d * v];
          return px >= 0 && py >= 0 && px <= canvas.width && py <= canvas.height;
        })]);
        return real.call(this, text, x, y);
      };
    }"""
    page.evaluate(drawn)
    page.locator("#map-graph").focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowUp")
    _turned(page, (START[0] + 90, 90))
    page.wait_for_function("() => window.drawn.length")
    words = page.evaluate("() => window.drawn")
    assert {text[:4] for text, _ in words} >= {
        "PC 1",
        "PC 2",
    }  # the shortest edge may have no room for its name
    assert [text for text, whole in words if not whole] == []
