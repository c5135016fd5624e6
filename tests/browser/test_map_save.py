"""What saved pictures of the map say, in a real browser: the same as the page, of colours as of ellipses."""

import io
import re

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from dashboard.colouring import SCALE
from dashboard.palette import OKABE_ITO, mark
from tests.browser.map_places import hues, images_of, names_of, open_map, wait_drawn
from tests.browser.map_saving import MAP, PANELS, WITH_ALL, panels_of, saved, saved_svg, texts_of

pytestmark = pytest.mark.browser


def _coloured(page: Page, path: str) -> None:
    """Open the map, until its points have the colours that the address asks for."""
    open_map(page, path)
    page.wait_for_selector(".map-body[data-colour]")


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
    svg = saved_svg(page, what)
    texts = texts_of(svg)
    assert {"Reconstruction PSNR (dB)", f"≤ {low:.3g}", f"≥ {high:.3g}"} <= set(texts)
    assert page.locator("#map-colours .colours-note").inner_text() in texts
    # Data sets by their markers: their colours belong to the ellipses, as pieces of lines.
    assert all(name in texts for name in names_of(api))
    markers = re.findall(r'<path class="point"[^>]*style="([^"]*)"', svg)
    assert len(markers) == len(names_of(api))
    assert not any(_rgb(colour) in marker for marker in markers for colour in OKABE_ITO)


def test_the_scale_is_drawn_in_the_colours_of_the_points(page: Page) -> None:
    _coloured(page, "/?colour=psnr")
    picture = Image.open(io.BytesIO(saved(page, f"{MAP} PNG"))).convert("RGB")
    above = np.array(picture.crop((0, 0, picture.width, 300)), np.int64)
    for colour in SCALE:
        wished = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
        assert (np.abs(above - wished) <= 3).all(axis=-1).any(), colour


@pytest.mark.parametrize("what", [MAP, PANELS])
def test_values_have_their_colours(page: Page, api: httpx.Client, what: str) -> None:
    _coloured(page, "/?colour=split")
    svg = saved_svg(page, what)
    texts = texts_of(svg)
    assert {"Split", "train", "val", "test", *names_of(api)} <= set(texts)
    for colour in OKABE_ITO[:3]:
        assert re.search(rf'data-index="\d+"[^>]*fill: {re.escape(_rgb(colour))}', svg)
    # Labels have the marker of their data set too. The legend has those of the data sets that are on.
    _coloured(page, "/?colour=label")
    first, second, *_ = names_of(api)
    page.get_by_role("button", name=f"Show only {first}", exact=True).click()
    wait_drawn(page, names={first})
    shown = page.locator(f'#map-colours [data-colours-of="{first}"] .colours-name').all_inner_texts()
    texts = texts_of(saved_svg(page, what))
    assert {"Label", first, f"{first}:", *shown} <= set(texts)
    assert not any(second in text for text in texts)


@pytest.mark.parametrize("what", [MAP, PANELS])
def test_the_ellipses_are_told(page: Page, api: httpx.Client, what: str) -> None:
    open_map(page)
    first, *_ = names_of(api)
    texts = texts_of(saved_svg(page, what))
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
    texts = texts_of(saved_svg(page, what))
    assert {"95 % robust ellipses (MCD); inside:", f"{first} {inside}"} <= set(texts)
    # Without an ellipse there is nothing to tell.
    page.get_by_role("button", name="None", exact=True).click()
    wait_drawn(page, names=set())
    assert not any("ellipses" in text for text in texts_of(saved_svg(page, what)))


@pytest.mark.parametrize("group", ["dataset", "split"])
def test_of_a_second_map_the_ellipses_are_told_too(
    page: Page, pair: tuple[str, str], watched, group: str
) -> None:
    """Beside a map of three dimensions, of which there are no panels, they are the second map's."""
    watched.expected = ("willReadFrequently",)  # how Plotly draws its glyphs in space
    service, address = pair
    fitted = httpx.get(
        f"{service}/v1/maps/mirror/ellipses", params={"group_by": group, "kind": "robust"}, trust_env=False
    ).json()["items"]
    page.goto(f"{address}/?map=space&second=mirror&kind=robust&group={group}")
    wait_drawn(page, "#map-graph-2")
    page.wait_for_function(
        "(n) => window.vqscopeMap.wanted.ellipses.mirror.inside.length === n", arg=len(fitted)
    )
    texts = texts_of(saved_svg(page, PANELS))
    by = "" if group == "dataset" else f" by {group}"
    assert f"95 % robust ellipses (MCD){by}; inside:" in texts
    assert len(fitted) > 1
    for ellipse in fitted:
        assert f"{ellipse['group']} {100 * ellipse['observed_coverage']:.1f} %" in texts


