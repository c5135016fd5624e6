"""What is seen of a map in a real browser: by keys, by its address, and while its points are on their way."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.map_places import PLACES, lonely, names_of, open_map, wait_drawn

pytestmark = pytest.mark.browser

GRAPH = "#map-graph .js-plotly-plot"
RANGES = f"""() => {{
  const {{ xaxis, yaxis }} = document.querySelector('{GRAPH}')._fullLayout;
  return [...xaxis.range, ...yaxis.range];
}}"""
# Whether these ranges are seen, to a share of their width.
SEEN = f"""([wished, share]) => (({RANGES})()).every((value, k) =>
  Math.abs(value - wished[k]) <= share * (wished[k | 1] - wished[k & 2]))"""
# Whether no more than these ranges is seen on one axis, and on the other what the shape of the plot adds on both sides.
SHOWN = f"""(wished) => {{
  const now = ({RANGES})(), middle = (r, k) => (r[k] + r[k + 1]) / 2, width = (r, k) => r[k + 1] - r[k];
  const more = [0, 2].map((k) => width(now, k) / width(wished, k) - 1);
  const off = [0, 2].map((k) => Math.abs(middle(now, k) - middle(wished, k)) / width(wished, k));
  return Math.abs(Math.min(...more)) < 0.01 && Math.max(...off) < 0.01;
}}"""
WHOLE = f"""() => {{
  const {{ x, y }} = document.querySelector('{GRAPH}').data.find((t) => t.meta.role === 'ends');
  return [...x, ...y];
}}"""
SECOND = "#map-graph-2 .js-plotly-plot"
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

# Half of the points of a map come at once, the others when the page is told to let them.
HALVED = """() => {
  const real = window.fetch;
  window.fetch = async (address, ...more) => {
    const answer = await real(address, ...more);
    if (!String(address).startsWith('/points/')) return answer;
    const bytes = new Uint8Array(await answer.arrayBuffer()), half = Math.ceil(bytes.length / 2);
    return new Response(new ReadableStream({ start(stream) {
      stream.enqueue(bytes.slice(0, half));
      window.letCome = () => { stream.enqueue(bytes.slice(half)); stream.close(); };
    } }), { headers: answer.headers });
  };
}"""


def _wait_seen(page: Page, ranges: list[float], share: float = 1e-3) -> None:
    page.wait_for_function(SEEN, arg=[ranges, share])


def _moved(ranges: list[float], right: float, up: float) -> list[float]:
    x0, x1, y0, y1 = ranges
    dx, dy = right * (x1 - x0), up * (y1 - y0)
    return [x0 + dx, x1 + dx, y0 + dy, y1 + dy]


def _zoomed(ranges: list[float], factor: float) -> list[float]:
    x0, x1, y0, y1 = ranges
    x, y, width, height = (x0 + x1) / 2, (y0 + y1) / 2, factor * (x1 - x0) / 2, factor * (y1 - y0) / 2
    return [x - width, x + width, y - height, y + height]


def _addressed(page: Page, name: str = "view") -> list[float]:
    """What the address says is seen, once it does."""
    page.wait_for_url(re.compile(f"[?&]{name}="))
    return [float(value) for value in page.url.split(f"{name}=")[1].split("&")[0].split(",")]


def _focus_map(page: Page) -> None:
    """Come to the map by Tab."""
    page.locator("#map-quality-open").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#map-graph")).to_be_focused()


def _middle(page: Page) -> dict[str, Any]:
    """The image nearest to the middle of the first map, of those that are drawn."""
    x, y = page.evaluate(
        f"""() => {{
          const gd = document.querySelector('{GRAPH}'), box = gd.getBoundingClientRect();
          const view = window.vqscopeMap.viewOf(gd);
          return [box.left + view.x + view.width / 2, box.top + view.y + view.height / 2];
        }}"""
    )
    return min(page.evaluate(PLACES, "#map-graph"), key=lambda p: (p["x"] - x) ** 2 + (p["y"] - y) ** 2)


def test_keys_move_zoom_and_fit_the_map(page: Page) -> None:
    open_map(page)
    _focus_map(page)
    whole = seen = page.evaluate(RANGES)
    steps = {"ArrowRight": (0.1, 0), "ArrowLeft": (-0.1, 0), "ArrowUp": (0, 0.1), "ArrowDown": (0, -0.1)}
    for key, zoom in (("+", 1 / 1.5), ("+", 1 / 1.5), ("-", 1.5)):
        page.keyboard.press(key)
        seen = _zoomed(seen, zoom)
        _wait_seen(page, seen)
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
        seen = _moved(seen, *steps[key])
        _wait_seen(page, seen)
    page.keyboard.press("0")
    _wait_seen(page, whole, 0.01)


def test_keys_of_a_text_field_are_its_own(page: Page) -> None:
    open_map(page)
    before = page.evaluate(RANGES)
    page.locator("#map-level").focus()
    for key in ("ArrowRight", "ArrowUp", "+", "-", "0", "Enter"):
        page.keyboard.press(key)
    page.evaluate(FRAMES)
    assert page.evaluate(RANGES) == before
    _focus_map(page)
    page.keyboard.press("Control+ArrowRight")
    page.evaluate(FRAMES)
    assert page.evaluate(RANGES) == before


def test_the_map_says_what_it_is(page: Page, api: httpx.Client) -> None:
    open_map(page)
    numbers = {i["name"]: sum(i["n_indexed"].values()) for i in api.get("/v1/datasets").json()["items"]}
    shown = page.get_by_role("application")
    keys = "; arrow keys move, + and - zoom, 0 fits, Enter opens the image nearest to the middle"
    text = f"Map PCA of {sum(numbers.values()):,} images in {len(numbers)} data sets{keys}"
    expect(shown).to_have_attribute("aria-label", text)
    expect(shown).to_have_attribute("id", "map-graph")
    name = next(iter(numbers))
    page.get_by_role("button", name=f"Show only {name}", exact=True).click()
    text = f"Map PCA of {numbers[name]:,} images in 1 data set{keys}"
    expect(shown).to_have_attribute("aria-label", text)


def test_enter_opens_the_image_nearest_to_the_middle(page: Page) -> None:
    open_map(page)
    cross = page.locator("#map-graph .map-cross")
    expect(cross).to_be_hidden()
    _focus_map(page)
    expect(cross).to_be_visible()
    opened = set()
    for keys in ((), ("+", "+", "ArrowRight"), ("ArrowUp", "ArrowUp", "ArrowLeft")):
        for key in keys:
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        name = _middle(page)["name"]
        expect(page.locator(f'.inspector-body[data-point="{name}"]')).to_be_visible()
        page.wait_for_url(re.compile(re.escape(f"point={name}")))
        opened.add(name)
    assert len(opened) > 1
    expect(page.locator("#map-graph")).to_be_focused()
    page.get_by_role("button", name="None", exact=True).click()
    expect(cross).to_be_hidden()


def test_a_link_shows_the_same_part_of_the_map(page: Page) -> None:
    open_map(page)
    _focus_map(page)
    for key in ("+", "+", "+", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    seen = page.evaluate(RANGES)
    assert _addressed(page) == pytest.approx(seen, abs=1e-3 * (seen[1] - seen[0]))
    (point,) = lonely(page)
    link = page.url
    page.reload()
    wait_drawn(page)
    _wait_seen(page, seen)
    assert page.url == link
    # What is chosen later keeps it, and the mouse moves on from it.
    page.mouse.click(point["x"], point["y"])
    page.wait_for_url(re.compile("point="))
    assert page.url.split("view=")[1].split("&")[0] == link.split("view=")[1]
    box = page.locator("#map-graph").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 80, middle[1], steps=4)
    page.mouse.up()
    page.wait_for_function("(link) => !location.search.includes(link)", arg=link.split("view=")[1])
    moved = page.evaluate(RANGES)
    assert moved[0] > seen[0]
    assert _addressed(page) == pytest.approx(moved, abs=1e-3 * (moved[1] - moved[0]))
    page.get_by_role("button", name="Fit the view to the data sets that are on").click()
    page.wait_for_function("() => !location.search.includes('view=')")


def test_back_and_forward_show_what_was_seen(page: Page) -> None:
    open_map(page)
    whole = page.evaluate(RANGES)
    first = _zoomed(whole, 0.4)
    query = "/?view=" + ",".join(f"{value:.5g}" for value in first)
    page.evaluate(
        """(link) => { history.pushState(null, '', link); window.dispatchEvent(new PopStateEvent('popstate')); }""",
        query,
    )
    _wait_seen(page, first)
    link = page.locator("#nav-map")  # of the page's last view, which it writes after it has shown it
    expect(link).to_have_attribute("href", query)
    page.go_back()
    _wait_seen(page, whole)
    expect(link).to_have_attribute("href", "/")
    assert "view=" not in page.url
    page.go_forward()
    _wait_seen(page, first)
    assert _addressed(page) == pytest.approx(first, rel=1e-3)


def test_what_is_seen_goes_with_its_map(page: Page, pair: tuple[str, str]) -> None:
    page.goto(f"{pair[1]}/?map=mirror&second=pca")
    wait_drawn(page)
    wait_drawn(page, "#map-graph-2")
    whole = page.evaluate(WHOLE)
    first = [float(f"{value:.5g}") for value in _zoomed(whole, 0.5)]
    page.goto(f"{pair[1]}/?map=mirror&second=pca&view={','.join(map(str, first))}")
    wait_drawn(page)
    wait_drawn(page, "#map-graph-2")
    page.wait_for_function(SHOWN, arg=first)
    # Keys move the map that has the focus; the address tells of each.
    second = "() => document.querySelector('#map-graph-2 .js-plotly-plot')._fullLayout.xaxis.range[0]"
    before = page.evaluate(second)
    page.locator("#map-graph-2").focus()
    page.keyboard.press("+")
    page.wait_for_function(f"(before) => ({second})() > before", arg=before)
    page.wait_for_function(SHOWN, arg=first)
    page.wait_for_url(re.compile("view2="))
    assert _addressed(page) == pytest.approx(first)
    beside = page.evaluate(RANGES.replace(GRAPH, SECOND))
    assert _addressed(page, "view2") == pytest.approx(beside, abs=1e-3 * (beside[1] - beside[0]))
    page.reload()
    wait_drawn(page)
    wait_drawn(page, "#map-graph-2")
    page.wait_for_function(SHOWN, arg=first)
    page.wait_for_function(SEEN.replace(GRAPH, SECOND), arg=[beside, 1e-3])
    page.locator("#map-graph-2").focus()
    page.keyboard.press("0")
    page.wait_for_function("() => !location.search.includes('view2=')")
    page.locator("#map-name").click()
    page.get_by_role("option", name="space (3-D)", exact=True).click()
    page.wait_for_function(
        "() => location.search.includes('map=space') && !location.search.includes('view=')"
    )
    words = r"Map space of [\d,]+ images in \d data sets; arrow keys turn it, \+ and - zoom, 0 fits, Enter opens .*"
    expect(page.locator("#map-graph")).to_have_attribute("aria-label", re.compile(words))
    # Back on that map all of it is seen.
    page.locator("#map-name").click()
    page.get_by_role("option", name="mirror", exact=True).click()
    wait_drawn(page)
    page.wait_for_function("() => location.search.includes('map=mirror')")
    page.wait_for_function(SHOWN, arg=whole)
    assert "view=" not in page.url


@pytest.mark.parametrize("view", ["", "1,2,3", "2,1,0,1", "0,1,nan,2", "0,1e999,0,1", "a,b,c,d"])
def test_what_is_no_part_of_a_map_shows_all_of_it(page: Page, view: str) -> None:
    open_map(page, f"/?view={view}")
    x0, x1, y0, y1 = page.evaluate(RANGES)
    for place in page.evaluate(
        f"() => document.querySelector('{GRAPH}').data.flatMap((t) => t.meta.extent ? [t.meta.extent] : [])"
    ):
        assert x0 < min(place[0])
        assert max(place[0]) < x1
        assert y0 < min(place[1])
        assert max(place[1]) < y1
    page.wait_for_function("() => !location.search.includes('view=')")


def test_points_on_their_way_are_announced(page: Page, api: httpx.Client) -> None:
    held: list[Route] = []
    page.route("**/points/**", lambda route: held.append(route))
    page.goto("/")
    n = sum(sum(item["n_indexed"].values()) for item in api.get("/v1/datasets").json()["items"])
    bar = page.get_by_role("progressbar", name=f"Loading {n:,} points …")
    expect(bar).to_be_visible()
    expect(bar).to_be_in_viewport(ratio=1)
    expect(page.locator(".map-panel")).to_have_attribute("aria-busy", "true")
    before = page.locator("#map-graph").bounding_box()
    held[0].continue_()
    wait_drawn(page)
    expect(bar).to_be_hidden()
    expect(page.locator(".map-panel")).to_have_attribute("aria-busy", "false")
    assert page.locator("#map-graph").bounding_box() == before


def test_the_share_of_points_that_are_there_is_told(page: Page) -> None:
    page.add_init_script(f"({HALVED})()")
    page.goto("/")
    page.wait_for_function("() => window.letCome")
    awaited = page.locator("#map-graph .map-cloud-awaited")
    expect(awaited).to_have_text(re.compile(r"^Loading [\d,]+ points … 50 %$"))
    expect(awaited.locator("progress")).to_have_js_property("value", 0.5)
    page.evaluate("() => window.letCome()")
    wait_drawn(page)
    expect(awaited).to_be_hidden()


def test_points_that_do_not_come_say_what_to_do(page: Page, api: httpx.Client, watched) -> None:
    watched.expected = ("Failed to load resource",)
    page.route("**/points/**", lambda route: route.abort())
    page.goto("/")
    note = page.locator("#map-graph .map-cloud-note")
    expect(note).to_contain_text("Trying again every 3 seconds")
    expect(note).to_contain_text("see whether the service runs")
    expect(note).to_be_in_viewport(ratio=1)
    expect(page.locator("#map-graph .map-cloud-awaited")).to_be_hidden()
    expect(page.locator(".map-panel")).to_have_attribute("aria-busy", "false")
    page.unroute("**/points/**")
    wait_drawn(page, names=names_of(api))
    expect(note).to_be_hidden()
