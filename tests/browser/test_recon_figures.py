"""Histograms, window and level, and the enlarged image on the reconstructions page."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from dashboard.client_figures import BINS

pytestmark = pytest.mark.browser

WORDS = {
    "psnr": lambda v: f"{v:.2f} dB",
    "ssim": lambda v: f"{v:.3f}",
    "mae": lambda v: f"{100 * v:.2f} %",
}
BARS = """(plot) => {
  // The heights of the bars, of 100, read back from the path that draws them.
  const path = plot.querySelector("path").getAttribute("d");
  return [...path.matchAll(/M(\\d+) 100V([\\d.]+)h1V100z/g)].map((m) => [Number(m[1]), 100 - Number(m[2])]);
}"""


def _dataset(api: httpx.Client, channels: int) -> str:
    items = api.get("/v1/datasets").json()["items"]
    return next(item["name"] for item in items if item["n_channels"] == channels)


def test_the_histograms_are_the_services_and_mark_the_image(page: Page, api: httpx.Client) -> None:
    name = _dataset(api, 1)
    page.goto(f"/reconstructions?dataset={name}")
    page.wait_for_selector("#recon-hists svg")
    card = page.locator(".card").nth(1)
    card.hover()
    sample = api.get(f"/v1/samples/{card.get_attribute('data-point')}").json()
    asked = {"dataset": name, "split": "test", "bins": BINS}
    found = api.get("/v1/samples/distributions", params=asked).json()
    for figure, words in WORDS.items():
        one, counts = found["figures"][figure], found["figures"][figure]["counts"]
        shown = page.locator(f'#recon-hists [data-figure="{figure}"]')
        expect(shown.locator(".hist-value")).to_have_text(words(sample[figure]))
        expect(shown.locator(".hist-low")).to_have_text(words(one["low"]))
        expect(shown.locator(".hist-high")).to_have_text(words(one["high"]))
        expect(shown.locator(".hist-median")).to_have_text(f"median {words(one['summary']['quartiles'][1])}")
        bars = shown.locator(".hist-plot").evaluate(BARS)
        assert [place for place, _ in bars] == [place for place, n in enumerate(counts) if n]
        assert [height for _, height in bars] == pytest.approx(
            [max(3, 100 * n / max(counts)) for n in counts if n]
        )
        expect(shown.locator(".hist-tick")).to_have_count(page.locator(".card").count())
        mark = shown.locator(".hist-now").evaluate("(mark) => parseFloat(mark.style.left)")
        expected = 100 * (sample[figure] - one["low"]) / (one["high"] - one["low"])
        assert mark == pytest.approx(expected, abs=0.001)  # the browser rounds it


def test_the_histograms_follow_the_choice(page: Page, api: httpx.Client) -> None:
    name = _dataset(api, 3)
    page.goto(f"/reconstructions?dataset={name}")
    page.wait_for_selector("#recon-hists svg")
    for split, text in (("train", "training"), (None, "all")):
        page.locator("#recon-split").get_by_text(text, exact=True).click()
        asked = {"dataset": name} | ({"split": split} if split else {})
        low = api.get("/v1/samples/distributions", params=asked).json()["figures"]["psnr"]["low"]
        expect(page.locator('#recon-hists [data-figure="psnr"] .hist-low')).to_have_text(WORDS["psnr"](low))


def test_window_and_level_change_what_is_shown_of_grey_images(page: Page, api: httpx.Client) -> None:
    page.goto(f"/reconstructions?dataset={_dataset(api, 1)}")
    page.wait_for_selector(".card")
    filters = """() => [...document.querySelectorAll('.card img')].map(
      (img) => [img.dataset.view, getComputedStyle(img).filter])"""
    expect(page.locator("#recon-windowing")).to_be_visible()
    assert {used for _, used in page.evaluate(filters)} == {"none"}
    reset = page.get_by_role("button", name="Reset", exact=True)
    expect(reset).to_be_disabled()
    page.get_by_role("slider", name="Window in grey values").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#recon-window-shown")).to_have_text("253")
    expect(page.locator("#recon-place")).to_contain_text("Page 1 ")  # the arrows were the slider's
    curve = page.locator("#window-level feFuncR")
    assert float(curve.get_attribute("slope") or "") == pytest.approx(255 / 253)
    assert float(curve.get_attribute("intercept") or "") == pytest.approx((253 / 2 - 127.5) / 253)
    for view, used in page.evaluate(filters):
        assert (used == "none") == (view == "error")
    reset.click()
    expect(page.locator("#page-reconstructions[data-windowed]")).to_have_count(0)
    assert {used for _, used in page.evaluate(filters)} == {"none"}


def test_colour_images_have_no_window(page: Page, api: httpx.Client) -> None:
    page.goto(f"/reconstructions?dataset={_dataset(api, 3)}")
    page.wait_for_selector("#recon-hists svg")
    expect(page.locator("#recon-windowing")).to_be_hidden()


def test_an_image_is_enlarged_by_mouse_and_by_keyboard(page: Page, api: httpx.Client) -> None:
    page.goto(f"/reconstructions?dataset={_dataset(api, 1)}")
    page.wait_for_selector("#recon-hists svg")
    cards = page.locator(".card")
    first, second = cards.nth(0), cards.nth(1)
    dialog = page.get_by_role("dialog")
    first.locator('img[data-view="image"]').click()
    expect(dialog).to_be_visible()
    sources = "(e) => [...e.querySelectorAll('img')].map((i) => i.src)"
    assert dialog.evaluate(sources) == first.evaluate(sources)
    side = dialog.locator("img").first.evaluate("(i) => i.getBoundingClientRect().width / i.naturalWidth")
    assert side > 5
    assert side == int(side)
    expect(page.get_by_role("button", name="Previous image")).to_be_disabled()
    page.keyboard.press("ArrowRight")
    assert dialog.evaluate(sources) == second.evaluate(sources)
    psnr = float(second.get_attribute("data-psnr") or "")
    expect(dialog.locator('[data-figure="psnr"] .hist-value')).to_have_text(WORDS["psnr"](psnr))
    expect(page.locator("#recon-place")).to_contain_text("Page 1 ")  # the arrow turned no page
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    opener = second.get_by_role("button", name="Enlarge")
    opener.focus()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_an_image_enlarged_at_once_after_another_was_closed_stays(page: Page, api: httpx.Client) -> None:
    page.goto(f"/reconstructions?dataset={_dataset(api, 1)}")
    page.wait_for_selector("#recon-hists svg")
    page.locator('.card img[data-view="image"]').first.click()
    dialog = page.locator("#enlarged")
    expect(dialog).to_be_visible()
    expect(page).to_have_url(re.compile("enlarged="))
    # On a busy page the store may hear of the closing only when the second image is open already.
    page.evaluate(
        """() => {
            const set = window.dash_clientside.set_props;
            window.dash_clientside.set_props = (...what) => setTimeout(() => set(...what), 100);
            window.closings = 0;
            document.addEventListener("close", () => (window.closings += 1), true);
            const open = () => document.querySelectorAll("#recon-grid .card-enlarge")[1].click();
            const box = document.getElementById("enlarged");
            box.addEventListener("close", open, { once: true });
            box.close();
        }"""
    )
    second = page.locator(".card").nth(1).get_attribute("data-point")
    expect(page).to_have_url(re.compile(f"enlarged={second}$"))
    expect(dialog).to_be_visible()
    assert page.evaluate("window.closings") == 1
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page).not_to_have_url(re.compile("enlarged="))


TRANSFORMS = (
    "(e) => [...e.querySelectorAll('img')].map((i) => new DOMMatrix(getComputedStyle(i).transform).toJSON())"
)


def test_the_enlarged_pictures_zoom_together(page: Page, api: httpx.Client) -> None:
    page.goto(f"/reconstructions?dataset={_dataset(api, 1)}")
    page.wait_for_selector("#recon-hists svg")
    page.locator('.card img[data-view="image"]').first.click()
    dialog = page.locator("#enlarged")
    view = dialog.locator(".zoom-view").nth(1)
    box = view.bounding_box()
    assert box is not None

    def seen() -> tuple[float, float, float]:
        """Zoom and upper left corner in parts of the picture, the same of all three."""
        first, *others = dialog.evaluate(TRANSFORMS)
        assert others == [first, first]
        return first["a"], -first["e"] / first["a"] / box["width"], -first["f"] / first["a"] / box["height"]

    whole = page.get_by_role("button", name="Whole image")
    expect(whole).to_be_disabled()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    page.mouse.wheel(0, -120)
    expect(page.locator("#enlarged-zoom")).to_have_text("2×")
    assert seen() == pytest.approx((2, 0.375, 0.125), abs=0.01)  # what is below the mouse stays there
    page.mouse.down()
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.05 * box["height"], steps=3)
    page.mouse.up()
    assert seen() == pytest.approx((2, 0.475, 0.225), abs=0.01)
    page.keyboard.press("Shift+ArrowLeft")
    assert seen() == pytest.approx((2, 0.35, 0.225), abs=0.01)
    page.get_by_role("button", name="Zoom in").click()
    assert seen() == pytest.approx((4, 0.475, 0.35), abs=0.01)
    page.keyboard.press("0")
    assert seen() == (1, 0, 0)
    for _ in range(4):
        page.keyboard.press("+")
    expect(page.get_by_role("button", name="Zoom in")).to_be_disabled()
    page.keyboard.press("Shift+ArrowRight")
    expect(dialog).to_be_visible()
    assert seen()[0] == 16
    page.keyboard.press("ArrowRight")  # another image is shown whole
    expect(whole).to_be_disabled()
    assert seen() == (1, 0, 0)
    # A button that can do no more keeps the focus: the next key goes on to the next image, and turns no page.
    page.get_by_role("button", name="Zoom in").click()
    whole.click()
    expect(whole).to_be_focused()
    page.keyboard.press("ArrowRight")
    third = page.locator(".card").nth(2).get_attribute("data-point")
    page.wait_for_url(re.compile(f"enlarged={third}$"))
    expect(page.locator("#recon-place")).to_contain_text("Page 1 ")
    # Zooming in the middle of a drag moves nothing by itself.
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.keyboard.press("+")
    page.mouse.down()
    page.keyboard.press("+")
    before = seen()
    page.mouse.move(box["x"] + 0.5 * box["width"] - 4, box["y"] + 0.5 * box["height"])
    assert seen() == pytest.approx((4, before[1] + 1 / box["width"], before[2]), abs=0.001)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.mouse.up()
    page.locator(".card").first.locator('img[data-view="image"]').click()
    assert seen() == (1, 0, 0)


SLOPE = "() => Number(document.querySelector('#window-level feFuncR').getAttribute('slope'))"
SHOWN = "(e) => e.open && [...e.querySelectorAll('img')].map((i) => i.src).join()"


def test_a_link_keeps_window_and_level(page: Page, api: httpx.Client) -> None:
    page.goto(f"/reconstructions?dataset={_dataset(api, 1)}")
    page.wait_for_selector(".card")
    for name, key in (("Window", "ArrowLeft"), ("Level", "ArrowRight")):
        slider = page.get_by_role("slider", name=f"{name} in grey values")
        slider.focus()
        page.keyboard.press(key)
        page.keyboard.press(key)
    window, level = "253", "130"  # from 127.5 to whole grey values
    page.wait_for_url(re.compile(rf"&window={window}&level={level}$"))
    fresh = page.context.new_page()
    fresh.goto(page.url)
    expect(fresh.locator("#recon-windowing")).to_be_visible()
    expect(fresh.locator("#page-reconstructions[data-windowed]")).to_have_count(1)
    for name, value in (("window", window), ("level", level)):
        expect(fresh.locator(f"#recon-{name}-shown")).to_have_text(value)
    assert fresh.evaluate(SLOPE) == pytest.approx(255 / float(window))
    assert fresh.url == page.url
    # Back from another page as much as when it is opened.
    fresh.locator(".card-place").first.click()
    expect(fresh.locator("#page-map")).to_be_visible()
    fresh.go_back()
    expect(fresh.locator("#page-reconstructions[data-windowed]")).to_be_visible()
    assert fresh.url == page.url
    fresh.get_by_role("button", name="Reset", exact=True).click()
    fresh.wait_for_url(re.compile(r"/reconstructions\?dataset=[^&]+$"))


def test_a_link_keeps_the_enlarged_image(page: Page, api: httpx.Client) -> None:
    page.goto("/")
    page.wait_for_selector(".legend-row")
    page.get_by_role("link", name="Reconstructions").click()
    page.wait_for_selector("#recon-hists svg")
    page.locator(".card").nth(2).locator("img").first.click()
    page.keyboard.press("ArrowRight")
    point = page.locator(".card").nth(3).get_attribute("data-point")
    page.wait_for_url(re.compile(f"enlarged={point}$"))
    dialog = page.locator("#enlarged")
    sources = dialog.evaluate(SHOWN)
    assert f"/pictures/{point}/" in sources
    fresh = page.context.new_page()
    fresh.goto(page.url)
    expect(fresh.locator("#enlarged")).to_be_visible()
    assert fresh.locator("#enlarged").evaluate(SHOWN) == sources
    assert fresh.url == page.url
    expect(fresh.locator('#enlarged [data-figure="psnr"] .hist-now')).to_have_count(1)  # these come later
    # It belongs to its page, and comes back with it.
    page.go_back()
    expect(page.locator("#page-map")).to_be_visible()
    assert dialog.evaluate("(e) => e.open") is False
    page.go_forward()
    expect(dialog).to_be_visible()
    assert dialog.evaluate(SHOWN) == sources
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.wait_for_function("() => !location.search.includes('enlarged')")


def test_back_and_forward_open_and_close_the_enlarged_image(page: Page, api: httpx.Client) -> None:
    name = _dataset(api, 1)
    page.goto(f"/reconstructions?dataset={name}")
    page.wait_for_selector("#recon-hists svg")
    last = page.locator("#recon-last")
    last.click()
    page.wait_for_url(re.compile("page="))
    point = page.locator(".card").last.get_attribute("data-point")
    query = page.evaluate("() => location.search")
    page.evaluate(
        """(link) => { history.pushState(null, '', link); window.dispatchEvent(new PopStateEvent('popstate')); }""",
        f"/reconstructions?dataset={name}&window=100&enlarged={_first(api, name)}",
    )
    dialog = page.locator("#enlarged")
    expect(dialog).to_be_visible()
    expect(page.locator("#recon-window-shown")).to_have_text("100")
    assert _first(api, name) in dialog.evaluate(SHOWN)
    page.go_back()
    expect(dialog).to_be_hidden()
    expect(page.locator(f'.card[data-point="{point}"]')).to_be_visible()
    expect(page.locator("#recon-window-shown")).to_have_text("255")
    assert page.evaluate("() => location.search") == query
    page.go_forward()
    expect(dialog).to_be_visible()
    assert _first(api, name) in dialog.evaluate(SHOWN)


def _first(api: httpx.Client, name: str) -> str:
    """The image that comes first on the page of a data set."""
    asked = {"dataset": name, "split": "test", "sort": "psnr", "order": "asc", "limit": 1}
    return "{dataset}/{split}/{position}".format(**api.get("/v1/samples", params=asked).json()["items"][0])


def test_an_image_of_another_page_is_not_enlarged(page: Page, api: httpx.Client) -> None:
    name = _dataset(api, 1)
    page.goto(f"/reconstructions?dataset={name}&page=2&enlarged={_first(api, name)}")
    page.wait_for_selector(".card")
    page.wait_for_function("() => !location.search.includes('enlarged')")
    expect(page.locator("#enlarged")).to_be_hidden()
