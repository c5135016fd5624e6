"""What a user does on the map, and the milliseconds until the page shows what came of it.

Everything is timed by the page's own clock: from the event that the user causes to the first frame in which the
condition holds.
"""

import math
from collections.abc import Callable
from functools import partial

from playwright.sync_api import Page

from tests.browser.map_places import DRAWN, PLACES

_GRAPH = "document.querySelector('#map-graph .js-plotly-plot')"
_DRAWN = f"""() => ({DRAWN})('#map-graph') && document.querySelectorAll('.legend-row').length
  && !document.querySelector('#map-state').children.length && performance.now()"""

# Some points with the place of each in the window, those first that stand most alone.
_POINTS = f"""(wanted) => {{
  const all = ({PLACES})('#map-graph');
  const step = Math.max(1, Math.floor(all.length / 4000)), some = all.filter((p, i) => i % step === 0);
  for (const p of some) {{
    p.nearest = Infinity;
    for (const q of all) if (q !== p) p.nearest = Math.min(p.nearest, (p.x - q.x) ** 2 + (p.y - q.y) ** 2);
  }}
  return some.sort((p, q) => q.nearest - p.nearest).slice(0, wanted);
}}"""

# Where a point of this name is in the window now: what opens beside the map moves it.
_PLACE = f"""(name) => {{
  const {{ x, y }} = ({PLACES})('#map-graph').find((point) => point.name === name);
  return [x, y];
}}"""

# The radius, in pixels, of a circle round the middle of the cloud that holds so many points.
_CIRCLE = f"""(wanted) => {{
  const places = ({PLACES})('#map-graph').map(({{ x, y }}) => [x, y]);
  const middle = (k) => places.map((p) => p[k]).sort((a, b) => a - b)[Math.floor(places.length / 2)];
  const [x, y] = [middle(0), middle(1)];
  const radii = places.map((p) => Math.hypot(p[0] - x, p[1] - y)).sort((a, b) => a - b);
  return {{ x, y, radius: radii[Math.min(wanted, radii.length) - 1] }};
}}"""


def first_page(page: Page, address: str = "/") -> float:
    """From the address to a map that can be used: drawn, with its legend, and answering the mouse."""
    page.goto(address, wait_until="commit")
    return float(page.wait_for_function(_DRAWN).json_value())


def timed(
    page: Page, event: str, act: Callable[[], object], condition: str, argument: object = None
) -> float:
    """Milliseconds from the last event of this kind that `act` causes until the condition (JavaScript) holds."""
    page.evaluate(
        """(event) => {
          if (window.benchListener) window.removeEventListener(...window.benchListener);
          window.benchStart = null;
          window.benchListener = [event, () => { window.benchStart = performance.now(); }, true];
          window.addEventListener(...window.benchListener);
        }""",
        event,
    )
    act()
    shown = page.wait_for_function(
        f"(argument) => window.benchStart !== null && ({condition})(argument) && performance.now() - window.benchStart",
        arg=argument,
    )
    return float(shown.json_value())


def hovered(page: Page, n: int) -> list[float]:
    """Moving the mouse to one point after the other, until the picture of each is shown."""
    spent = []
    for point in page.evaluate(_POINTS, n):
        x, y = page.evaluate(_PLACE, point["name"])
        page.mouse.move(x + 60, y + 60)
        condition = """(name) => {
          const card = document.getElementById('hover-card'), img = document.getElementById('hover-image');
          return card.dataset.point === name && !card.hidden && img.complete && img.naturalWidth > 0;
        }"""
        move = partial(page.mouse.move, x, y)
        spent.append(timed(page, "mousemove", move, condition, point["name"]))
    return spent


