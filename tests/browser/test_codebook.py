"""The codebook page in a real browser over the real service."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from dashboard.client_codebook import PATCHES
from dashboard.components.words import count, odds_told, per_cent, probability

pytestmark = pytest.mark.browser


def _lines(api: httpx.Client, sort: str = "rank") -> list[dict]:
    return api.get("/v1/codebook", params={"sort": sort, "limit": 4096}).json()["items"]


@pytest.fixture
def code(api: httpx.Client) -> int:
    """A code that goes with a data set and that many images contain."""
    return next(line["code"] for line in _lines(api, "images") if line["dataset"] is not None)


def _expect_tiles(page: Page, codes: list[int]) -> None:
    page.wait_for_function(
        "(codes) => JSON.stringify([...document.querySelectorAll('.code-tile')].map((t) => +t.dataset.code)) "
        "=== JSON.stringify(codes)",
        arg=codes,
    )


def _choose(page: Page, field: str, option: str) -> None:
    page.locator(field).click()
    page.get_by_role("option", name=option, exact=True).click()


def _focused(page: Page) -> int:
    return page.evaluate("() => Number(document.activeElement.dataset.code)")


def test_the_atlas_holds_the_codes_of_the_service(page: Page, api: httpx.Client) -> None:
    page.goto("/codebook")
    lines = _lines(api)
    _expect_tiles(page, [line["code"] for line in lines])
    book = api.get("/v1/codebook").json()
    total = page.locator("#codebook-total")
    expect(total).to_contain_text(f"{book['codebook_size']} codes, {len(book['dead'])} dead")
    expect(total).to_contain_text(
        f"perplexity {book['perplexity']:.1f}, counted over {count(book['n'])} images"
    )
    for line in lines[:5] + [line for line in lines if not line["images"]][:1]:
        tile = page.locator(f"#code-{line['code']}")
        told = f"in {count(line['images'])} images, {per_cent(line['share'])}" if line["images"] else "dead"
        expect(tile).to_have_attribute("aria-label", re.compile(rf"^Code {line['code']}, {re.escape(told)}"))
        expect(tile.locator(".swatch")).to_have_count(1 if line["dataset"] else 0)
    named = {line["dataset"] for line in lines} - {None}
    marks = page.locator(".atlas-mark")
    expect(marks).to_have_text(
        [one["name"] for one in api.get("/v1/datasets").json()["items"] if one["name"] in named]
    )
    for name in sorted(named)[:2]:  # a tile has the mark that is explained
        code = next(line["code"] for line in lines if line["dataset"] == name)
        symbol = marks.get_by_text(name, exact=True).locator(".swatch").get_attribute("data-symbol") or ""
        expect(page.locator(f"#code-{code} .swatch")).to_have_attribute("data-symbol", symbol)
    # The tiles are cut from the service's own pictures, at a whole multiple of their pixels.
    for show, place in (("patch", [48, 12]), ("prototype", [56, 28])):
        page.locator("#codebook-show").get_by_text(f"{show}").click()
        _check_tiles(page, api, show, *place)


def _check_tiles(page: Page, api: httpx.Client, show: str, side: int, edge: int) -> None:
    source = page.wait_for_selector(f'img[data-atlas="{show}-0"]', state="attached")
    page.wait_for_function("(img) => img.complete && img.naturalWidth > 0", arg=source)
    assert source.evaluate("(img) => img.naturalWidth") == 16 * edge
    response = page.request.get(source.get_attribute("src") or "")
    assert response.body() == api.get("/v1/codebook/atlas/0", params={"show": show}).content
    assert "immutable" in response.headers["cache-control"]
    # Asked again until it is so: the grid may be drawn anew in between, and an element that is gone has no style.
    look = {
        "width": f"{side}px",
        "background-size": f"{16 * side}px",
        "background-position": f"-{side}px -{side}px",
        "image-rendering": "pixelated",
    }
    for name, value in look.items():
        expect(page.locator("#code-17 .tile-picture")).to_have_css(name, re.compile(f"^{re.escape(value)}"))


def test_order_and_filter(page: Page, api: httpx.Client) -> None:
    page.goto("/codebook")
    page.wait_for_selector(".code-tile")
    _choose(page, "#codebook-order", "Use: most used first")
    used = _lines(api, "images")
    _expect_tiles(page, [line["code"] for line in used])
    _choose(page, "#codebook-order", "Use: dead and rare first")
    rare = sorted(_lines(api), key=lambda line: (line["images"], line["code"]))
    _expect_tiles(page, [line["code"] for line in rare])
    expect(page.locator(".code-tile").first).to_have_class(re.compile("dead"))
    name = next(line["dataset"] for line in used if line["dataset"])
    _choose(page, "#codebook-with", name)
    own = [line["code"] for line in rare if line["dataset"] == name]
    _expect_tiles(page, own)
    expect(page.locator("#codebook-shown")).to_have_text(f"{len(own)} of {len(rare)} codes")
    page.wait_for_url(re.compile(rf"order=rare&with={name}"))
    page.reload()  # a link reproduces the view
    _expect_tiles(page, own)


def test_the_panel_shows_the_figures_of_the_service(page: Page, api: httpx.Client, code: int) -> None:
    page.goto(f"/codebook?code={code}")
    page.wait_for_selector(".patch-list li")
    page.wait_for_selector(".bar-row")
    details = api.get(f"/v1/codebook/{code}").json()
    panel = page.locator("#codebook-panel")
    expect(panel.get_by_role("heading", name=f"Code {code}")).to_be_visible()
    expect(panel).to_contain_text(
        f"In {count(details['images'])} images ({per_cent(details['share'])}), {count(details['cells'])} cells"
    )
    expect(page.locator(f"#code-{code}")).to_have_attribute("aria-selected", "true")
    for group in details["by_dataset"] + details["by_label"]:
        key = group["dataset"] if group["label"] is None else f"{group['dataset']}/{group['label']}"
        row = panel.locator(f'.bar-row[data-group="{key}"]')
        expect(row).to_contain_text(per_cent(group["share"]))
        expect(row).to_contain_text(f"{count(group['images'])} / {count(group['n'])}")
    (first,) = [g for g in details["by_dataset"] if g["dataset"] == _line(api, code)["dataset"]]
    told = panel.locator(f'.group-list li[data-group="{first["dataset"]}"]')
    expect(told).to_contain_text("".join(odds_told(first["log2_odds"], *first["interval"])))
    expect(told).to_contain_text(f"q {probability(first['q'])}")
    cells = panel.locator(".positions td").all_inner_texts()
    assert cells == [count(n) for row in details["positions"] for n in row]
    for one in details["companions"]:
        companion = panel.locator(f'.companions [data-choose="{one["code"]}"]')
        ratio, interval = odds_told(one["log2_odds"], *one["interval"])
        expect(companion).to_contain_text(f"{count(one['images'])} images{ratio}")
        assert f"{ratio}{interval}, q {probability(one['q'])}" in (companion.get_attribute("title") or "")
    found = api.get(f"/v1/codebook/{code}/patches", params={"k": PATCHES}).json()["items"]
    items = panel.locator(".patch-list li")
    expect(items).to_have_count(len(found))
    for item, patch in zip(items.all(), found, strict=True):
        expect(item).to_have_attribute(
            "data-point", f"{patch['dataset']}/{patch['split']}/{patch['position']}"
        )
        expect(item.locator(".patch-line")).to_have_text(f"{patch['distance']:.3f}")
    source = page.request.get(panel.locator("img[data-sheet]").get_attribute("src") or "")
    assert source.body() == api.get(f"/v1/codebook/{code}/patches/sheet", params={"k": PATCHES}).content
    expect(panel.get_by_role("link", name="Show its images on the map")).to_have_attribute(
        "href", f"/?code={code}"
    )
    point = items.first.get_attribute("data-point")
    items.first.get_by_role("link").click()
    page.wait_for_selector(f'.inspector-body[data-point="{point}"]')
    page.go_back()
    expect(panel.get_by_role("heading", name=f"Code {code}")).to_be_visible()
    # A code named in the panel is chosen; the order stays, and the focus is not lost.
    _choose(page, "#codebook-order", "Use: most used first")
    other = details["companions"][0]["code"]
    button = panel.locator(f'.companions [data-choose="{other}"]')
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/codebook?code={other}&order=use")
    page.wait_for_selector(f".code-title:text-is('Code {other}')")
    expect(panel).to_be_focused()


def _line(api: httpx.Client, code: int) -> dict:
    return next(line for line in _lines(api) if line["code"] == code)


def test_arrows_move_and_the_code_under_the_focus_is_chosen(page: Page, api: httpx.Client) -> None:
    page.goto("/codebook?zoom=1")
    codes = [line["code"] for line in _lines(api)]
    _expect_tiles(page, codes)
    page.locator(".code-tile").first.focus()
    assert page.locator('.code-tile[tabindex="0"]').count() == 1
    row = page.evaluate(
        "() => { const t = [...document.querySelectorAll('.code-tile')]; "
        "return t.filter((one) => one.offsetTop === t[0].offsetTop).length; }"
    )
    assert 1 < row < len(codes)
    place = 0
    for key, step in (
        ("ArrowRight", 1),
        ("ArrowRight", 1),
        ("ArrowDown", row),
        ("ArrowLeft", -1),
        ("ArrowUp", -row),
    ):
        page.keyboard.press(key)
        place += step
        assert _focused(page) == codes[place]
    page.keyboard.press("End")
    assert _focused(page) == codes[-1]
    page.keyboard.press("ArrowRight")  # there is nothing further
    assert _focused(page) == codes[-1]
    page.keyboard.press("Home")
    page.wait_for_url(re.compile(rf"code={codes[0]}&"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(f".code-title:text-is('Code {codes[1]}')")
    expect(page.locator('.code-tile[aria-selected="true"]')).to_have_attribute("data-code", str(codes[1]))
    expect(page.locator('.code-tile[tabindex="0"]')).to_have_count(1)


def test_dead_and_unknown_codes_are_said_to_be_so(page: Page, api: httpx.Client) -> None:
    dead = api.get("/v1/codebook").json()["dead"][0]
    page.goto("/codebook")
    expect(page.locator("#codebook-about")).to_contain_text("No code chosen")
    page.locator(f"#code-{dead}").click()
    page.wait_for_selector(".code-title")
    expect(page.locator("#codebook-about")).to_contain_text("A dead code: no image of the index contains it.")
    expect(page.locator("#codebook-panel .section-title")).to_have_count(0)
    page.goto("/codebook?code=99999&order=nonsense&zoom=77&with=nothing")
    _expect_tiles(page, [line["code"] for line in _lines(api)])
    page.wait_for_selector("#codebook-about :text('No such code')")
