"""Where the points of a map of the plane are and how they are drawn, as the page says it; for tests and benchmarks."""

import base64
import io
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page

from dashboard.colouring import MISSING, SCALE
from dashboard.palette import OKABE_ITO

PLACES = """(graph) => {
  const map = window.vqscopeMap, gd = document.querySelector(`${graph} .js-plotly-plot`);
  const cloud = map.cloudOf(gd), view = map.viewOf(gd), box = gd.getBoundingClientRect(), found = [];
  gd.data.filter(({ meta }) => meta.role === 'points' && map.isOn(meta.dataset)).forEach(({ meta }) => {
    meta.runs.forEach(([first, end, split, position]) => {
      for (let row = first; row < end; row++) found.push({
        name: `${meta.dataset}/${map.SPLITS[split]}/${position + row - first}`,
        dataset: meta.dataset, row, label: cloud.label[row],
        x: box.left + view.x + (cloud.x[row] - view.left) * view.perX,
        y: box.top + view.y + (view.top - cloud.y[row]) * view.perY,
      });
    });
  });
  return found;
}"""
"""Of the graph of a selector: name, data set, row of the index, label and place in the window of each point shown."""

DRAWN = """(graph) => {
  const gd = document.querySelector(`${graph} .js-plotly-plot[data-attached]`);
  return gd && gd.dataset.drawn !== undefined && gd;
}"""
"""Whether the points have been drawn."""

LONELY = f"""([graph, wanted, dataset]) => {{
  const all = ({PLACES})(graph), gd = document.querySelector(`${{graph}} .js-plotly-plot`);
  const view = window.vqscopeMap.viewOf(gd), box = gd.getBoundingClientRect(), edge = 12;
  const inside = ({{ x, y }}) => x > box.left + view.x + edge && x < box.left + view.x + view.width - edge
    && y > box.top + view.y + edge && y < box.top + view.y + view.height - edge;
  const meant = all.filter((p) => inside(p) && (!dataset || p.dataset === dataset));
  const [xs, ys] = ['x', 'y'].map((axis) => Float64Array.from(all, (p) => p[axis]));
  for (const p of meant) {{
    let nearest = Infinity;
    for (let k = 0; k < xs.length; k++) {{
      const away = (xs[k] - p.x) ** 2 + (ys[k] - p.y) ** 2;
      if (away < nearest && all[k] !== p) nearest = away;
    }}
    p.nearest = Math.sqrt(nearest);
  }}
  return meant.sort((p, q) => q.nearest - p.nearest).slice(0, wanted);
}}"""
"""Of a graph, how many and a data set (null: of any): the points in view that stand most alone, and how far that is."""

FRAME = """(graph) => {
  const map = window.vqscopeMap, gd = document.querySelector(`${graph} .js-plotly-plot`);
  const { cloud, shown, lines, mask } = map.frameOf(gd);
  const rows = shown.flatMap(({ trace }) => trace.meta.runs.flatMap(([first, end]) =>
    Array.from({ length: end - first }, (_, k) => first + k)));
  return {
    images: cloud.x.length,
    points: shown.map(({ trace, colours: { lut, of, opacity } }) => ({
      dataset: trace.meta.dataset, runs: trace.meta.runs, opacity, of: of && Array.from(of),
      lut: Array.from({ length: lut.length / 4 }, (_, k) => Array.from(lut.subarray(4 * k, 4 * k + 4))),
    })),
    lines: lines.map((trace) => ({ dataset: trace.meta.dataset, ...map.outlineOf(gd, trace) })),
    selected: mask && rows.filter((row) => mask[row]).sort((a, b) => a - b),
  };
}"""
"""What was drawn last: points of each data set with their colours, ellipses, and rows shown as selected (null: all)."""


def wait_drawn(page: Page, graph: str = "#map-graph", names: Collection[str] | None = None) -> None:
    """Until the points have been drawn, of these data sets where they are given, and legend and ellipses are there."""
    page.wait_for_function(
        f"""([graph, names]) => {{
          const gd = ({DRAWN})(graph);
          if (!gd || !document.querySelectorAll('.legend-row').length) return false;
          if (!window.vqscopeMap.wanted.ellipses[window.vqscopeMap.mapOf(gd)]) return false;
          return !names || gd.dataset.drawn.split(' ').filter(Boolean).sort().join(' ') === names.join(' ');
        }}""",
        arg=[graph, None if names is None else sorted(names)],
    )