def clicked(page: Page, n: int) -> list[float]:
    """Clicking points, until the inspector is full: figures, the three pictures, neighbours and where it stands."""
    spent = []
    for point in page.evaluate(_POINTS, 2 * n)[n:]:  # not those that were hovered
        condition = """(name) => {
          const body = document.querySelector('.inspector-body');
          const pictures = body ? [...body.querySelectorAll('img')] : [];
          const strip = [...document.querySelectorAll('#map-neighbours img')];
          return body && body.dataset.point === name && pictures.length > 2 && strip.length > 0
            && window.benchStrip !== strip[0].src && document.getElementById('map-standing').children.length > 0
            && [...pictures, ...strip].every((img) => img.complete && img.naturalWidth > 0);
        }"""
        x, y = page.evaluate(_PLACE, point["name"])
        page.mouse.move(x, y)
        page.wait_for_selector(f'#hover-card[data-point="{point["name"]}"]', state="visible")
        page.evaluate(
            "() => { const img = document.querySelector('#map-neighbours img'); window.benchStrip = img && img.src; }"
        )
        spent.append(timed(page, "click", partial(page.mouse.click, x, y), condition, point["name"]))
    return spent


def switched(page: Page) -> list[float]:
    """Each data set off and on again, until the map is drawn so."""
    spent = []
    condition = f"([name, on]) => {_GRAPH}.dataset.drawn.split(' ').includes(name) === on"
    for row in page.locator(".legend-row").all():
        name = row.get_attribute("data-dataset")
        switch = page.get_by_role("switch", name=f"Show {name}", exact=True)
        spent += [
            timed(page, "click", lambda s=switch: s.click(force=True), condition, [name, on])
            for on in (False, True)
        ]
    return spent


def labelled(page: Page) -> list[float]:
    """The first label of each data set that has switches off and on again, until the points are drawn so."""
    spent = []
    frame = f"window.vqscopeMap.frameOf({_GRAPH})"
    condition = f"() => {frame}.cloud !== window.benchCloud && {frame}.step === 1"
    for row in page.locator(".legend-row:has(.text-button)").all():
        row.locator(".text-button").click()
        label = page.locator(".popover:popover-open").get_by_role("checkbox").first
        for _ in range(2):
            page.evaluate(f"() => {{ window.benchCloud = {frame}.cloud; }}")
            spent.append(timed(page, "click", label.click, condition))
        page.keyboard.press("Escape")
    return spent


def coloured(page: Page, columns: tuple[str, ...] = ("Label", "Split", "Data set")) -> list[float]:
    """Another colouring, until the points have it."""
    spent = []
    for column in columns:
        before = page.evaluate(f"() => {_GRAPH}.dataset.colour")
        page.locator("#map-colour").click()
        option = page.get_by_role("option", name=column, exact=True)
        condition = f"(before) => {_GRAPH}.dataset.colour !== before"
        spent.append(timed(page, "click", option.click, condition, before))
    return spent


def turned(page: Page, n: int) -> list[float]:
    """A map in space that is turned and let go, until all of its points are drawn from the new side."""
    sides = page.locator("#map-graph").bounding_box()
    assert sides is not None
    x, y = sides["x"] + sides["width"] / 2, sides["y"] + sides["height"] / 2
    spent = []
    for _ in range(n):
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y + 10, steps=6)
        condition = (
            f"() => {_GRAPH}.dataset.drawn !== undefined && window.vqscopeMap.frameOf({_GRAPH}).step === 1"
        )
        spent.append(timed(page, "pointerup", page.mouse.up, condition))
    return spent


def lassoed(page: Page, wanted: int) -> tuple[float, int]:
    """A lasso round so many points, until the selection's composition is shown; and how many it holds."""
    circle = page.evaluate(_CIRCLE, wanted)
    page.get_by_role("button", name="Select by drawing round images").click()
    page.wait_for_selector("#map-lasso[aria-pressed=true]")
    corners = [
        (
            circle["x"] + circle["radius"] * math.cos(2 * math.pi * k / 40),
            circle["y"] + circle["radius"] * math.sin(2 * math.pi * k / 40),
        )
        for k in range(41)
    ]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner)
    condition = """() => /of/.test(document.getElementById('selection-count').textContent)
      && document.querySelectorAll('#selection-composition [data-part]').length > 0"""
    spent = timed(page, "mouseup", page.mouse.up, condition)
    held = page.locator("#selection-count").inner_text().split(" of ")[0]
    return spent, int(held.replace(",", ""))
