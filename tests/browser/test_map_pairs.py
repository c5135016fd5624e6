"""Two maps side by side, in a real browser over a service with three maps."""

import io
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.palette import mark
from tests.browser.map_places import (
    FRAME,
    PLACES,
    expect_on_scale,
    frame,
    lonely,
    pixels,
    rows_of,
    wait_drawn,
)

pytestmark = pytest.mark.browser

GRAPHS = ("#map-graph", "#map-graph-2")
RING = """(graph) => {
  const gd = document.querySelector(`${graph} .js-plotly-plot`);
  const ring = gd.querySelector('.map-ring:not([hidden])');
  return (ring && JSON.parse(ring.dataset.place)) || [];
}"""


@pytest.fixture(scope="module")
def asked(pair: tuple[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=pair[0], timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def at(page: Page, pair: tuple[str, str]):
    """Opens a view, and waits for so many maps."""

    def opened(query: str, maps: int) -> Page:
        page.goto(f"{pair[1]}/{query}")
        for graph in GRAPHS[:maps]:
            wait_drawn(page, graph)
        return page

    return opened


def _half(asked: httpx.Client, name: str) -> list[list[float]]:
    """A box round the left half of a map."""
    columns = asked.get(f"/v1/maps/{name}/points").json()["columns"]
    x, y = sorted(columns["x"]), sorted(columns["y"])
    left, middle, low, high = x[0] - 1, x[len(x) // 2], y[0] - 1, y[-1] + 1
    box = [[left, low], [middle, low], [middle, high], [left, high]]
    return [[float(f"{value:.5g}") for value in vertex] for vertex in box]


def _sel(polygon: list[list[float]]) -> str:
    return "sel=" + ",".join(f"{value:.5g}" for vertex in polygon for value in vertex)


def _inside(asked: httpx.Client, name: str, polygon: list[list[float]]) -> list[int]:
    answer = asked.post("/v1/selections/mask", json={"map": name, "polygon": polygon})
    return np.flatnonzero(np.load(io.BytesIO(answer.content), allow_pickle=False)).tolist()


def _expect_selected(page: Page, graph: str, rows: list[int]) -> None:
    """Of a map of the plane: these rows of the index are drawn as selected."""
    page.wait_for_function(
        f"([graph, n]) => (({FRAME})(graph).selected || []).length === n", arg=[graph, len(rows)]
    )
    assert frame(page, graph)["selected"] == rows


def _expect_faint(page: Page, graph: str, selected: list[int]) -> None:
    """On the screen points that are not selected hardly differ from the ground, and the others do."""
    page.mouse.move(2, 2)
    points = page.evaluate(PLACES, graph)
    places = np.array([(point["x"], point["y"]) for point in points])
    chosen = np.isin([point["row"] for point in points], selected)
    near = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) < 9
    apart = ~chosen & ~near[:, chosen].any(axis=1) & (near.sum(axis=1) <= 4)
    assert apart.sum() >= 5
    away = 255 - pixels(page, points).min(axis=-1)  # of the ground, which is white
    assert np.median(away[chosen]) > 90
    assert np.median(away[apart]) < 60


def _expect_place(page: Page, asked: httpx.Client, point: str, maps: dict[str, str]) -> None:
    """The image is in the inspector, and marked on each map where the service says it is."""
    expect(page.locator(f'.inspector-body[data-point="{point}"]')).to_be_visible()
    places = asked.get(f"/v1/samples/{point}").json()["maps"]
    for graph, name in maps.items():  # the mark comes after the inspector, and another one's is still there
        page.wait_for_function(
            f"""([graph, place]) => {{
              const ring = ({RING})(graph), near = (a, b) => Math.abs(a - b) <= 1e-5 * Math.abs(b);
              return ring.length === place.length && ring.every((value, k) => near(value, place[k]));
            }}""",
            arg=[graph, places[name]],
        )


def test_a_selection_on_either_map_is_shown_on_the_other(at, asked: httpx.Client) -> None:
    polygon = _half(asked, "pca")
    page = at(f"?second=mirror&{_sel(polygon)}", 2)
    page.wait_for_selector(".map-body[data-linked]")
    expected = _inside(asked, "pca", polygon)
    _expect_selected(page, GRAPHS[1], expected)
    assert frame(page, GRAPHS[0])["selected"] is None
    expect(page.locator("#selection-count")).to_contain_text(f"{len(expected):,} of")
    _expect_faint(page, GRAPHS[1], expected)
    # A box on the second map.
    page.get_by_role("button", name="Select a box").click()
    box = page.locator(GRAPHS[1]).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.65 * box["width"], box["y"] + 0.75 * box["height"], steps=4)
    page.mouse.up()
    page.wait_for_function("() => location.search.includes('drawn=mirror')")
    values = [float(part) for part in page.url.split("sel=")[1].split("&")[0].split(",")]
    expected = _inside(asked, "mirror", np.reshape(values, (-1, 2)).tolist())
    assert expected
    page.wait_for_function(f"(graph) => ({FRAME})(graph).selected === null", arg=GRAPHS[1])
    _expect_selected(page, GRAPHS[0], expected)
    expect(page.locator("#selection-count")).to_contain_text(f"{len(expected):,} of")
    # The address brings both back; without its map the selection is gone.
    page.reload()
    page.wait_for_selector(".map-body[data-linked]")
    _expect_selected(page, GRAPHS[0], expected)
    page.locator("#map-second").click()
    page.get_by_role("option", name="no second map").click()
    expect(page.locator("#map-selection")).to_be_hidden()
    page.wait_for_function("() => !location.search.includes('second') && !location.search.includes('sel=')")


def test_a_click_on_the_second_map_marks_the_image_on_both(at, asked: httpx.Client) -> None:
    page = at("?second=mirror", 2)
    (point,) = lonely(page, graph=GRAPHS[1])
    page.mouse.click(point["x"], point["y"])
    _expect_place(page, asked, point["name"], dict(zip(GRAPHS, ("pca", "mirror"), strict=True)))


def test_each_map_is_coloured_by_its_own_preservation(at, asked: httpx.Client) -> None:
    page = at("?second=mirror&colour=preservation", 2)
    page.wait_for_selector('.map-body[data-colour^="/preservation"]')
    columns = asked.get("/v1/maps/pca/points").json()["columns"]
    for graph, path in zip(GRAPHS, ("/preservation/pca", "dataset"), strict=True):
        page.wait_for_selector(f'{graph} .js-plotly-plot[data-colour^="{path}"]')
    names = [item["name"] for item in asked.get("/v1/datasets").json()["items"]]
    for points in frame(page, GRAPHS[0])["points"]:
        expect_on_scale(points, np.array(columns["preservation"])[rows_of(points["runs"])])
    for points in frame(page, GRAPHS[1])["points"]:
        colour = mark(names.index(points["dataset"])).colour  # mirror was never measured
        assert points["lut"] == [[*(int(colour[k : k + 2], 16) for k in (1, 3, 5)), 255]]
        assert points["of"] is None
    expect(page.locator("#map-colours")).to_contain_text("Neighbour preservation")


def test_test_images_are_coloured_by_their_outlier_percentile(at, asked: httpx.Client) -> None:
    page = at("?colour=outlier", 1)
    page.wait_for_selector('.map-body[data-colour^="/outliers"]')
    answer = asked.get("/v1/outliers/percentiles").content
    column = np.load(io.BytesIO(answer), allow_pickle=False)
    page.wait_for_selector('#map-graph .js-plotly-plot[data-colour^="/outliers"]')
    assert np.isnan(column).any()
    assert not np.isnan(column).all()
    for points in frame(page)["points"]:
        expect_on_scale(points, column[rows_of(points["runs"])] / 100)


def test_whatever_is_in_view_the_plots_keep_their_size(at) -> None:
    # Beside a second map the first was brought to its range again whenever its size changed; where a label at the edge
    # moved the edge, that never ended.
    page = at("?second=mirror", 2)
    sizes = page.evaluate(
        """async (graphs) => {
          const seen = new Set();
          for (const graph of graphs) {
            const gd = document.querySelector(`${graph} .js-plotly-plot`);
            for (let k = 0; k < 40; k++) {
              await Plotly.relayout(gd, { "yaxis.range": [-10 - k / 8, 10 + k / 8] });
              const { l, r, t, b } = gd._fullLayout._size;
              seen.add([l, r, t, b].join());
            }
          }
          return [...seen];
        }""",
        GRAPHS,
    )
    assert sizes == ["62,14,12,46"]


def test_each_map_says_how_faithful_it_is(at, asked: httpx.Client) -> None:
    page = at("?second=mirror", 2)
    page.get_by_role("button", name="How faithful?").click()
    told = page.locator("#map-quality")
    found = asked.get("/v1/maps/pca/quality").json()
    rows = told.locator('[data-map="pca"] tbody tr')
    ranks = found["neighbourhoods"]
    figures = [ranks["trustworthiness"], ranks["continuity"], ranks["preservation"]]
    expect(rows).to_have_count(4)
    for row, figure in zip(rows.all(), [*figures, found["distances"]["spearman"]], strict=True):
        expect(row.locator("b")).to_have_text(f"{figure['value']:.3f}")
    expect(rows.first).to_contain_text(f"{figures[0]['chance']:.3f}")
    expect(page.locator("#map-quality-wait")).to_be_hidden()
    pairs = found["distances"]
    words = "all pairs" if pairs["exact"] else f"{pairs['pairs']:,} pairs"
    expect(told).to_contain_text(f"distances of {words}")
    expect(told).to_contain_text("The quality of the map 'mirror' was not measured")


def test_the_second_map_says_what_its_ellipses_hold(at, asked: httpx.Client) -> None:
    page = at("?second=mirror", 2)
    rows = page.locator("#map-groups-2 .group-row")
    shares = [
        [region["observed_coverage"] for region in asked.get(f"/v1/maps/{name}/ellipses").json()["items"]]
        for name in ("pca", "mirror")
    ]
    assert shares[0] != shares[1]  # else it could be those of the first map
    expect(page.locator("#map-groups-2 .section-title")).to_have_text("Inside them on mirror")
    for group in ("Data set", "Label"):
        page.get_by_role("textbox", name="One for each").click()
        page.get_by_role("option", name=group, exact=True).click()
        items = asked.get("/v1/maps/mirror/ellipses", params={"group_by": group.lower().replace(" ", "")})
        for region in items.json()["items"]:
            row = page.locator(f'#map-groups-2 .group-row[data-group="{region["group"]}"]')
            expect(row).to_contain_text(f"{100 * region['observed_coverage']:.1f} %")
            expect(row.locator(".warning")).to_have_count(int(bool(region["warnings"])))
        expect(rows).to_have_count(len(items.json()["items"]))
    page.get_by_role("textbox", name="Kind").click()
    page.get_by_role("option", name="Confidence of the mean").click()
    expect(rows.first.locator(".group-coverage")).to_have_text("")  # few images there are no fault
    page.get_by_role("textbox", name="Second map").click()
    page.get_by_role("option", name="no second map").click()
    expect(page.locator("#map-groups-2")).to_be_hidden()
    expect(rows).to_have_count(0)


def test_a_link_to_another_map_brings_its_view_along(at, asked: httpx.Client) -> None:
    page = at("?map=mirror&kind=normal&level=80", 1)
    page.wait_for_function("() => location.search.includes('kind=normal')")
    page.get_by_role("link", name="Reconstructions").click()
    page.wait_for_selector(".recon-grid .card")
    link = page.locator('.recon-grid a[href^="/?point="]').first
    point = (link.get_attribute("href") or "").partition("=")[2]
    link.click()
    expect(page.locator(f'.inspector-body[data-point="{point}"]')).to_be_visible()
    page.wait_for_function(
        "() => document.querySelector('#map-graph .js-plotly-plot').layout.meta.map === 'pca'"
    )
    expect(page.locator("#map-kind")).to_have_value("Prediction: a new image")
    expect(page.locator(f'.inspector-body[data-point="{point}"]')).to_be_visible()
    page.wait_for_url(f"**/?point={point}")


def test_a_second_map_that_is_now_the_first_has_its_own_ellipses(at, asked: httpx.Client) -> None:
    page = at("?second=mirror", 2)
    page.get_by_role("textbox", name="Map", exact=True).click()
    page.get_by_role("option", name="mirror", exact=True).click()
    page.wait_for_function(
        "() => document.querySelector('#map-graph .js-plotly-plot').layout.meta.map === 'mirror'"
    )
    page.get_by_role("textbox", name="Kind").click()
    page.get_by_role("option", name="Normal contour (χ²)").click()
    fitted = asked.get("/v1/maps/mirror/ellipses", params={"kind": "normal"}).json()["items"][0]
    page.wait_for_function(
        f"([name, x]) => Math.abs(({FRAME})('#map-graph').lines.find((line) => line.dataset === name).x[0] - x) < 1e-4",
        arg=[fitted["group"], fitted["outline"][0][0]],
    )