def open_map(page: Page, path: str = "/") -> None:
    """Open the map page, until the points have been drawn."""
    page.goto(path)
    wait_drawn(page)


def names_of(api: httpx.Client) -> list[str]:
    """The data sets of the service, in its order."""
    return [item["name"] for item in api.get("/v1/datasets").json()["items"]]


def frame(page: Page, graph: str = "#map-graph") -> dict[str, Any]:
    """What was drawn last, see `FRAME`."""
    return page.evaluate(FRAME, graph)


def lonely(
    page: Page, n: int = 1, *, dataset: str | None = None, graph: str = "#map-graph"
) -> list[dict[str, Any]]:
    """The points that stand most alone, see `LONELY`."""
    return page.evaluate(LONELY, [graph, n, dataset])


def pixels(page: Page, places: Sequence[Mapping[str, float]]) -> NDArray[np.int64]:
    """(n, 3): red, green and blue, from 0 to 255, that the window shows at some places."""
    picture = np.array(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), np.int64)
    ratio = page.evaluate("() => window.devicePixelRatio")
    return np.array([picture[int(ratio * place["y"]), int(ratio * place["x"])] for place in places])


def rows_of(runs: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Rows of the index that runs stand for."""
    return np.concatenate([np.arange(first, end) for first, end, *_ in runs])


def colours_of(points: Mapping[str, Any]) -> NDArray[np.int64]:
    """(n, 4): red, green, blue and opacity, from 0 to 255, that the points of a data set in a frame are drawn in."""
    n = sum(end - first for first, end, *_ in points["runs"])
    return np.array(points["lut"])[points["of"] if points["of"] is not None else np.zeros(n, np.int64)]


def expect_on_scale(points: Mapping[str, Any], expected: NDArray[Any]) -> None:
    """The points of a data set in a frame have the shades of a scale of numbers that lie at these places of 0 to 1.

    NaN stands for what is missing, which has a shade of its own below them.
    """
    shades = len(points["lut"])
    places = np.nan_to_num(0.002 + 0.998 * expected, nan=0.0)
    assert shades >= 256
    off = np.abs(np.array(points["of"]) + 0.5 - shades * places)
    assert (off[~np.isnan(expected) & (expected < 1)] <= 0.51).all()
    assert (off[expected == 1] <= 1).all()
    ends = np.linspace(0, 1, len(SCALE))
    scale = np.array([[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in SCALE])
    wished = np.stack([np.interp(expected, ends, channel) for channel in scale.T], axis=-1)
    wished[np.isnan(expected)] = [int(MISSING[k : k + 2], 16) for k in (1, 3, 5)]
    colours = colours_of(points)
    assert np.abs(colours[:, :3] - wished).max() <= 4  # half a shade
    assert (colours[np.isnan(expected), :3] == wished[np.isnan(expected)]).all()
    assert (colours[:, 3] == 255).all()


def hues(picture: Image.Image, ground: tuple[int, int, int] | None = None) -> dict[str, int]:
    """How many pixels of a picture have the colour of each mark of a data set, as points are drawn in it."""
    found = np.array(picture.convert("RGBA"), np.int64)
    counts = {}
    for colour in OKABE_ITO:
        drawn = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)])
        if ground is not None:
            drawn = np.round(0.7 * drawn + 0.3 * np.array(ground))
        near = (np.abs(found[..., :3] - drawn) <= 3).all(axis=-1) & (found[..., 3] > 100)
        counts[colour] = int(near.sum())
    return counts


def images_of(svg: str) -> list[Image.Image]:
    """The pictures that an SVG holds."""
    found = re.findall(r'href="data:image/png;base64,([^"]+)"', svg)
    return [Image.open(io.BytesIO(base64.b64decode(content))) for content in found]


def half_of(api: httpx.Client) -> list[list[float]]:
    """A box round the left half of the map."""
    columns = api.get("/v1/maps/pca/points").json()["columns"]
    x, y = sorted(columns["x"]), sorted(columns["y"])
    middle, low, high = x[len(x) // 2], y[0] - 1, y[-1] + 1
    box = [[x[0] - 1, low], [middle, low], [middle, high], [x[0] - 1, high]]
    return [[float(f"{value:.5g}") for value in vertex] for vertex in box]


def link_to(polygon: list[list[float]]) -> str:
    """The part of an address that selects with a polygon."""
    return "sel=" + ",".join(f"{value:.5g}" for vertex in polygon for value in vertex)
