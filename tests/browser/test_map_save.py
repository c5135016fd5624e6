"""What saved pictures of the map say, in a real browser: the same as the page, of colours as of ellipses."""

import html
import io
import re

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from dashboard.colouring import SCALE
from dashboard.palette import OKABE_ITO
from tests.browser.map_places import names_of, open_map, wait_drawn

pytestmark = pytest.mark.browser

MAP, PANELS = "Map as", "A panel for each data set,"


def _coloured(page: Page, path: str) -> None:
    """Open the map, until its points have the colours that the address asks for."""
    open_map(page, path)
    page.wait_for_selector(".map-body[data-colour]")


def _saved(page: Page, item: str) -> bytes:
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as caught:
        page.get_by_role("button", name=item, exact=True).click()
    return caught.value.path().read_bytes()


def _svg(page: Page, what: str) -> str:
    return _saved(page, f"{what} SVG").decode()


def _texts(svg: str) -> list[str]:
    """All texts of a picture, without their tags."""
    found = re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", text)).strip() for text in found]


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[k : k + 2], 16)) for k in (1, 3, 5))})"


def _group_lines(svg: str) -> int:
    """How many ellipses of groups a picture has: closed paths of many vertices that are only stroked."""
    return sum(path.count("L") > 20 for path in re.findall(r'<path data-index="\d+"[^>]* d="([^"]+)"', svg))


@pytest.mark.parametrize("what", [MAP, PANELS])
def test_numbers_have_their_scale(page: Page, api: httpx.Client, what: str) -> None:
    _coloured(page, "/?colour=psnr")
    column = next(item for item in api.get("/v1/columns").json()["items"] if item["name"] == "psnr")
    low, high = column["robust_limits"]
    svg = _svg(page, what)
    texts = _texts(svg)
    assert {"Reconstruction PSNR (dB)", f"≤ {low:.3g}", f"≥ {high:.3g}"} <= set(texts)
    assert page.locator("#map-colours .colours-note").inner_text() in texts
    # Data sets by their markers: their colours belong to the ellipses, as pieces of lines.
    assert all(name in texts for name in names_of(api))
    markers = re.findall(r'<path class="point"[^>]*style="([^"]*)"', svg)
    assert len(markers) == len(names_of(api))
    assert not any(_rgb(colour) in marker for marker in markers for colour in OKABE_ITO)


def test_the_scale_is_drawn_in_the_colours_of_the_points(page: Page) -> None:
    _coloured(page, "/?colour=psnr")
    picture = Image.open(io.BytesIO(_saved(page, f"{MAP} PNG"))).convert("RGB")
    above = np.array(picture.crop((0, 0, picture.width, 300)), np.int64)
    for colour in SCALE:
        wished = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
        assert (np.abs(above - wished) <= 3).all(axis=-1).any(), colour


@pytest.mark.parametrize("what", [MAP, PANELS])
def test_values_have_their_colours(page: Page, api: httpx.Client, what: str) -> None:
    _coloured(page, "/?colour=split")
    svg = _svg(page, what)
    texts = _texts(svg)
    assert {"Split", "train", "val", "test", *names_of(api)} <= set(texts)
    for colour in OKABE_ITO[:3]:
        assert re.search(rf'data-index="\d+"[^>]*fill: {re.escape(_rgb(colour))}', svg)
    # Labels have the marker of their data set too. The legend has those of the data sets that are on.
    _coloured(page, "/?colour=label")
    first, second, *_ = names_of(api)
    page.get_by_role("button", name=f"Show only {first}", exact=True).click()
    wait_drawn(page, names={first})
    shown = page.locator(f'#map-colours [data-colours-of="{first}"] .colours-name').all_inner_texts()
    texts = _texts(_svg(page, what))
    assert {"Label", first, f"{first}:", *shown} <= set(texts)
    assert not any(second in text for text in texts)


