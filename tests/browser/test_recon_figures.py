"""Histograms, window and level, and the enlarged image on the reconstructions page."""

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