def test_ellipses_of_groups_are_in_the_panels(page: Page, api: httpx.Client) -> None:
    for group, shown_again in (("label", 1), ("split", 0)):
        open_map(page, f"/?group={group}")
        fitted = api.get("/v1/maps/pca/ellipses", params={"group_by": group}).json()["items"]
        drawn = [e for e in fitted if e["outline"]]
        page.wait_for_function(
            "(n) => window.vqscopeMap.wanted.ellipses.pca.shapes.length === n", arg=len(drawn)
        )
        for what, times in ((MAP, 1), (PANELS, shown_again), (WITH_ALL, 1 + shown_again)):
            svg = saved_svg(page, what)
            # In the panel of all, and those of a label in that of its data set.
            assert _group_lines(svg) == times * len(drawn)
            texts = texts_of(svg)
            assert f"95 % prediction ellipses by {group}; inside:" in texts
            rows = page.locator("#map-groups .group-row").all()
            assert len(rows) == len(fitted)
            for row in rows:
                inside = row.locator(".group-coverage").inner_text()
                assert f"{row.get_attribute('data-group')} {inside}" in texts


@pytest.mark.parametrize("form", ["PNG", "SVG"])
def test_the_file_has_a_name(page: Page, form: str) -> None:
    open_map(page)
    for what, name in (
        (MAP, "latent-map"),
        (PANELS, "latent-map-panels"),
        (WITH_ALL, "latent-map-panels-all"),
    ):
        page.get_by_role("button", name="Save", exact=True).click()
        with page.expect_download() as caught:
            page.get_by_role("button", name=f"{what} {form}", exact=True).click()
        assert caught.value.suggested_filename == f"{name}.{form.lower()}"
        content = caught.value.path().read_bytes()
        assert content.startswith(b"\x89PNG" if form == "PNG" else b"<svg")


def test_there_is_a_panel_for_each_data_set_that_is_on(page: Page, api: httpx.Client) -> None:
    """Five for five, and with one of all before them six; with letters, how many images, and the points of each."""
    items = api.get("/v1/datasets").json()["items"]
    five = {item["name"]: sum(item["n_indexed"].values()) for item in items[:5]}
    own = {name: mark(i).colour for i, name in enumerate(five)}
    assert len(five) == 5
    open_map(page, "/?" + "&".join(f"on={name}" for name in five))
    wait_drawn(page, names=set(five))
    for what, groups in ((PANELS, five), (WITH_ALL, {"all data sets": sum(five.values())} | five)):
        svg = saved_svg(page, what)
        panels = panels_of(svg)
        letters = zip("abcdef", groups.items(), strict=False)
        assert [" ".join(text.split()) for *_, text in panels] == [
            f"{letter} {name} (n = {n:,})" for letter, (name, n) in letters
        ]
        tops = [y for y, *_ in panels]
        assert tops == [tops[0]] * 3 + [tops[3]] * (len(groups) - 3)  # three in a row
        assert tops[3] - tops[0] > 200
        lefts = [x for _, x, _ in panels]
        assert lefts == (sorted(lefts[:3]) * 2)[: len(groups)]
        pictures = images_of(svg)
        for name, picture in zip(groups, pictures, strict=True):
            meant = {own[name]} if name in own else set(own.values())
            assert {colour for colour, n in hues(picture).items() if n > 30} == meant


def test_rows_of_panels_are_as_equal_as_can_be(page: Page) -> None:
    open_map(page)
    found = page.evaluate("() => Array.from({ length: 12 }, (_, k) => window.vqscopeMap.columnsOf(k + 1))")
    assert found == [1, 2, 3, 2, 3, 3, 4, 4, 3, 4, 4, 4]


def test_an_ellipse_is_seen_over_points_of_its_colour(page: Page, api: httpx.Client) -> None:
    open_map(page)
    lines = re.findall(r'<path class="js-line"[^>]*style="([^"]*)"', saved_svg(page, PANELS))
    seams = [style for style in lines if "stroke: rgb(255, 255, 255)" in style]
    assert len(seams) == len(lines) - len(seams) == len(names_of(api))
    broad = [float(re.search(r"stroke-width: ([\d.]+)px", style)[1]) for style in lines]
    assert max(broad) > min(broad)
    assert lines.index(seams[0]) == 0  # drawn first: below the ellipse


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
def test_nothing_is_cut_off_or_over_another(page: Page, api: httpx.Client, scheme: str) -> None:
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
    for query, what in (
        ("colour=label&group=label", MAP),
        ("colour=psnr", PANELS),
        ("colour=label&on=@", PANELS),
    ):
        _coloured(page, f"/?{query.replace('@', names_of(api)[0])}")
        (_, _, width, height), *texts = page.evaluate(boxes, saved_svg(page, what))
        texts = [box for box in texts if box[2] > box[0]]
        assert len(texts) > (20 if "on=" not in query else 8)
        for left, top, right, bottom in texts:
            assert min(left, top) >= 0
            assert right <= width
            assert bottom <= height
        for i, one in enumerate(texts):
            for other in texts[:i]:
                across = min(one[2], other[2]) - max(one[0], other[0])
                down = min(one[3], other[3]) - max(one[1], other[1])
                assert across <= 1 or down <= 4, (one, other)  # lines of text are higher than letters