@pytest.mark.parametrize("what", [MAP, PANELS])
def test_the_ellipses_are_told(page: Page, api: httpx.Client, what: str) -> None:
    open_map(page)
    first, *_ = names_of(api)
    texts = _texts(_svg(page, what))
    assert "95 % prediction ellipses; inside:" in texts
    for name in names_of(api):
        inside = page.locator(f'.legend-row[data-dataset="{name}"] .legend-coverage').inner_text()
        assert f"{name} {inside}" in texts
    # Of those that are drawn now.
    page.locator("#map-kind").click()
    page.get_by_role("option", name="Robust (MCD)").click()
    page.wait_for_function("() => window.vqscopeMap.wanted.ellipses.pca.key[3] === 'robust'")
    fitted = api.get("/v1/maps/pca/ellipses", params={"kind": "robust"}).json()["items"]
    inside = next(f"{100 * e['observed_coverage']:.1f} %" for e in fitted if e["group"] == first)
    expect(page.locator(f'.legend-row[data-dataset="{first}"] .legend-coverage')).to_have_text(inside)
    texts = _texts(_svg(page, what))
    assert {"95 % robust ellipses (MCD); inside:", f"{first} {inside}"} <= set(texts)
    # Without an ellipse there is nothing to tell.
    page.get_by_role("button", name="None", exact=True).click()
    wait_drawn(page, names=set())
    assert not any("ellipses" in text for text in _texts(_svg(page, what)))


def test_ellipses_of_groups_are_in_the_panels(page: Page, api: httpx.Client) -> None:
    for group, shown_again in (("label", 1), ("split", 0)):
        open_map(page, f"/?group={group}")
        fitted = api.get("/v1/maps/pca/ellipses", params={"group_by": group}).json()["items"]
        drawn = [e for e in fitted if e["outline"]]
        page.wait_for_function(
            "(n) => window.vqscopeMap.wanted.ellipses.pca.shapes.length === n", arg=len(drawn)
        )
        for what, times in ((MAP, 1), (PANELS, 1 + shown_again)):
            svg = _svg(page, what)
            # In the panel of all, and those of a label in that of its data set.
            assert _group_lines(svg) == times * len(drawn)
            texts = _texts(svg)
            assert f"95 % prediction ellipses by {group}; inside:" in texts
            rows = page.locator("#map-groups .group-row").all()
            assert len(rows) == len(fitted)
            for row in rows:
                inside = row.locator(".group-coverage").inner_text()
                assert f"{row.get_attribute('data-group')} {inside}" in texts


def test_what_is_left_out_of_a_legend_is_said(page: Page) -> None:
    open_map(page)
    placed = """(n) => {
      const gd = document.querySelector('#map-graph .js-plotly-plot');
      const values = Array.from({ length: n }, (_, k) => ({ text: `value ${k}`, patch: '#0072B2' }));
      return window.vqscopeMap.legend.placed(gd, [values], 600).entries;
    }"""
    assert len(page.evaluate(placed, 20)) == 20
    *kept, last = page.evaluate(placed, 1000)
    assert [entry["text"] for entry in kept] == [f"value {k}" for k in range(len(kept))]
    assert last["text"] == f"{1000 - len(kept)} more entries are left out here."


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_or_over_another(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    boxes = """(svg) => {
      const around = Object.assign(document.createElement('div'), { innerHTML: svg });
      document.body.replaceChildren(around);
      const whole = around.querySelector('svg').getBoundingClientRect();
      return [whole, ...around.querySelectorAll('text')].map((part) => {
        const { left, top, right, bottom } = part instanceof Element ? part.getBoundingClientRect() : part;
        return [left - whole.left, top - whole.top, right - whole.left, bottom - whole.top];
      });
    }"""
    for query, what in (("colour=label&group=label", MAP), ("colour=psnr", PANELS)):
        _coloured(page, f"/?{query}")
        (_, _, width, height), *texts = page.evaluate(boxes, _svg(page, what))
        texts = [box for box in texts if box[2] > box[0]]
        assert len(texts) > 20
        for left, top, right, bottom in texts:
            assert min(left, top) >= 0
            assert right <= width
            assert bottom <= height
        for i, one in enumerate(texts):
            for other in texts[:i]:
                across = min(one[2], other[2]) - max(one[0], other[0])
                down = min(one[3], other[3]) - max(one[1], other[1])
                assert across <= 1 or down <= 4, (one, other)  # lines of text are higher than letters
